"""A sala de aula: servidores, exercícios, perguntas, palpites, passaporte do modelo, progresso e gráficos."""
