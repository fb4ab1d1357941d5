"""Exercícios dos laboratórios que não são de um notebook da aula: o cluster e a vigia."""

from math import nan

from course_utils.classroom.exercises.engine import NotYetError, exercise

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


@exercise("laboratorios/alem_de_uma_maquina", function="desired")
def cluster_replicas_desejadas(answer):
    """A regra do autoscaling, ⌈em curso ÷ alvo⌉ entre o mínimo e o máximo."""
    for (ongoing, target, low, high), (expected, advice) in REPLICAS.items():
        received = answer(ongoing, target, low, high)
        if isinstance(received, bool) or not isinstance(received, int | float) or received != expected:
            case = f"{expected} para desired({ongoing}, {target}, {low}, {high})"
            raise NotYetError(case, repr(received), advice)


@exercise("laboratorios/vigiar_ao_vivo", function="alarm")
def vigiar_alarme(answer):
    """Um alarme que só toca depois de algumas janelas seguidas acima do limite."""
    for what, values, options, expected, step in SERIES:
        received = answer(list(values), **options)
        if received is not expected and (expected is None or isinstance(received, bool) or received != expected):
            given = f"alarm({values}{''.join(f', {name}={value}' for name, value in options.items())})"
            raise NotYetError(f"{expected} em {given} ({what})", repr(received), step)
