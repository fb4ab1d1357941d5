"""Exercício do laboratório 05."""

import inspect

import numpy as np

from course_utils.classroom.exercises.engine import NotYetError, exercise

# Os inteiros, a escala, o zero_point.
CASES = (
    ([0, 10, 20], 0.25, 0),
    ([0, 10, 20], 0.25, 4),
    ([[-128, -1, 0, 127]], 0.0625, 21),
    ([-128], 0.5, 127),
)


@exercise("laboratorios/05_litert_e_aparelhos", function="e o nome dela")
def borda_desquantizar(answer):
    """Uma função `(q, scale, zero_point)` que devolve os números reais por trás dos inteiros de 8 bits.

    A fórmula é `real = scale × (q − zero_point)` (LiteRT 8-bit quantization specification).
    """
    try:
        inspect.signature(answer).bind(None, None, None)
    except (TypeError, ValueError):
        next_step = "receba q, scale e zero_point, nesta ordem."
        raise NotYetError("uma função de três argumentos", "outra", next_step) from None
    for values, scale, zero_point in CASES:
        q = np.array(values, np.int8)
        given = q.copy()
        received = answer(given, scale, zero_point)
        expected = scale * (q.astype(np.float64) - zero_point)
        if not np.array_equal(given, q):
            raise NotYetError("q como chegou", "q modificado", "faça a conta num array novo (sem -=, *= nem +=).")
        if not isinstance(received, np.ndarray) or received.shape != q.shape:
            shape = f"a forma {received.shape}" if isinstance(received, np.ndarray) else type(received).__name__
            raise NotYetError(f"um array de forma {q.shape}", shape, "devolva um real para cada inteiro de q.")
        right = _close(received, expected)
        if not right.all():
            at = int(right.argmin())
            context = f"q = {q.ravel()[at]}, scale = {scale}, zero_point = {zero_point}"
            text = f"{received.ravel()[at]} para {context}"
            raise NotYetError(f"{expected.ravel()[at]}", text, _advice(q, scale, zero_point, received))


def _close(received, expected):
    """Que números (bool, um por número) são os esperados; nenhum, se não são números."""
    if received.dtype.kind not in "iuf":
        return np.zeros(expected.shape, bool)
    return np.isclose(received, expected, rtol=1e-6, atol=1e-6)


def _advice(q, scale, zero_point, received):
    """O próximo passo: reconhece os enganos comuns pelo número que eles produzem."""
    wide = q.astype(np.float64)
    wrapped = (wide - zero_point).astype(np.int64).astype(np.int8)
    mistakes = {
        "subtraia o zero_point antes de multiplicar.": scale * wide - zero_point,
        "subtraia o zero_point: ele é o inteiro que representa o real 0.": scale * (wide + zero_point),
        "ainda falta o zero_point.": scale * wide,
        "multiplique por scale: ela é o tamanho de um degrau.": (wide - zero_point) / scale,
        "ainda falta multiplicar por scale.": wide - zero_point,
        "em int8 a subtração dá a volta (−128 − 21 vira 107): antes dela, q.astype('float32').": scale * wrapped,
    }
    for advice, wrong in mistakes.items():
        if _close(received, wrong).all():
            return advice
    return "confira a fórmula: real = scale * (q - zero_point)."
