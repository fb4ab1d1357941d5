"""Conferência do exercício do notebook extra_imagens_de_verdade: certas, erradas e hostis."""

import numpy as np
import pytest

from course_utils.classroom import exercises


def feedback(capsys, answer):
    """O que o aluno lê ao conferir `answer`."""
    exercises.check("imagens_tinta", answer)
    return capsys.readouterr().out


def by_median(grey):
    distance = np.abs(grey.astype(float) - np.median(grey))
    return distance / max(distance.max(), 1)


def by_corner(grey):
    distance = np.abs(grey.astype(int) - int(grey[0, 0]))
    return distance if not distance.any() else distance / distance.max()


def forgets_the_type(grey):
    distance = np.abs(grey - np.uint8(np.median(grey)))
    return distance / max(distance.max(), 1)


def only_dark_ink(grey):
    return (255 - grey) / 255


def never_stretches(grey):
    return np.abs(grey.astype(float) - np.median(grey)) / 255


def divides_by_zero(grey):
    distance = np.abs(grey.astype(float) - np.median(grey))
    with np.errstate(invalid="ignore"):
        return distance / distance.max()


@pytest.mark.parametrize("answer", [by_median, by_corner])
def test_the_right_inks_pass(capsys, answer):
    assert feedback(capsys, answer) == "✔ Certo!\n"


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (only_dark_ink, "np.abs"),
        (never_stretches, "divida pela maior distância"),
        (divides_by_zero, "não divida por ela"),
        (forgets_the_type, "converta para float"),
        (lambda grey: grey.mean(), "um número por pixel"),
        (lambda grey: "x", "ValueError"),
        (lambda grey: grey, "ao tom do papel"),
        (lambda: 3, "TypeError"),
        ("to_ink", "recebi str"),
        (None, "recebi NoneType"),
    ],
)
def test_each_wrong_ink_says_what_it_lacks(capsys, answer, words):
    text = feedback(capsys, answer)
    assert text.startswith("✘ Ainda não.") and words in text and len(text) < 1000


def test_a_blank_answer_only_reminds(capsys):
    assert feedback(capsys, ...).startswith("Ainda sem resposta")
