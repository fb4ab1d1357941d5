"""A sala de aula: servidores, exercícios, passaporte do modelo, gráficos e a conferência do ambiente."""
