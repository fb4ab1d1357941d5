"""O progresso do aluno e o resumo em HTML; e o prazo de toda conferência."""

from datetime import date
from html.parser import HTMLParser

import pytest
from hostile import Explosive

from course_utils import lesson
from course_utils.classroom import certificate, exercises, passport, predictions, progress, state
from course_utils.classroom.exercises import engine, fastapi_api
from course_utils.classroom.progress import Stage

STAGES = [Stage("00_a_ponte", True, 6, 7.4, 1, 1, 3, 4, 5), Stage("01_salvar", False, 9, None, 0, 2, 0, 0, 5)]


@pytest.fixture
def blank(tmp_path, monkeypatch):
    """Um aluno que ainda não fez nada."""
    monkeypatch.setattr(progress, "FILE", tmp_path / "exercises.json")
    monkeypatch.setattr(passport, "read", lambda: {})
    return tmp_path


def test_a_solved_exercise_is_remembered_with_its_first_date(tmp_path):
    file = tmp_path / "novo" / "exercises.json"
    progress.record("um", file)
    state.write(file, {"um": "2026-01-01"})
    progress.record("um", file)
    progress.record("dois", file)
    assert state.read(file) == {"um": "2026-01-01", "dois": date.today().isoformat()}
    assert [path.name for path in file.parent.iterdir()] == ["exercises.json"]


@pytest.mark.parametrize("content", [b"", b"{meio", b"\xff", b"[]", b"7", b"[" * 100_000])
def test_a_broken_file_is_a_blank_one(tmp_path, content):
    file = tmp_path / "exercises.json"
    file.write_bytes(content)
    assert state.read(file) == {}
    assert passport.read(file) == {}
    progress.record("um", file)
    assert list(state.read(file)) == ["um"]


def test_a_folder_that_cannot_be_written_costs_only_the_note(tmp_path):
    (tmp_path / "arquivo").write_text("no lugar da pasta")
    progress.record("um", tmp_path / "arquivo" / "exercises.json")


def test_a_right_answer_is_recorded_and_a_wrong_one_is_not(monkeypatch, capsys):
    monkeypatch.setitem(engine.CHECKS, "certo", lambda answer: None)
    monkeypatch.setitem(engine.CHECKS, "errado", lambda answer: 1 / 0)
    for name in ("certo", "errado"):
        exercises.check(name, 1)
    assert "certo" in state.read(progress.FILE) and "errado" not in state.read(progress.FILE)
    assert not progress.FILE.is_relative_to(passport.FILE.parent)  # os testes não mexem no progresso de ninguém


def test_the_exercises_and_the_minutes_of_the_lesson_are_counted(blank, monkeypatch):
    names = [path.stem for path in lesson.find_notebooks()]
    monkeypatch.setattr(passport, "read", lambda: {names[0]: {passport.MINUTES: 7.4}})
    stages = progress.stages()
    assert [stage.notebook for stage in stages] == names
    assert sum(stage.exercises for stage in stages) == len(set(names) & set(exercises.NOTEBOOKS.values()))
    assert sum(stage.planned for stage in stages) == 90
    assert [stage.taken for stage in stages] == [7.4] + [None] * (len(names) - 1)
    assert [stage.run for stage in stages] == [True] + [False] * (len(names) - 1)


def test_the_progress_says_where_to_go_on():
    assert progress.line(STAGES) == (
        "Seu progresso: 1 de 2 notebooks, 1 de 3 exercícios, 4 de 10 perguntas. Continue em 01_salvar."
    )
    assert progress.line(STAGES[:1]).endswith("Todos rodados!")
    first, second = progress.rows(STAGES)
    assert first == ("00_a_ponte", "sim", 6, "7", "1 de 1", "4 de 5", 3)
    assert second == ("01_salvar", "não", 9, "–", "0 de 2", "0 de 5", 0) and len(first) == len(progress.HEADS)


class Page(HTMLParser):
    """O esqueleto de uma página: as etiquetas, na ordem, com os atributos."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.texts = [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.texts.append(data)


def test_the_certificate_is_self_contained_accessible_and_escaped(tmp_path, monkeypatch):
    monkeypatch.setattr(passport, "read", lambda: {"00_a_ponte": {"<b>Acurácia</b> (%)": 99.25}})
    monkeypatch.setattr(predictions, "read", lambda file: {"00_a_ponte": {"Tamanho": {"guess": "20 <MB"}}})
    name = "  Zé <script>alert(1)</script> & {filho}\n"
    file = certificate.write(name, tmp_path / "novo" / "certificado.html", date(2026, 11, 3))
    text = file.read_text(encoding="utf-8")
    page = Page(text)
    tags = [tag for tag, _ in page.tags]
    assert page.tags[0] == ("html", {"lang": "pt-BR"})
    assert not {"script", "link", "img", "iframe", "b"} & set(tags) and "http" not in text
    assert [tag for tag in tags if tag in ("h1", "h2", "h3")] == ["h1", "h2", "h2"]
    assert tags.count("caption") == tags.count("table") == 3
    assert all("scope" in attributes for tag, attributes in page.tags if tag == "th")
    words = " ".join(page.texts)
    assert "Zé <script>alert(1)</script> & {filho}" in words and "3 de novembro de 2026" in words
    assert "não é um documento oficial" in words and "99,2" in words and "20 <MB" in words


def test_a_blank_passport_and_a_long_name_still_make_a_page(blank):
    file = certificate.write("n" * 10_000, blank / "c.html")
    text = file.read_text(encoding="utf-8")
    assert "n" * 120 in text and "n" * 121 not in text and "Ainda em branco" in text


@pytest.mark.parametrize("name", ["", "   ", "\n"])
def test_without_a_name_nothing_is_written(tmp_path, capsys, name):
    assert certificate.write(name, tmp_path / "c.html") is None
    assert "Escreva o seu nome" in capsys.readouterr().out and not list(tmp_path.iterdir())


# ------------------------------------------------------------------ o prazo das conferências


def forever(*arguments, **options):
    while True:
        pass


async def forever_async(*arguments):
    forever()


def leaves(*arguments):
    raise SystemExit(3)


class UnspeakableError(Explosive, Exception):
    """Um erro que não sabe virar texto."""


def unspeakable(*arguments):
    raise UnspeakableError


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # a corrotina que ninguém esperou
@pytest.mark.parametrize("answer", [forever, forever_async, leaves, unspeakable])
def test_no_check_hangs_or_escapes(answer, monkeypatch, capsys):
    monkeypatch.setattr(fastapi_api, "PATIENCE_S", 0.3)
    for name in exercises.CHECKS:
        monkeypatch.setitem(engine.LIMITS, name, 0.5)
        exercises.check(name, answer)
        assert capsys.readouterr().out.startswith("✘ Ainda não."), name
