"""Exercício do notebook extra sobre o cluster."""

from course_utils.classroom.exercises.engine import NotYetError, exercise

# (em curso, alvo, mínimo, máximo) → réplicas, e o que dizer a quem erra.
CASES = {
    (9, 4, 1, 5): (3, "com duas, cada uma teria mais que o alvo: arredonde para cima."),
    (8, 4, 1, 5): (2, "a conta exata não pede uma a mais."),
    (100, 4, 1, 5): (5, "nunca passe do máximo."),
    (0, 4, 1, 5): (1, "sem pedidos, fica o mínimo."),
    (0, 4, 0, 5): (0, "o mínimo pode ser zero."),
    (5, 2.5, 2, 8): (2, "o alvo pode ser fracionário."),
}


@exercise("laboratorios/alem_de_uma_maquina")
def cluster_replicas_desejadas(answer):
    """A regra do autoscaling, ⌈em curso ÷ alvo⌉ entre o mínimo e o máximo."""
    if not callable(answer):
        raise NotYetError("uma função", type(answer).__name__, "escreva resposta = desired, sem parênteses.")
    for (ongoing, target, low, high), (expected, advice) in CASES.items():
        received = answer(ongoing, target, low, high)
        if isinstance(received, bool) or not isinstance(received, int | float) or received != expected:
            case = f"{expected} para desired({ongoing}, {target}, {low}, {high})"
            raise NotYetError(case, repr(received)[:60], advice)
