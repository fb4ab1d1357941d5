"""Exercício do notebook laboratorios/vigiar_ao_vivo."""

from math import nan

from course_utils.classroom.exercises.engine import NotYetError, exercise

# (o que se experimenta, valores, opções, a janela em que o alarme toca, o próximo passo)
SERIES = (
    ("três seguidas", [0.02, 0.3, 0.4, 0.5, 0.6], {}, 3, "toque na janela que completa a sequência, e só nela."),
    ("picos isolados", [0.3, 0.3, 0.1, 0.3, 0.3, 0.2], {}, None, "zere a conta quando uma janela não passa."),
    ("exatamente o limite", [0.25, 0.25, 0.25], {}, None, "acima do limite é `>`, não `>=`."),
    ("um NaN no meio", [0.9, 0.9, nan, 0.9, 0.9], {}, None, "um NaN interrompe a sequência."),
    ("nenhuma janela", [], {}, None, "sem valores, devolva None."),
    (
        "outro limite",
        [0.02, 0.12, 0.11],
        {"limit": 0.1, "windows": 2},
        2,
        "use `limit` e `windows`, e não 0,25 e 3.",
    ),
    ("a primeira janela", [0.9, 0.1], {"windows": 1}, 0, "com windows=1, a primeira acima do limite já toca."),
)


@exercise("laboratorios/vigiar_ao_vivo")
def vigiar_alarme(answer):
    """Um alarme que só toca depois de algumas janelas seguidas acima do limite."""
    if not callable(answer):
        raise NotYetError("uma função", type(answer).__name__, "escreva resposta = alarm, sem parênteses.")
    for what, values, options, expected, step in SERIES:
        received = answer(list(values), **options)
        if received is not expected and (expected is None or isinstance(received, bool) or received != expected):
            given = f"alarm({values}{''.join(f', {name}={value}' for name, value in options.items())})"
            raise NotYetError(f"{expected} em {given} ({what})", repr(received)[:40], step)
