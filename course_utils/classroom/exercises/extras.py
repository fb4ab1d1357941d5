"""Exercícios dos laboratórios sem notebook na aula: o cluster, a vigia, o modelo de linguagem e o desafio."""

from math import nan

from course_utils.classroom.exercises.engine import NotYetError, exercise, is_number

# (em curso, alvo, mínimo, máximo) → réplicas, e o que dizer a quem erra.
REPLICAS = {
    (9, 4, 1, 5): (3, "com duas, cada uma teria mais que o alvo: arredonde para cima."),
    (8, 4, 1, 5): (2, "a conta exata não pede uma a mais."),
    (100, 4, 1, 5): (5, "nunca passe do máximo."),
    (0, 4, 1, 5): (1, "sem pedidos, fica o mínimo."),
    (0, 4, 0, 5): (0, "o mínimo pode ser zero."),
    (5, 2.5, 2, 8): (2, "o alvo pode ser fracionário."),
}
OTHER_LIMIT = {"limit": 0.1, "windows": 2}
# (o que se experimenta, valores, opções, a janela em que o alarme toca, o próximo passo)
SERIES = (
    ("três seguidas", [0.02, 0.3, 0.4, 0.5, 0.6], {}, 3, "toque na janela que completa a sequência, e só nela."),
    ("picos isolados", [0.3, 0.3, 0.1, 0.3, 0.3, 0.2], {}, None, "zere a conta quando uma janela não passa."),
    ("exatamente o limite", [0.25, 0.25, 0.25], {}, None, "acima do limite é `>`, não `>=`."),
    ("um NaN no meio", [0.9, 0.9, nan, 0.9, 0.9], {}, None, "um NaN interrompe a sequência."),
    ("nenhuma janela", [], {}, None, "sem valores, devolva None."),
    ("outro limite", [0.02, 0.12, 0.11], OTHER_LIMIT, 2, "use `limit` e `windows`, e não 0,25 e 3."),
    ("a primeira janela", [0.9, 0.1], {"windows": 1}, 0, "com windows=1, a primeira acima do limite já toca."),
)
# (tokens, camadas, cabeças de chave e valor, números por cabeça, bytes por número) → bytes.
CACHES = {
    (1, 30, 3, 64, 4): 46_080,
    (8192, 30, 3, 64, 2): 188_743_680,
    (1, 32, 8, 128, 2): 131_072,
    (1024, 32, 8, 128, 1): 67_108_864,
    (0, 30, 3, 64, 2): 0,
}


@exercise("laboratorios/alem_de_uma_maquina", function="desired")
def cluster_replicas_desejadas(answer):
    """A regra do autoscaling, ⌈em curso ÷ alvo⌉ entre o mínimo e o máximo."""
    for arguments, (expected, advice) in REPLICAS.items():
        received = answer(*arguments)
        if not is_number(received) or received != expected:
            raise NotYetError(f"{expected} para desired{arguments}", repr(received), advice)


@exercise("laboratorios/vigiar_ao_vivo", function="alarm")
def vigiar_alarme(answer):
    """Um alarme que só toca depois de algumas janelas seguidas acima do limite."""
    for what, values, options, expected, step in SERIES:
        received = answer(list(values), **options)
        if received is not expected and not (is_number(received) and received == expected):
            given = f"alarm({values}{''.join(f', {name}={value}' for name, value in options.items())})"
            raise NotYetError(f"{expected} em {given} ({what})", repr(received), step)


@exercise("laboratorios/modelo_de_linguagem", function="kv_bytes")
def linguagem_cache_kv(answer):
    """A memória do cache KV: duas tabelas (chaves e valores), em cada camada, para cada token."""
    for arguments, expected in CACHES.items():
        received = answer(*arguments)
        if not is_number(received) or received != expected:
            advice = _cache_advice(received, expected, arguments)
            raise NotYetError(f"{expected} para kv_bytes{arguments}", repr(received)[:60], advice)


def _cache_advice(received, expected, arguments):
    """O que dizer, pelo quanto falta ou sobra."""
    tokens, layers, heads, size, width = arguments
    whole = "multiplique 2 × camadas × cabeças × números por cabeça × bytes × tokens."
    if not is_number(received):
        return whole
    if received * 2 == expected:
        return "são duas tabelas por camada: a das chaves (K) e a dos valores (V)."
    if received and received * width == expected:
        return "falta o tamanho de cada número, em bytes."
    if received * layers == expected:
        return "cada camada tem o seu cache."
    if received == expected * 8:
        return "a resposta é em bytes, e não em bits."
    return whole


@exercise("laboratorios/10_desafio", seconds=150)
def central_no_ar(answer):
    """A entrega do deploy da central; mostra o laudo inteiro."""
    from course_utils.classroom import capstone

    report = capstone.inspect(answer)
    print(report, end="\n\n")
    if report.failures:
        first = report.failures[0]
        raise NotYetError(f"{first.expected} ({first.what})", first.received, first.next_step)
