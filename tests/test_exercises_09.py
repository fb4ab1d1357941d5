"""Conferência do exercício do notebook 09 (poda em cadeia): certas, erradas e hostis."""

import numpy as np
import pytest

from course_utils.classroom import exercises


def feedback(capsys, answer):
    """O que o aluno lê ao conferir `answer`."""
    exercises.check("poda_em_cadeia", answer)
    return capsys.readouterr().out


def strongest(w1, count):
    return np.argsort(np.linalg.norm(w1, axis=1))[-count:]


def in_order(w1, b1, w2, count):
    kept = np.sort(strongest(w1, count))
    return w1[kept], b1[kept], w2[:, kept]


def in_any_order(w1, b1, w2, count):
    kept = strongest(w1, count)
    return [w1[kept], b1[kept], w2[:, kept]]


@pytest.mark.parametrize("answer", [in_order, in_any_order])
def test_every_consistent_order_passes(capsys, answer):
    assert feedback(capsys, answer) == "✔ Certo!\n"


def rows_of_second(w1, b1, w2, count):
    kept = strongest(w1, count)
    return w1[kept], b1[kept], w2[:count]


def weakest(w1, b1, w2, count):
    kept = np.argsort(np.linalg.norm(w1, axis=1))[:count]
    return w1[kept], b1[kept], w2[:, kept]


def first_ones(w1, b1, w2, count):
    return w1[:count], b1[:count], w2[:, :count]


def forgot_bias(w1, b1, w2, count):
    kept = strongest(w1, count)
    return w1[kept], b1, w2[:, kept]


def mixed_orders(w1, b1, w2, count):
    kept = strongest(w1, count)
    return w1[kept], b1[kept], w2[:, np.sort(kept)[[1, 0, 2]]]


def in_place(w1, b1, w2, count):
    w1[:] = 0
    return in_order(w1, b1, w2, count)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (rows_of_second, "w2[:, kept]"),
        (weakest, "maior norma"),
        (first_ones, "maior norma"),
        (forgot_bias, "b1[kept]"),
        (mixed_orders, "mesma ordem"),
        (in_place, "intactos"),
        (lambda w1, b1, w2, count: None, "NoneType"),
        (lambda w1, b1, w2, count: (w1, b1), "três arrays"),
    ],
)
def test_each_wrong_answer_says_what_it_lacks(capsys, answer, words):
    text = feedback(capsys, answer)
    assert text.startswith("✘ Ainda não. Esperava") and words in text


def explodes(*arguments):
    raise RuntimeError("bum")


def nan(w1, b1, w2, count):
    return w1[:count] * np.nan, b1[:count], w2[:, :count]


@pytest.mark.parametrize(
    "answer", [None, 7, "texto", print, explodes, nan, lambda: 0, lambda *a: ("a", "b", "c"), lambda *a: "abc"]
)
def test_hostile_answers_become_a_sentence(capsys, answer):
    assert feedback(capsys, answer).splitlines()[-1].startswith("✘ Ainda não.")


def test_a_blank_answer_only_reminds(capsys):
    assert feedback(capsys, ...).startswith("Ainda sem resposta")
