"""Conferência do exercício do notebook 06 (Parsons): certas, erradas e hostis."""

import nbformat
import pytest
from hostile import Explosive

from course_utils import lesson
from course_utils.classroom import exercises


def feedback(capsys, answer):
    """O que o aluno lê ao conferir `answer`."""
    exercises.check("flask_parsons", answer)
    return capsys.readouterr().out


@pytest.mark.parametrize(
    "answer",
    [
        "FDBGAHCE",
        "DFBGAHCE",  # o modelo antes da aplicação
        "FBGAHCED",  # o modelo depois da função, que só o procura quando é chamada
        "f, d, b, g, a, h, c, e",
        "F → D → B → G → A → H → C → E",
        list("FDBGAHCE"),
        tuple("dfbgahce"),
    ],
)
def test_every_order_that_serves_passes(capsys, answer):
    assert feedback(capsys, answer) == "✔ Certo!\n"


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ("FBGIAHCE", "2 vezes em 2 requisições"),  # a linha que sobra, no lugar da certa
        ("FBGAHICE", "2 vezes em 2 requisições"),
        ("FBGAHCIE", "predictor criado antes"),
        ("FDBGHACE", "images criado antes"),
        ("FDBGACHE", "batch criado antes"),
        ("FDBGEAHC", "logits criado antes"),
        ("DBGAHCEF", "app criado antes"),
        ("FDGBAHCE", "logo abaixo do def"),
        ("FBDGAHCE", "o @ vem logo acima"),
        ("FBGAHDCE", "logo abaixo do def"),
        ("AHCEFDBG", "Python não entende"),
        ("FDBGIAHC", "endpoint sem return"),
        ("FDGIAHCE", "rota /predict"),
        ("FDBGAHC", "8 das 9 linhas; recebi 7"),
        ("FDBGAHCEI", "8 das 9 linhas; recebi 9"),
        ("", "recebi 0"),
        ("FDBGAHCC", "C repetida"),
        ("FDBGAHCX", "'X'"),
        (["FD", 3], "'3'"),
    ],
)
def test_each_wrong_order_says_what_it_lacks(capsys, answer, words):
    text = feedback(capsys, answer)
    assert text.startswith("✘ Ainda não. Esperava") and words in text


@pytest.mark.parametrize("answer", [None, 7, {}, {"F": 1}, b"FDBGAHCE", print, [Explosive()], [None], "A" * 10**6])
def test_hostile_answers_become_a_sentence(capsys, answer):
    assert feedback(capsys, answer).startswith("✘ Ainda não.")


def test_a_blank_answer_only_reminds(capsys):
    assert feedback(capsys, ...).startswith("Ainda sem resposta")


def test_the_notebook_shows_the_lines_that_are_checked():
    (path,) = lesson.find_notebooks(["06"])
    outputs = [
        output.get("text", "")
        for cell in nbformat.read(path, as_version=4).cells
        for output in cell.get("outputs", [])
    ]
    shown = "".join(f"{letter} | {line}\n" for letter, line in exercises.ENDPOINT_LINES.items())
    assert any(text.startswith(shown) for text in outputs)
