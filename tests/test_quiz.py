"""O quiz sem navegador: o HTML parado não conta a resposta, a escolha diz o porquê, e tudo se retoma."""

import dataclasses
import json
import re

import nbformat
import pytest

from course_utils import lesson
from course_utils.classroom import pages, quiz, state
from course_utils.classroom.quiz import board, questions

POOL = questions.load()
LAB = "laboratorios/02_conversoes"
PAIR = questions.group(LAB, "recall")
ESSAY = next(question for question in POOL if not question.options)
LONG = "Sem deploy ninguém usa o modelo; com ele, a esteira pergunta e o envelope segue."


@pytest.fixture(autouse=True)
def file(tmp_path, monkeypatch):
    """As respostas só deste teste."""
    monkeypatch.setattr(questions, "ANSWERS", tmp_path / "nova" / "answers.json")
    return questions.ANSWERS


def parts(view):
    """De cada pergunta, o que vem depois do enunciado."""
    return [box.children[1:] for box in view.children[1:]]


def pick(view, place, correct):
    """Escolhe a primeira opção certa (ou errada) da pergunta e a devolve."""
    option = next(option for option in PAIR[place].options if option.correct == correct)
    buttons, _ = parts(view)[place]
    buttons.value = option
    return option


# ------------------------------------------------------------------ o que fica no notebook


def test_the_static_page_would_be_the_same_with_other_answers():
    for question in POOL:
        turned = tuple(
            dataclasses.replace(option, correct=not option.correct, feedback="outro")
            for option in question.options
        )
        other = dataclasses.replace(question, options=turned, rubric=("outro",), model_answer="outra")
        assert board.group_html([question]) == board.group_html([other])


@pytest.mark.parametrize("path", lesson.find_notebooks([""]), ids=lesson.name_of)
def test_the_notebook_asks_its_questions_and_keeps_the_answers_out(path):
    name, whole = lesson.name_of(path), path.read_text(encoding="utf-8")
    code = [cell for cell in nbformat.reads(whole, as_version=4).cells if cell.cell_type == "code"]
    asked = {kind: cell for cell in code for kind in re.findall(rf'quiz\.show\("{name}", "(\w+)"\)', cell.source)}
    assert asked.keys() == {question.kind for question in POOL if question.notebook == name}
    for kind, cell in asked.items():
        group = questions.group(name, kind)
        stored = [output.data for output in cell.outputs if output.output_type == "display_data"]
        assert {"text/html": board.group_html(group), "text/plain": board.group_text(group)} in stored
    hidden = [option.feedback for question in POOL for option in question.options]
    hidden += [text for question in POOL for text in (*question.rubric, question.model_answer) if text]
    assert not [text for text in hidden if json.dumps(text, ensure_ascii=False)[1:-1] in whole]


def test_the_cell_shows_the_static_page_and_the_live_quiz_and_only_the_first_is_stored(file, monkeypatch):
    shown = []
    monkeypatch.setattr(pages, "display", lambda data, raw: shown.append(data))
    quiz.show(LAB, "recall")
    assert not file.exists(), "só olhar não grava nada"
    assert set(shown[1]) == {"application/vnd.jupyter.widget-view+json"}
    outputs = [nbformat.v4.new_output("display_data", data=data) for data in shown]
    cell = nbformat.v4.new_code_cell("x", outputs=outputs)
    (stored,) = lesson.normalise(nbformat.v4.new_notebook(cells=[cell])).cells[0].outputs
    assert stored.data == {"text/html": board.group_html(PAIR), "text/plain": board.group_text(PAIR)}


# ------------------------------------------------------------------ responder


def test_each_choice_tells_its_why_the_first_one_counts_and_who_comes_back_finds_it(file):
    view = board.build(PAIR)
    wrong = pick(view, 0, correct=False)
    told = parts(view)[0][1].value
    assert "✘ " in told and "Ainda não" in told and board.inline(wrong.feedback) in told and 'role="alert"' in told
    right = pick(view, 0, correct=True)
    told = parts(view)[0][1].value
    assert "✔ " in told and board.inline(right.feedback) in told
    pick(view, 1, correct=True)
    assert state.read(file)[PAIR[0].id] == {"tried": [wrong.text, right.text]}
    assert questions.score().by_topic["salvar"][:2] == (1, 2)
    assert [path.name for path in file.parent.iterdir()] == ["answers.json"]

    (buttons, why), _ = parts(board.build(PAIR))
    assert buttons.value == right and "✔ " in why.value and 'role="status"' in why.value


@pytest.mark.parametrize("content", ["{meio", "[]", '{"%s": {"tried": ["texto antigo"]}}'])
def test_a_broken_or_outdated_state_is_an_unanswered_question(file, content):
    file.parent.mkdir()
    file.write_text(content.replace("%s", PAIR[0].id), encoding="utf-8")
    view = board.build(PAIR)
    assert parts(view)[0][1].value == ""
    pick(view, 0, correct=True)
    assert questions.score().by_notebook[LAB][:2] == (1, 1)


def test_the_open_question_shows_criteria_and_model_only_after_something_is_written_and_is_resumed():
    ((text, check, news),) = parts(board.build([ESSAY]))
    text.value = "Porque sim."
    check.click()
    assert "Escreva antes" in news.value and "checkbox" not in news.value
    text.value = LONG
    check.click()
    assert news.value.count('type="checkbox"') == len(ESSAY.rubric)
    assert all(board.inline(told) in news.value for told in (*ESSAY.rubric, ESSAY.model_answer))
    assert parts(board.build([ESSAY]))[0][0].value == LONG


def test_the_result_by_topic_says_in_a_table_what_to_read_again():
    answers = {"q06_recusa": True, "q06_carregar": True, "q07_laco": False, "q09_zeros": True, "qv_amostra": False}
    for name, correct in answers.items():
        question = next(question for question in POOL if question.id == name)
        chosen = [option.text for option in question.options if option.correct == correct][:1]
        state.add(questions.ANSWERS, name, tried=chosen)
    score = quiz.score()
    assert score.by_topic["apis"][:2] == (2, 3) and score.by_notebook["06_api_flask"][:2] == (2, 2)
    assert list(score.by_topic) == [
        "ponte", "salvar", "onnx", "opções", "nuvem", "borda", "apis", "quantização", "poda",
        "modelos de linguagem", "vigilância",
    ]  # fmt: skip
    assert sum(result.total for result in score.by_topic.values()) == len(POOL) - 1
    missing = score.by_topic["apis"].total - 3
    assert f"apis · 2 de 3 (faltam {missing}) · 06_api_flask, 07_api_fastapi" in score.text()
    assert "vigilância · 0 de 1 (falta 1) · laboratorios/vigiar_ao_vivo" in score.text()
    assert "poda · 1 de 1 (" in score.text() and '<th scope="row">apis</th><td>2 de 3' in score.html()
