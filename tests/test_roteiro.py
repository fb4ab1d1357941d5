"""O roteiro de quem dá a aula: o relógio fecha em 90 minutos, e tudo o que ele cita está nos notebooks."""

import re

import pytest
from notebook_cells import cells

from course_utils import __main__ as commands
from course_utils import lesson
from course_utils.model import artifacts

TEXT = (artifacts.ROOT / "notebooks/ROTEIRO.md").read_text(encoding="utf-8")
PARTS = {part[:2]: part for part in re.split(r"^## ", TEXT, flags=re.M) if part[:2].isdigit()}
# De cada notebook, as linhas da tabela: começo, fim, trecho, células, na tela, dizer, perguntar.
ROWS = {
    number: re.findall(r"^\| (\d+)–(\d+) \| (.+?) \| (.*?) \| (.*?) \| (.*?) \| (.*?) \|$", part, flags=re.M)
    for number, part in PARTS.items()
}
CLOCK = [(int(start), int(end), title) for part in ROWS.values() for start, end, title, *_ in part]
# O que não é essencial: quanto tempo da aula fica para cada coisa, em minutos.
KINDS = {"Preparo": 5, "Mão na massa": 10, "Perguntas": 10}


def is_essential(title):
    return not title.startswith(tuple(KINDS))


def test_the_clocks_of_the_lesson_and_of_the_short_class_have_no_gap_and_pass_through_every_notebook():
    short = re.search(r"^## Corte de 45 minutos\n.*?(?=^## )", TEXT, flags=re.M | re.S)[0]
    rows = re.findall(r"^\| (\d+)–(\d+) \| (\d\d):", short, flags=re.M)
    assert [number for *_, number in rows] == sorted(PARTS) == [path.name[:2] for path in lesson.find_notebooks()]
    for end, clock in (90, CLOCK), (45, [(int(start), int(end)) for start, end, _ in rows]):
        assert clock[0][0] == 0 and clock[-1][1] == end and all(row[0] < row[1] for row in clock)
        assert all(before[1] == after[0] for before, after in zip(clock, clock[1:]))


def test_there_is_slack_for_hands_and_questions_and_check_points_on_the_clock():
    for kind, minutes in KINDS.items():
        assert sum(end - start for start, end, title in CLOCK if title.startswith(kind)) == minutes, kind
    assert len(CLOCK) <= 45  # trechos de um minuto não dão folga a ninguém
    found = [int(minute) for minute in re.findall(r"^\*\*Minuto (\d+)\*\*: se atrasou, pule ", TEXT, flags=re.M)]
    assert len(found) >= 3 and set(found) <= {start for start, *_ in CLOCK}


@pytest.mark.parametrize("path", lesson.find_notebooks(), ids=lambda path: path.stem)
def test_each_row_names_cells_that_exist_what_they_show_and_what_to_say(path):
    """Os números entre crases da coluna "na tela" estão nas saídas guardadas dessas células."""
    number, code = path.name[:2], cells(path, "code")
    assert "Antes da aula:" in PARTS[number] and re.search(r"\*\*Se falhar:\*\* \S.{60,}", PARTS[number])
    for _, _, title, where, shown, say, ask in ROWS[number]:
        named = [int(cell) for cell in re.findall(r"\[(\d+)\]", where)]
        assert len(say) > 15 and (not is_essential(title) or (named and len(ask) > 15)), title
        assert all(1 <= cell <= len(code) for cell in named), title
        seen = code[min(named) - 1 : max(named)] if named else []
        outputs = str([output for cell in seen for output in cell.outputs])
        for told in re.findall(r"`([^`]+)`", shown):
            assert told in outputs, f"{path.name} {title}: {told!r} não está nas saídas de {where}"


def test_what_it_refers_to_exists():
    assert "\n## Uma turma no Binder\n" in TEXT and "python -m course_utils kit" in TEXT
    assert set(re.findall(r"python -m course_utils ([a-z]+)", TEXT)) <= set(commands.COMMANDS)
    titles = re.findall(r"^## (.+)", TEXT, re.M)
    anchors = {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}
    assert set(re.findall(r"\]\(#([^)]+)\)", TEXT)) <= anchors
