"""Conferência dos exercícios do notebook 03: certas, erradas (cada uma com o seu custo) e hostis."""

from itertools import product
from math import ceil, nan

import pytest
from hostile import Explosive

from course_utils.classroom import exercises
from course_utils.classroom.exercises import nb03

RIGHT = {"banco": "dedicado", "loja": "nuvem", "clinica": "dedicado", "coletor": "borda", "startup": "nuvem"}
HOMES = ("dedicado", "nuvem", "borda")


def feedback(capsys, answer):
    """O que o aluno lê ao conferir `answer`."""
    exercises.check("opcoes_cinco_casos", answer)
    return capsys.readouterr().out


@pytest.mark.parametrize(
    "answer",
    [
        RIGHT,
        RIGHT | {"clinica": "borda"},
        {case: f" {home.upper()}. " for case, home in RIGHT.items()},
        {
            "banco": "servidor dedicado",
            "loja": "cloud",
            "clínica": "Edge AI",
            "Coletor": "edge",
            "start-up": "Nuvem",
        },
    ],
)
def test_right_answers_pass(capsys, answer):
    assert feedback(capsys, answer) == "✔ Certo!\n"


@pytest.mark.parametrize(("case", "home"), list(product(RIGHT, HOMES)))
def test_each_choice_is_right_or_says_what_it_would_cost(capsys, case, home):
    text = feedback(capsys, RIGHT | {case: home})
    if RIGHT[case] == home or (case, home) == ("clinica", "borda"):
        assert text == "✔ Certo!\n"
    else:
        assert text.startswith("✘ Ainda não. Esperava outra casa em 1 dos 5 casos")
        assert nb03.COSTS[case][home] in text


def test_each_cost_is_of_its_own():
    costs = [cost for homes_of_case in nb03.COSTS.values() for cost in homes_of_case.values()]
    assert len(set(costs)) == len(costs) == 9


def test_several_wrong_choices_are_all_explained(capsys):
    text = feedback(capsys, dict.fromkeys(RIGHT, "nuvem"))
    assert "3 dos 5 casos" in text
    assert all(nb03.COSTS[case]["nuvem"] in text for case in ("banco", "clinica", "coletor"))


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ([], "recebi list"),
        ("nuvem", "recebi str"),
        ({}, "recebi nenhum"),
        ({"banco": "nuvem"}, "recebi banco"),
        (RIGHT | {"padaria": "nuvem"}, "padaria"),
        (RIGHT | {"loja": "lua"}, "'lua'"),
        (RIGHT | {"loja": ""}, "dedicado, nuvem ou borda"),
        (RIGHT | {"loja": None}, "'none'"),
        (RIGHT | {"loja": ["nuvem"]}, "dedicado, nuvem ou borda"),
    ],
)
def test_malformed_answers_say_what_was_expected(capsys, answer, words):
    text = feedback(capsys, answer)
    assert text.startswith("✘ Ainda não. Esperava") and words in text


@pytest.mark.parametrize(
    "answer",
    [None, 7, print, {1: 2}, {Explosive(): 1}, RIGHT | {"loja": Explosive()}, RIGHT | {"loja": "n" * 10**6}],
)
def test_hostile_answers_become_a_sentence(capsys, answer):
    text = feedback(capsys, answer)
    assert text.startswith("✘ Ainda não.") and len(text) < 1000


def test_a_blank_answer_only_reminds(capsys):
    assert feedback(capsys, ...).startswith("Ainda sem resposta")


# ------------------------------------------------------------------ a reserva, no laboratório das calculadoras


def reserve(capsys, answer):
    exercises.check("opcoes_reserva", answer)
    return capsys.readouterr().out


def enough(peak, rate, target):
    return ceil(peak / (rate * target))


def test_the_reserve_is_one_more_than_enough(capsys):
    assert reserve(capsys, lambda *case: enough(*case) + 1) == "✔ Certo!\n"
    assert reserve(capsys, lambda *case: float(enough(*case) + 1)) == "✔ Certo!\n"


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (7, "sem parênteses"),
        (enough, "some a reserva"),
        (lambda peak, rate, target: int(peak / (rate * target)) + 1, "some a reserva"),
        (lambda peak, rate, target: peak / (rate * target) + 1, "arredonde para cima"),
        (lambda peak, rate, target: ceil(peak / rate) + 1, "arredonde para cima"),
        (lambda *case: None, "NoneType"),
        (lambda *case: "16", "str"),
        (lambda *case: nan, "float"),
        (lambda *case: True, "bool"),
        (lambda: 16, "TypeError"),
        (lambda *case: 1 / 0, "ZeroDivisionError"),
    ],
)
def test_a_wrong_reserve_says_what_to_do(capsys, answer, words):
    text = reserve(capsys, answer)
    assert text.startswith("✘ Ainda não.") and words in text
