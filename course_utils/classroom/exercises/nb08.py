"""Exercício do laboratório 08."""

import numpy as np

from course_utils.classroom.exercises.engine import NotYetError, exercise


@exercise("laboratorios/08_quantizacao_a_fundo", function="per_channel")
def quantizacao_por_canal(answer):
    """`per_channel(weights, bits)` → marcas simétricas e uma escala por linha."""
    random = np.random.default_rng(8)
    sizes = np.array([0.01, 1, 0, 30, 5], np.float32)[:, None]  # linhas muito diferentes, e uma de zeros
    weights = random.normal(size=(5, 64)).astype(np.float32) * sizes
    for bits in (8, 4):
        top = 2 ** (bits - 1) - 1
        peaks = np.abs(weights).max(axis=1)
        scales = np.where(peaks > 0, peaks / top, 1)
        marks = np.rint(weights / scales[:, None])
        with np.errstate(all="ignore"):
            received = answer(weights.copy(), bits)
        _compare(received, marks, scales, top, bits)


def _compare(received, marks, scales, top, bits):
    """Levanta `NotYetError` se `received` não é o par (marcas, escalas) esperado."""
    if not isinstance(received, tuple | list) or len(received) != 2:
        raise NotYetError("dois valores", type(received).__name__, "termine com return marks, scales.")
    their_marks, their_scales = (np.asarray(item) for item in received)
    if their_marks.dtype.kind not in "iuf" or their_scales.dtype.kind not in "iuf":
        kinds = f"{their_marks.dtype} e {their_scales.dtype}"
        raise NotYetError("números", kinds, "devolva dois arrays do NumPy.")
    if their_marks.shape != marks.shape:
        raise NotYetError(f"marcas de forma {marks.shape}", f"{their_marks.shape}", "cada peso vira uma marca.")
    if their_scales.size != len(scales):
        raise NotYetError(f"{len(scales)} escalas", f"{their_scales.size}", "é uma por linha: use axis=1.")
    used = marks.any(axis=1)  # na linha de zeros, qualquer escala positiva serve
    flat = their_scales.reshape(-1)
    if not (np.isfinite(their_marks).all() and np.isfinite(flat).all() and (flat > 0).all()):
        expected = "números finitos e escalas positivas"
        raise NotYetError(expected, "NaN, infinito ou zero", "cuide da linha de zeros.")
    if not np.allclose(flat[used], scales[used], rtol=1e-4):
        found = f"{flat[0]:.3g} na 1.ª linha, com {bits} bits"
        raise NotYetError(f"escala {scales[0]:.3g}", found, "divida o maior |peso| da linha pela maior marca.")
    if np.abs(their_marks).max() > top:
        raise NotYetError(f"marcas até {top}", f"{np.abs(their_marks).max():g}", "a régua é simétrica.")
    if not np.array_equal(their_marks, marks):
        wrong = int((their_marks != marks).sum())
        raise NotYetError("a marca mais próxima", f"{wrong} marcas diferentes", "arredonde com np.rint.")
