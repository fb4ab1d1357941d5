"""O roteiro de quem dá a aula: os minutos somam 90, e tudo o que ele cita existe nos notebooks."""

import re

import nbformat
import pytest
from series import MINUTES

from course_utils import __main__ as commands
from course_utils import lesson
from course_utils.model import artifacts

TEXT = (artifacts.ROOT / "notebooks/ROTEIRO.md").read_text(encoding="utf-8")
PARTS = {part[:2]: part for part in re.split(r"^## ", TEXT, flags=re.M) if part[:2].isdigit()}
ROW = re.compile(r"^\| (\d+)–(\d+) \| (.+?) \|(.*)\|$", re.M)
paths = pytest.mark.parametrize("path", lesson.find_notebooks(), ids=lambda path: path.stem)


def rows(part):
    """As linhas da tabela: (começo, fim, trecho, [o que rodar, dizer, perguntar])."""
    return [
        (int(start), int(end), title, [cell.strip() for cell in rest.split("|")])
        for start, end, title, rest in ROW.findall(part)
    ]


def headings(path):
    """`{título sem os minutos: minutos ou 0}` das seções do notebook."""
    text = "\n".join(cell.source for cell in nbformat.read(path, 4).cells if cell.cell_type == "markdown")
    found = re.findall(r"^##+ (.+?)(?: \((\d+) min\))?$", text, flags=re.M)
    return {title: int(minutes or 0) for title, minutes in found}


def test_the_clock_runs_from_0_to_90_without_a_gap():
    clock = [row[:2] for part in PARTS.values() for row in rows(part)]
    assert clock[0][0] == 0 and clock[-1][1] == 90
    assert all(start < end for start, end in clock)
    assert all(before[1] == after[0] for before, after in zip(clock, clock[1:]))


def test_the_short_class_runs_from_0_to_45_through_every_notebook():
    table = re.search(r"^## Corte de 45 minutos\n.*?(?=^## )", TEXT, flags=re.M | re.S)[0]
    clock = re.findall(r"^\| (\d+)–(\d+) \| (\d\d):", table, flags=re.M)
    edges = [(int(start), int(end)) for start, end, _ in clock]
    assert edges[0][0] == 0 and edges[-1][1] == 45
    assert all(before[1] == after[0] for before, after in zip(edges, edges[1:]))
    assert [number for *_, number in clock] == sorted(PARTS)


@paths
def test_each_notebook_takes_the_minutes_of_the_readme(path):
    part = PARTS[path.stem[:2]]
    lines = rows(part)
    assert f"({MINUTES[path.stem]} min)" in part.splitlines()[0]
    assert lines[-1][1] - lines[0][0] == MINUTES[path.stem]


@paths
def test_each_section_it_names_is_in_the_notebook_with_its_minutes(path):
    sections = headings(path)
    for start, end, title, _ in rows(PARTS[path.stem[:2]]):
        found = [minutes for heading, minutes in sections.items() if heading.startswith(title)]
        assert len(found) == 1, f"{title!r} não é o começo de um só título de {path.name}"
        assert found[0] in (0, end - start), title


@pytest.mark.parametrize("number", sorted(PARTS))
def test_each_notebook_has_what_to_run_to_say_and_to_ask_and_a_way_out(number):
    part = PARTS[number]
    assert "Antes da aula:" in part and re.search(r"\*\*Se falhar:\*\* \S.{60,}", part)
    for _, _, title, (run, say, ask) in rows(part):
        assert run and len(say) > 15 and len(ask) > 15, title


def test_the_commands_it_gives_exist_and_nothing_is_left_to_do():
    named = set(re.findall(r"python -m course_utils ([a-z]+)", TEXT))
    assert named and named <= set(commands.COMMANDS)
    assert "TODO" not in TEXT
    anchors = {
        re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in re.findall(r"^## (.+)", TEXT, re.M)
    }
    assert set(re.findall(r"\]\(#([^)]+)\)", TEXT)) <= anchors
