"""Conferência do exercício do notebook 04: cada situação, cada modo errado, respostas hostis."""

import itertools

import pytest
from hostile import Explosive

from course_utils.classroom import exercises
from course_utils.classroom.exercises.nb04 import PROBLEMS as BY_CASE

PROBLEMS = {(c, m): t for c, ms in BY_CASE.items() for m, t in ms.items()}
RIGHT = {"A": "tempo real", "B": "lote", "C": "assíncrono", "D": "serverless"}


def feedback(capsys, answer):
    """O que o aluno lê ao conferir `answer`."""
    exercises.check("nuvem_modo_certo", answer)
    return capsys.readouterr().out


@pytest.mark.parametrize(
    "answer",
    [
        RIGHT,
        {"a": "Tempo real", "b": " LOTE ", "c": "assincrono", "d": "Serverless."},
        {"D": "serverless", "C": "async", "B": "batch", "A": "real-time"},
    ],
)
def test_the_right_modes_pass_however_they_are_written(capsys, answer):
    assert feedback(capsys, answer) == "✔ Certo!\n"


def test_every_wrong_mode_has_its_own_reason(capsys):
    wrong = [pair for pair in itertools.product(RIGHT, RIGHT.values()) if RIGHT[pair[0]] != pair[1]]
    assert set(wrong) == set(PROBLEMS) and len(set(PROBLEMS.values())) == 12
    for case, mode in wrong:
        text = feedback(capsys, RIGHT | {case: mode})
        assert (
            text.startswith(f"✘ Ainda não. Esperava outro modo na situação {case}")
            and PROBLEMS[case, mode] in text
        )


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ("lote", "um dicionário; recebi str"),
        ({}, "recebi nenhuma"),
        ({"A": "tempo real"}, "as situações A, B, C e D; recebi A"),
        (RIGHT | {"E": "lote"}, "recebi A, B, C, D, E"),
        (RIGHT | {"B": "nuvem"}, "corrija a situação B"),
        (RIGHT | {"C": None}, "recebi 'none'"),
    ],
)
def test_an_incomplete_answer_says_what_it_lacks(capsys, answer, words):
    text = feedback(capsys, answer)
    assert text.startswith("✘ Ainda não. Esperava") and words in text


@pytest.mark.parametrize(
    "answer", [None, 7, [], b"lote", print, {Explosive(): "lote"}, RIGHT | {"A": Explosive()}, {"A": "x" * 10**7}]
)
def test_hostile_answers_become_a_sentence(capsys, answer):
    text = feedback(capsys, answer)
    assert text.startswith("✘ Ainda não.") and len(text) < 500


def test_a_blank_answer_only_reminds(capsys):
    assert feedback(capsys, ...).startswith("Ainda sem resposta")
