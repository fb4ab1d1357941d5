"""O que uma célula mostra: o Preveja, o veredito, a página de um servidor. Nada espera, e nada interrompe."""

import json
from html import unescape
from types import SimpleNamespace

import nbformat
import pytest

from course_utils import lesson
from course_utils.classroom import pages, predictions
from course_utils.classroom.verdicts import Verdicts

NAME = ("02_onnx", "Tamanho")


@pytest.fixture
def shown(tmp_path, monkeypatch):
    """O que foi para a tela, na ordem; os palpites são só deste teste."""
    monkeypatch.setattr(predictions, "FILE", tmp_path / "nova" / "predictions.json")
    outputs = []
    for module in (pages, predictions):
        monkeypatch.setattr(module, "display", lambda data, raw: outputs.append(data))
    return outputs


def test_one_click_is_kept_compared_and_comes_back(shown):
    guess = predictions.Prediction(*NAME)
    _, buttons, news = predictions._board(guess, ("2 MB", "20 MB"), "").children
    assert (guess.guess, buttons.value, news.value) == (None, None, "")
    buttons.value = "2 MB"
    buttons.value = "20 MB"
    assert guess.guess == "20 MB" and "Anotado: 20 MB" in news.value
    guess.compare("7,4 MB")
    assert shown[0]["text/plain"] == "Você previu: 20 MB. Mediu: 7,4 MB."
    assert json.loads(predictions.FILE.read_text(encoding="utf-8")) == {
        "02_onnx: Tamanho": {"guess": "20 MB", "measured": "7,4 MB"}
    }
    _, buttons, news = predictions._board(guess, ("2 MB", "20 MB"), "").children
    assert buttons.value == "20 MB" and "Anotado: 20 MB" in news.value
    assert predictions.table("02_onnx").rows == predictions.table().rows == [("Tamanho", "20 MB", "7,4 MB")]
    assert predictions.table("01_salvar") is None


def test_a_number_is_typed_and_kept_with_its_unit(shown):
    guess = predictions.Prediction(*NAME)
    _, line, news = predictions._board(guess, (), "MB").children
    text, _, button = line.children
    button.click()
    assert guess.guess is None and news.value == ""
    text.value = "  20 "
    assert guess.guess == "20 MB" and "Anotado: 20 MB" in news.value


def test_without_a_guess_the_measure_is_shown_all_the_same(shown):
    predictions.Prediction(*NAME).compare("7,4 MB")
    assert shown[0]["text/plain"] == "Mediu: 7,4 MB (sem palpite seu)."
    # A linha que o JupyterLab mostra de uma saída recolhida não conta a resposta.
    assert "7,4" not in shown[0]["text/html"].splitlines()[0]
    assert predictions.table() is None


def test_a_claim_that_holds_and_one_that_does_not_are_told_and_kept(monkeypatch, capsys):
    monkeypatch.setattr("course_utils.measure.machine.instructions", lambda: None)
    verdicts = Verdicts()
    verdicts.check("o menor é mais rápido", 3 > 2)
    verdicts.check("int8 ganha de float32", 0.9 > 1)
    confirmed, refuted = capsys.readouterr().out.splitlines()
    assert confirmed == "✔ Confirmou-se aqui: o menor é mais rápido."
    assert refuted.startswith(
        "✘ Aqui não se confirmou: int8 ganha de float32. O que se vê desta máquina: instruções que o sistema não"
    )
    assert verdicts == {"o menor é mais rápido": "confirmou-se", "int8 ganha de float32": "não se confirmou"}


def test_the_frame_asks_before_it_opens_and_is_stored_as_a_sentence(shown):
    pages.show(SimpleNamespace(page_url="http://127.0.0.1:1234/"), "docs", height=300, title='A "página"')
    frame = shown[0]["text/html"]
    assert frame.startswith('<p><a href="http://127.0.0.1:1234/docs" target="_blank"')
    assert 'title="A &quot;página&quot;"' in frame and "height: 300px" in frame
    door = unescape(frame.split('srcdoc="')[1].split('"')[0])
    assert 'fetch("http://127.0.0.1:1234/docs"' in door and "Rode de novo a célula que o inicia" in door
    cell = nbformat.v4.new_code_cell(outputs=[nbformat.v4.new_output("display_data", shown[0])])
    (stored,) = lesson.normalise(nbformat.v4.new_notebook(cells=[cell])).cells
    assert stored.outputs[0].data == {"text/plain": lesson.LIVE_PAGE}
