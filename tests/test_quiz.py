"""O quiz sem navegador: o HTML parado não conta a resposta, a escolha diz o porquê, e tudo se retoma."""

import dataclasses
import json
import re

import nbformat
import pytest

from course_utils import lesson
from course_utils.classroom import pages, quiz
from course_utils.classroom.quiz import answers, board, questions

POOL = questions.load()
LAB = "laboratorios/02_conversoes"
PAIR = questions.group(LAB, "recall", POOL)
ESSAY = next(question for question in POOL if question.is_open)
LONG = "Sem deploy ninguém usa o modelo; com ele, a esteira pergunta e o envelope segue."


@pytest.fixture(autouse=True)
def file(tmp_path, monkeypatch):
    """As respostas só deste teste."""
    monkeypatch.setattr(answers, "FILE", tmp_path / "nova" / "answers.json")
    return answers.FILE


def parts(view):
    """As perguntas (cada uma com enunciado, botões e porquê), o botão de recomeçar e o recado dele."""
    _, *boxes, restart, news = view.children
    return boxes, restart, news


def pick(view, question, correct):
    """Clica na primeira opção certa (ou errada) da pergunta e devolve `(opção, botão, porquê)`."""
    box = parts(view)[0][question]
    _, *buttons, feedback = box.children
    place = next(i for i, option in enumerate(PAIR[question].options) if option.correct == correct)
    buttons[place].click()
    return PAIR[question].options[place], buttons[place], feedback.value


# ------------------------------------------------------------------ o que fica no notebook


def test_the_static_page_would_be_the_same_with_other_answers():
    for question in POOL:
        turned = tuple(
            dataclasses.replace(option, correct=not option.correct, feedback="outro")
            for option in question.options
        )
        rubric = question.rubric and ("outro",)
        other = dataclasses.replace(question, options=turned, rubric=rubric, model_answer="outra")
        assert board.group_html([question]) == board.group_html([other])
        assert board.group_text([question]) == board.group_text([other])


def test_the_static_page_escapes_what_it_shows():
    assert board.inline("a < b `x < y`") == "a &lt; b <code>x &lt; y</code>"


