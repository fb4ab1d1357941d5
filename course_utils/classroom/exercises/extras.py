"""Exercícios dos laboratórios sem notebook na aula: o cluster, a vigia, o modelo de linguagem."""

from math import nan

from course_utils.classroom.exercises.engine import compare_calls, exercise

# Em curso, alvo, mínimo e máximo; as réplicas; o próximo passo de quem erra.
REPLICAS = (
    ((9, 4, 1, 5), 3, "com duas, cada uma teria mais que o alvo: arredonde para cima."),
    ((8, 4, 1, 5), 2, "a conta exata não pede uma a mais."),
    ((100, 4, 1, 5), 5, "nunca passe do máximo."),
    ((0, 4, 1, 5), 1, "sem pedidos, fica o mínimo."),
    ((0, 4, 0, 5), 0, "o mínimo pode ser zero."),
    ((5, 2.5, 2, 8), 2, "o alvo pode ser fracionário."),
)
# Os valores e, às vezes, o limite e as janelas; a janela em que o alarme toca.
SERIES = (
    (([0.02, 0.3, 0.4, 0.5, 0.6],), 3, "toque na janela que completa a sequência, e só nela."),
    (([0.3, 0.3, 0.1, 0.3, 0.3, 0.2],), None, "zere a conta quando uma janela não passa."),
    (([0.25, 0.25, 0.25],), None, "acima do limite é `>`, não `>=`."),
    (([0.9, 0.9, nan, 0.9, 0.9],), None, "um NaN interrompe a sequência."),
    (([],), None, "sem valores, devolva None."),
    (([0.02, 0.12, 0.11], 0.1, 2), 2, "use `limit` e `windows`, e não 0,25 e 3."),
    (([0.9, 0.1], 0.25, 1), 0, "com windows=1, a primeira acima do limite já toca."),
)
# Tokens, camadas, cabeças de chave e valor, números por cabeça, bytes por número; os bytes.
CACHES = (
    (
        (1, 1, 1, 1, 1),
        2,
        "são duas tabelas por camada, a das chaves (K) e a dos valores (V), em bytes.",
    ),
    ((1, 30, 1, 1, 1), 60, "cada camada tem o seu cache."),
    ((1, 30, 3, 64, 1), 11_520, "cada cabeça guarda todos os seus números."),
    ((1, 30, 3, 64, 4), 46_080, "falta o tamanho de cada número, em bytes."),
    ((8192, 30, 3, 64, 2), 188_743_680, "cada token ocupa o seu lugar no cache."),
)


@exercise("laboratorios/alem_de_uma_maquina", function="desired")
def cluster_replicas_desejadas(answer):
    """A regra do autoscaling, ⌈em curso ÷ alvo⌉ entre o mínimo e o máximo."""
    compare_calls(answer, "desired", REPLICAS)


@exercise("laboratorios/vigiar_ao_vivo", function="alarm")
def vigiar_alarme(answer):
    """Um alarme que só toca depois de algumas janelas seguidas acima do limite."""
    compare_calls(answer, "alarm", SERIES)


@exercise("laboratorios/modelo_de_linguagem", function="kv_bytes")
def linguagem_cache_kv(answer):
    """A memória do cache KV: duas tabelas (chaves e valores), em cada camada, para cada token."""
    compare_calls(answer, "kv_bytes", CACHES)
