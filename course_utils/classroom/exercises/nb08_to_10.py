"""Exercícios dos laboratórios 08, 09 e 10: a quantização por canal, a poda em cadeia, o desafio."""

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
        with np.errstate(all="ignore"):
            received = answer(weights.copy(), bits)
        _compare_pair(received, np.rint(weights / scales[:, None]), scales, bits)


def _compare_pair(received, marks, scales, bits):
    """Levanta `NotYetError` se `received` não é o par (marcas, escalas) esperado."""
    if not isinstance(received, tuple | list) or len(received) != 2:
        raise NotYetError("dois valores", type(received).__name__, "termine com return marks, scales.")
    their_marks, their_scales = (np.asarray(item, float) for item in received)
    if their_marks.shape != marks.shape or their_scales.size != len(scales):
        expected = f"marcas de forma {marks.shape} e {len(scales)} escalas"
        found = f"a forma {their_marks.shape} e {their_scales.size}"
        raise NotYetError(expected, found, "a escala é uma por linha: use axis=1.")
    used, flat = marks.any(axis=1), their_scales.reshape(-1)  # na linha de zeros, qualquer escala positiva serve
    if not np.isfinite(their_marks).all() or not (flat > 0).all():
        expected = "números finitos e escalas positivas"
        raise NotYetError(expected, "NaN, infinito ou zero", "cuide da linha de zeros.")
    if not np.allclose(flat[used], scales[used], rtol=1e-4):
        found = f"{flat[0]:.3g} na 1.ª linha, com {bits} bits"
        raise NotYetError(f"escala {scales[0]:.3g}", found, "divida o maior |peso| da linha pela maior marca.")
    if not np.array_equal(their_marks, marks):
        wrong = int((their_marks != marks).sum())
        raise NotYetError("a marca mais próxima", f"{wrong} marcas diferentes", "arredonde com np.rint.")


@exercise("laboratorios/09_poda_a_fundo", function="prune_pair")
def poda_em_cadeia(answer):
    """Tirar neurônios de uma camada e, na seguinte, as colunas que liam deles."""
    random = np.random.default_rng(9)
    first, bias, second = random.normal(size=(6, 4)), random.normal(size=6), random.normal(size=(3, 6))
    first *= np.array([1, 0.1, 2, 0.2, 3, 0.3])[:, None]  # os mais fortes: 0, 2 e 4
    received = answer(first.copy(), bias.copy(), second.copy(), 3)
    if not isinstance(received, tuple | list) or len(received) != 3:
        raise NotYetError("três arrays: w1, b1 e w2", "outra coisa", "termine com return w1…, b1…, w2…")
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
    if not np.allclose(_two_layers(*small, inputs), _two_layers(first[kept], bias[kept], second[:, kept], inputs)):
        expected = "a mesma saída da rede com os outros três zerados"
        raise NotYetError(expected, "outra saída", "use o mesmo kept, na mesma ordem, nos três arrays.")


def _two_layers(first, bias, second, inputs):
    """As duas camadas, com ReLU no meio."""
    return second @ (first @ inputs + bias[:, None]).clip(0)


@exercise("laboratorios/10_desafio", mapping="uma cópia de `delivery` com as suas escolhas", seconds=150)
def central_no_ar(answer):
    """A entrega do deploy da central; mostra o laudo inteiro."""
    from course_utils.classroom import capstone  # ele também usa o motor dos exercícios

    report = capstone.inspect(answer)
    print(report, end="\n\n")
    if report.failures:
        first = report.failures[0]
        raise NotYetError(f"{first.expected} ({first.what})", first.received, first.next_step)