@pytest.mark.parametrize("path", lesson.find_notebooks(), ids=lambda path: path.stem)
def test_the_notebook_asks_its_questions_and_keeps_the_answers_out(path):
    notebook = nbformat.read(path, as_version=4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    wanted = {question.kind for question in POOL if question.notebook == path.stem}
    asked = re.findall(rf'quiz\.show\("{path.stem}", "(\w+)"\)', "\n".join(cell.source for cell in code))
    assert sorted(asked) == sorted(wanted)
    for kind in asked:
        cell = next(cell for cell in code if f'quiz.show("{path.stem}", "{kind}")' in cell.source)
        stored = [output.data for output in cell.outputs if output.output_type == "display_data"]
        group = questions.group(path.stem, kind, POOL)
        assert {"text/html": board.group_html(group), "text/plain": board.group_text(group)} in stored
    whole = json.dumps(notebook, ensure_ascii=False)
    hidden = [option.feedback for question in POOL for option in question.options]
    hidden += [text for question in POOL for text in (*question.rubric, question.model_answer) if text]
    assert not [text for text in hidden if json.dumps(text, ensure_ascii=False)[1:-1] in whole]


def test_the_cell_shows_the_static_page_and_the_live_quiz_and_only_the_first_is_stored(file, monkeypatch):
    shown = []
    monkeypatch.setattr(pages, "display", lambda data, raw: shown.append(data))
    assert quiz.show(LAB, "recall") == 2
    assert not file.exists(), "só olhar não grava nada"
    assert set(shown[1]) == {"application/vnd.jupyter.widget-view+json"}
    outputs = [nbformat.v4.new_output("display_data", data=data) for data in shown]
    cell = nbformat.v4.new_code_cell("x", outputs=outputs)
    (stored,) = lesson.normalise(nbformat.v4.new_notebook(cells=[cell])).cells[0].outputs
    assert stored.data == {"text/html": board.group_html(PAIR), "text/plain": board.group_text(PAIR)}


# ------------------------------------------------------------------ escolher


def test_each_choice_tells_its_why_and_only_the_first_one_counts(file):
    view = board.build(PAIR)
    for _ in "ab":  # a mesma escolha duas vezes é uma
        wrong, button, told = pick(view, 0, correct=False)
    assert "✘ Ainda não" in told and board.inline(wrong.feedback) in told and 'role="alert"' in told
    assert button.description.startswith("✘ ") and "quiz-wrong" in button._dom_classes
    assert answers.read()[PAIR[0].id] == {"tried": [wrong.text]}
    right, button, told = pick(view, 0, correct=True)
    assert "✔ " in told and board.inline(right.feedback) in told
    assert button.description.startswith("✔ ") and "quiz-right" in button._dom_classes
    pick(view, 1, correct=True)
    assert answers.Score(PAIR, answers.read()).by_topic["salvar"][:3] == (1, 2, 2)
    assert [path.name for path in file.parent.iterdir()] == ["answers.json"]


def test_who_comes_back_finds_what_was_answered_and_can_start_again():
    pick(board.build(PAIR), 0, correct=False)
    boxes, restart, news = parts(board.build(PAIR))
    marks = [button.description[0] for button in boxes[0].children[1:-1]]
    assert marks.count("✘") == 1 and 'role="status"' in boxes[0].children[-1].value
    assert boxes[1].children[-1].value == ""
    answers.update("de_outro_grupo", tried=["x"])
    restart.click()
    assert "✘" not in [button.description[0] for button in boxes[0].children[1:-1]]
    assert boxes[0].children[-1].value == "" and "Respostas apagadas" in news.value
    assert answers.read() == {"de_outro_grupo": {"tried": ["x"]}}


@pytest.mark.parametrize("content", ["{meio", "[]", '{"%s": {"tried": ["texto antigo"]}}'])
def test_a_broken_or_outdated_state_is_an_unanswered_question(file, content):
    file.parent.mkdir()
    file.write_text(content.replace("%s", PAIR[0].id), encoding="utf-8")
    view = board.build(PAIR)
    assert parts(view)[0][0].children[-1].value == ""
    pick(view, 0, correct=True)
    assert answers.Score(PAIR, answers.read()).by_notebook == {LAB: (1, 1, 2, LAB)}


# ------------------------------------------------------------------ escrever


def test_the_open_question_shows_criteria_and_model_only_after_something_is_written_and_is_resumed():
    (box,), *_ = parts(board.build([ESSAY]))
    text, check, news, criteria = box.children[1:]
    text.value = "Porque sim."
    check.click()
    assert "Escreva antes" in news.value and criteria.children == ()
    text.value = LONG
    check.click()
    _, *ticks, model_button, model = criteria.children
    assert [tick.description for tick in ticks] == [board.plain(text) for text in ESSAY.rubric]
    assert model.value == ""
    ticks[0].value = ticks[3].value = True
    model_button.click()
    assert f"2 de {len(ticks)}" in model.value and board.inline(ESSAY.model_answer) in model.value

    (box,), restart, _ = parts(board.build([ESSAY]))
    assert box.children[1].value == LONG
    assert [tick.value for tick in box.children[4].children[1:6]] == [True, False, False, True, False]
    restart.click()
    assert box.children[1].value == "" and box.children[4].children == () and answers.read() == {}


# ------------------------------------------------------------------ o resultado


def answered(**right):
    """O resultado em que a pergunta `id` foi respondida com a opção certa (True) ou com uma errada (False)."""
    saved = {
        question.id: {"tried": [o.text for o in question.options if o.correct == right[question.id]][:1]}
        for question in POOL
        if question.id in right
    }
    return answers.Score(POOL, saved)


def test_the_result_by_topic_sends_to_the_notebook_with_fewer_right():
    found = answered(q06_recusa=True, q06_carregar=True, q07_laco=False, q09_zeros=True).by_topic
    assert found["apis"][:2] == (2, 3) and found["apis"].notebook == "07_api_fastapi"
    assert found["poda"][:2] == (1, 1) and found["ponte"][:2] == (0, 0)
    assert list(found) == ["ponte", "salvar", "onnx", "opções", "nuvem", "borda", "apis", "quantização", "poda"]
    assert answered().by_topic["apis"].notebook == "06_api_flask"
    assert sum(result.total for result in found.values()) == len(POOL) - 1


def test_the_score_is_a_table_in_words_and_in_html():
    score = answered(q06_recusa=True, q07_laco=False)
    left, other = (score.by_topic[topic].total for topic in ("apis", "poda"))
    assert f"apis · 1 de 2 (faltam {left - 2}) · 07_api_fastapi" in repr(score)
    assert f"poda · 0 de 0 (faltam {other}) · –" in repr(score)
    assert '<th scope="row">apis</th><td>1 de 2' in score._repr_html_()
    assert score.by_notebook["06_api_flask"][:2] == (1, 1)
    assert quiz.score().by_notebook.keys() == score.by_notebook.keys()
