"""Exercício do laboratório 09."""

import numpy as np

from course_utils.classroom.exercises.engine import NotYetError, exercise


@exercise("laboratorios/09_poda_a_fundo", function="prune_pair")
def poda_em_cadeia(answer):
    """Tirar neurônios de uma camada e, na seguinte, as colunas que liam deles."""
    random = np.random.default_rng(9)
    first, bias, second = random.normal(size=(6, 4)), random.normal(size=6), random.normal(size=(3, 6))
    first *= np.array([1, 0.1, 2, 0.2, 3, 0.3])[:, None]  # os mais fortes: 0, 2 e 4
    originals = [item.copy() for item in (first, bias, second)]
    received = answer(first, bias, second, 3)
    if any((item != original).any() for item, original in zip((first, bias, second), originals)):
        raise NotYetError("os arrays de entrada intactos", "um deles alterado", "indexe, sem atribuir: w1[kept].")
    if not isinstance(received, (tuple, list)) or len(received) != 3:
        raise NotYetError("três arrays: w1, b1 e w2", _what(received), "termine com return w1…, b1…, w2…")
    small = [np.asarray(item) for item in received]
    for name, item, shape in zip(("w1", "b1", "w2"), small, ((3, 4), (3,), (3, 3))):
        if item.shape != shape:
            step = "a camada seguinte perde colunas: w2[:, kept]." if name == "w2" else f"use {name}[kept]."
            raise NotYetError(f"{name} de forma {shape}", f"{item.shape}", step)
    kept = sorted(int(np.abs(first - row).sum(1).argmin()) for row in small[0])
    if kept != [0, 2, 4]:
        raise NotYetError("os neurônios 0, 2 e 4, de maior norma", f"{kept}", "meça a norma de cada linha de w1.")
    inputs = random.normal(size=(4, 20))
    if not np.allclose(_run(*small, inputs), _run(*_zeroed(originals, kept), inputs)):
        raise NotYetError(
            "a mesma saída da rede com os outros três zerados",
            "outra saída",
            "use o mesmo kept, na mesma ordem, nos três arrays.",
        )


def _run(first, bias, second, inputs):
    """As duas camadas, com ReLU no meio."""
    return second @ (first @ inputs + bias[:, None]).clip(0)


def _zeroed(arrays, kept):
    """A rede do tamanho original em que só os neurônios `kept` chegam à segunda camada."""
    first, bias, second = (item.copy() for item in arrays)
    second[:, [index for index in range(second.shape[1]) if index not in kept]] = 0
    return first, bias, second


def _what(value):
    return f"{len(value)}" if isinstance(value, (tuple, list)) else type(value).__name__
