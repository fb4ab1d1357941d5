"""O que o curso lembra do aluno: o passaporte, o progresso, o resumo em HTML; e o relógio."""

import re

import pytest
from bs4 import BeautifulSoup
from kernels import run_cell

from course_utils import lesson
from course_utils.classroom import passport, predictions, progress, state
from course_utils.classroom.exercises import engine
from course_utils.classroom.lesson_clock import PAUSE_S, LessonClock


@pytest.fixture
def stamps(tmp_path, monkeypatch):
    """Um aluno que ainda não fez nada: dá o passaporte dele (dict), em que o teste escreve."""
    monkeypatch.setattr(engine, "FILE", tmp_path / "novo" / "exercises.json")
    monkeypatch.setattr(predictions, "FILE", tmp_path / "novo" / "predictions.json")
    monkeypatch.setattr(progress, "SUMMARY", tmp_path / "novo" / "certificado.html")
    kept = {}
    monkeypatch.setattr(passport, "read", lambda: kept)
    return kept


def test_a_stamp_is_read_back_in_order_and_a_second_one_replaces_it_but_for_the_minutes(
    tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(passport, "FILE", tmp_path / "novo" / "passport.json")
    passport.stamp("02_onnx", {"Tamanho (MB)": 7.41, "Formatos": 2}, LessonClock(iter([0, 90]).__next__))
    passport.stamp("01_salvar", {"Formatos": 6})
    passport.stamp("02_onnx", {"Tamanho (MB)": 7.5})
    found = passport.read()
    assert found == {"01_salvar": {"Formatos": 6}, "02_onnx": {"Tamanho (MB)": 7.5, passport.MINUTES: 1.5}}
    assert list(found) == ["01_salvar", "02_onnx"]
    assert "Passaporte carimbado: 02_onnx." in capsys.readouterr().out
    assert [path.name for path in passport.FILE.parent.iterdir()] == ["passport.json"]
    passport.stamp("02_onnx", {}, LessonClock(iter([0, 60]).__next__))
    assert passport.read()["02_onnx"] == {passport.MINUTES: 1}


@pytest.mark.parametrize("content", [None, b"{meio", b"\xff", b"[]"])
def test_a_missing_or_broken_file_is_a_blank_one(tmp_path, monkeypatch, content):
    file = tmp_path / "notas.json"
    if content is not None:
        file.write_bytes(content)
    monkeypatch.setattr(passport, "FILE", file)
    assert state.read(file) == passport.read() == {}
    state.add(file, "um", dois=3)
    assert state.read(file) == {"um": {"dois": 3}}


def test_the_passport_is_shown_with_decimal_commas():
    text = passport.text({"02_onnx": {"Diferença máxima": 1.9073e-06, "Tamanho (MB)": 7.412, "Formatos": 3}})
    assert "1,91e-06" in text and "7,41" in text and " 3" in text
    assert "em branco" in passport.text({})


def test_what_was_done_in_each_notebook_is_counted_and_where_to_go_on_is_told(stamps, capsys):
    stamps["00_a_ponte"] = {passport.MINUTES: 7.4}
    state.write(engine.FILE, {"salvar_formato_certo": "2026-01-01"})
    rows = progress.table().rows
    assert [row[0] for row in rows] == [path.stem for path in lesson.find_notebooks()]
    assert rows[0][:5] == ("00_a_ponte", "sim", 6, "7", "0 de 0") and sum(row[2] for row in rows) == 90
    assert rows[1][:5] == ("01_salvar_e_carregar", "não", 9, "–", "1 de 1")
    progress.show()
    assert capsys.readouterr().out.endswith("Continue em 01_salvar_e_carregar.\n")


def test_the_summary_is_self_contained_accessible_and_escaped(stamps, capsys):
    assert progress.export(" \n") is None and not progress.SUMMARY.parent.exists()
    assert "Escreva o seu nome" in capsys.readouterr().out
    assert "Ainda em branco" in progress.export("Zé").read_text(encoding="utf-8")
    stamps["00_a_ponte"] = {"<b>Acurácia</b> (%)": 99.25}
    state.add(predictions.FILE, "00_a_ponte: Tamanho", guess="20 <MB")
    text = progress.export("  Zé <script>alert(1)</script> & {filho} $name\n").read_text(encoding="utf-8")
    page = BeautifulSoup(text, "html.parser")
    assert page.html["lang"] == "pt-BR" and "http" not in text
    assert not page.find_all(["script", "link", "img", "iframe", "b"])
    assert [tag.name for tag in page.find_all(re.compile("^h[1-6]$"))] == ["h1", "h2", "h2"]
    assert len(page.find_all("caption")) == len(page.find_all("table")) == 3
    assert all(tag.has_attr("scope") for tag in page.find_all("th"))
    words = page.get_text()
    assert "Zé <script>alert(1)</script> & {filho} $name" in words and "não é um documento oficial" in words
    assert "99,2" in words and "20 <MB" in words


def test_the_clock_adds_up_the_minutes_and_cuts_the_long_pauses():
    seconds = (0, 60, 60 + PAUSE_S, 61 + 2 * PAUSE_S, 121 + 2 * PAUSE_S)  # a segunda pausa passa do limite
    clock = LessonClock(iter(seconds).__next__)
    for _ in seconds[1:-1]:
        clock.mark()
    assert clock.minutes == (60 + PAUSE_S + 60) / 60


def test_the_kernel_tells_the_clock_of_every_cell(kernel):
    _, client = kernel
    run_cell(client, "from course_utils.classroom import lesson_clock\nclock = lesson_clock.start()")
    before = float(run_cell(client, "", "clock._last"))
    run_cell(client, "1 + 1")
    assert float(run_cell(client, "", "clock._last")) > before
    assert run_cell(client, "", "0 < clock.minutes < 5") == "True"
