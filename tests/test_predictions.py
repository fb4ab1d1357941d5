"""O Preveja: um clique, guardado nesta máquina, mostrado ao lado do que se mediu; nada espera por ele."""

import json

import pytest

from course_utils.classroom import predictions


@pytest.fixture
def file(tmp_path):
    return tmp_path / "nova" / "predictions.json"


@pytest.fixture
def shown(monkeypatch):
    """O que foi para a tela, na ordem."""
    outputs = []
    monkeypatch.setattr(predictions, "display", lambda data, raw: outputs.append(data))
    return outputs


def board(prediction, options=(), unit=""):
    """O widget vivo: `(linha dos botões ou do campo, recado)`."""
    make = predictions._buttons if options else predictions._field
    _, line, news = make(prediction, options or unit).children
    return line.children, news


def test_one_click_is_kept_marked_and_compared(file, shown):
    guess = predictions.Prediction("02_onnx", "Tamanho", file)
    (few, many), news = board(guess, ("2 MB", "20 MB"))
    assert guess.guess is None and news.value == ""
    few.click()
    many.click()
    assert guess.guess == "20 MB" and "Anotado: 20 MB" in news.value
    assert "preveja-escolhido" in many._dom_classes and "preveja-escolhido" not in few._dom_classes
    guess.compare("7,4 MB")
    assert shown[0]["text/plain"] == "Você previu: 20 MB. Mediu: 7,4 MB."
    saved = json.loads(file.read_text(encoding="utf-8"))
    assert saved == {"02_onnx": {"Tamanho": {"guess": "20 MB", "measured": "7,4 MB"}}}


def test_a_number_is_typed_and_kept_with_its_unit(file):
    guess = predictions.Prediction("02_onnx", "Tamanho", file)
    (text, _, button), news = board(guess, unit="MB")
    button.click()
    assert guess.guess is None and news.value == ""
    text.value = "  20 "
    assert guess.guess == "20 MB" and "Anotado: 20 MB" in news.value


def test_without_a_guess_the_measure_is_shown_all_the_same(file, shown):
    predictions.Prediction("02_onnx", "Tamanho", file).compare("7,4 MB")
    assert shown[0]["text/plain"] == "Mediu: 7,4 MB (sem palpite seu)."
    # A linha que o JupyterLab mostra de uma saída recolhida não conta a resposta.
    assert "7,4" not in shown[0]["text/html"].splitlines()[0]


def test_it_reads_as_plain_text_where_nothing_runs(file, shown):
    predictions.ask("02_onnx", "Tamanho", options=("<2 MB", "20 MB"), file=file)
    predictions.ask("02_onnx", "Tempo", unit="ms", file=file)
    static = [output for output in shown if "text/html" in output]
    assert static[0]["text/plain"] == "<2 MB · 20 MB" and "<li>&lt;2 MB</li>" in static[0]["text/html"]
    assert static[1]["text/plain"] == "Um número, em ms." and predictions.INVITATION in static[1]["text/html"]


def test_a_guess_comes_back_with_the_notebook_and_a_broken_file_is_a_blank_one(file):
    predictions.Prediction("02_onnx", "Tamanho", file).keep(guess="20 MB")
    (few, many), news = board(predictions.Prediction("02_onnx", "Tamanho", file), ("2 MB", "20 MB"))
    assert "preveja-escolhido" in many._dom_classes and "Anotado: 20 MB" in news.value
    file.write_text('["lixo"]', encoding="utf-8")
    assert predictions.read(file) == {} and predictions.Prediction("02_onnx", "Tamanho", file).guess is None
