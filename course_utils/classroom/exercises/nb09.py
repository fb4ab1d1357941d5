"""Exercício do laboratório 09."""

import numpy as np

from course_utils.classroom.exercises.engine import NotYetError, exercise


@exercise("laboratorios/09_poda_a_fundo", function="prune_pair")
def poda_em_cadeia(answer):
    """Tirar neurônios de uma camada e, na seguinte, as colunas que liam deles."""
    random = np.random.default_rng(9)
    first, bias, second = random.normal(size=(6, 4)), random.normal(size=6), random.normal(size=(3, 6))
    first *= np.array([1, 0.1, 2, 0.2, 3, 0.3])[:, None]  # os mais fortes: 0, 2 e 4
    given = [item.copy() for item in (first, bias, second)]
    received = answer(*given, 3)
    if any((item != original).any() for item, original in zip(given, (first, bias, second))):
        raise NotYetError("os arrays de entrada intactos", "um deles alterado", "indexe, sem atribuir: w1[kept].")
    is_sequence = isinstance(received, tuple | list)
    if not is_sequence or len(received) != 3:
        found = f"{len(received)}" if is_sequence else type(received).__name__
        raise NotYetError("três arrays: w1, b1 e w2", found, "termine com return w1…, b1…, w2…")
    small = [np.asarray(item) for item in received]
    for name, item, shape in zip(("w1", "b1", "w2"), small, ((3, 4), (3,), (3, 3))):
        if item.shape != shape:
            step = "a camada seguinte perde colunas: w2[:, kept]." if name == "w2" else f"use {name}[kept]."
            raise NotYetError(f"{name} de forma {shape}", f"{item.shape}", step)
    kept = sorted(int(np.abs(first - row).sum(1).argmin()) for row in small[0])
    if kept != [0, 2, 4]:
        raise NotYetError("os neurônios 0, 2 e 4, de maior norma", f"{kept}", "meça a norma de cada linha de w1.")
    inputs = random.normal(size=(4, 20))
    # Na ordem que for, a saída é a da rede em que só esses três chegam à segunda camada.
    if not np.allclose(_run(*small, inputs), _run(first[kept], bias[kept], second[:, kept], inputs)):
        expected = "a mesma saída da rede com os outros três zerados"
        raise NotYetError(expected, "outra saída", "use o mesmo kept, na mesma ordem, nos três arrays.")


def _run(first, bias, second, inputs):
    """As duas camadas, com ReLU no meio."""
    return second @ (first @ inputs + bias[:, None]).clip(0)
