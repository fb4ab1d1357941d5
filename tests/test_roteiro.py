"""O roteiro de quem dá a aula: o relógio fecha em 90 minutos, e tudo o que ele cita está nos notebooks."""

import re

import pytest
from solved import cells

from course_utils import __main__ as commands
from course_utils import lesson
from course_utils.model import artifacts

TEXT = (artifacts.ROOT / "notebooks/ROTEIRO.md").read_text(encoding="utf-8")
PARTS = {part[:2]: part for part in re.split(r"^## ", TEXT, flags=re.M) if part[:2].isdigit()}
ROW = re.compile(r"^\| (\d+)–(\d+) \| (.+?) \|(.*)\|$", re.M)
paths = pytest.mark.parametrize("path", lesson.find_notebooks(), ids=lambda path: path.stem)
# O que não é essencial: quanto tempo da aula fica para cada coisa, em minutos.
KINDS = {"Preparo": 5, "Mão na massa": 10, "Perguntas": 10}


def rows(part):
    """As linhas da tabela: (começo, fim, trecho, [células, na tela, dizer, perguntar])."""
    return [
        (int(start), int(end), title, [cell.strip() for cell in rest.split("|")])
        for start, end, title, rest in ROW.findall(part)
    ]


ROWS = [row for part in PARTS.values() for row in rows(part)]


def kind(title):
    return next((name for name in KINDS if title.startswith(name)), "Essencial")


def test_the_clock_runs_from_0_to_90_without_a_gap():
    clock = [row[:2] for row in ROWS]
    assert clock[0][0] == 0 and clock[-1][1] == 90
    assert all(start < end for start, end in clock)
    assert all(before[1] == after[0] for before, after in zip(clock, clock[1:]))
    assert sorted(PARTS) == [path.name[:2] for path in lesson.find_notebooks()]


def test_there_is_slack_for_hands_and_questions():
    spent = dict.fromkeys(KINDS, 0)
    for start, end, title, _ in ROWS:
        if kind(title) in spent:
            spent[kind(title)] += end - start
    assert spent == KINDS
    assert len(ROWS) <= 45  # trechos de um minuto não dão folga a ninguém


@paths
def test_each_row_names_cells_that_exist_and_what_they_show(path):
    """Os números entre crases da coluna "na tela" estão nas saídas guardadas dessas células."""
    code = cells(path, "code")
    for _, _, title, (where, shown, *_) in rows(PARTS[path.name[:2]]):
        numbers = [int(number) for number in re.findall(r"\[(\d+)\]", where)]
        assert (numbers or kind(title) != "Essencial") and all(1 <= number <= len(code) for number in numbers), (
            title
        )
        first, last = (min(numbers), max(numbers)) if numbers else (1, 0)
        outputs = str([output for cell in code[first - 1 : last] for output in cell.outputs])
        for told in re.findall(r"`([^`]+)`", shown):
            assert told in outputs, f"{path.name} {title}: {told!r} não está nas saídas de {where}"


@pytest.mark.parametrize("number", sorted(PARTS))
def test_each_notebook_has_what_to_say_and_to_ask_and_a_way_out(number):
    part = PARTS[number]
    assert "Antes da aula:" in part and re.search(r"\*\*Se falhar:\*\* \S.{60,}", part)
    for _, _, title, (_, _, say, ask) in rows(part):
        assert len(say) > 15 and (len(ask) > 15 or kind(title) != "Essencial"), title


def test_there_are_check_points_on_the_clock():
    found = [int(minute) for minute in re.findall(r"^\*\*Minuto (\d+)\*\*: se atrasou, pule ", TEXT, flags=re.M)]
    assert len(found) >= 3 and set(found) <= {row[0] for row in ROWS}


def test_the_short_class_runs_from_0_to_45_through_every_notebook():
    table = re.search(r"^## Corte de 45 minutos\n.*?(?=^## )", TEXT, flags=re.M | re.S)[0]
    clock = re.findall(r"^\| (\d+)–(\d+) \| (\d\d):", table, flags=re.M)
    edges = [(int(start), int(end)) for start, end, _ in clock]
    assert edges[0][0] == 0 and edges[-1][1] == 45
    assert all(before[1] == after[0] for before, after in zip(edges, edges[1:]))
    assert [number for *_, number in clock] == sorted(PARTS)


def test_there_is_a_plan_for_a_class_on_binder_and_for_one_without_internet():
    assert re.search(r"^## Uma turma no Binder$", TEXT, flags=re.M)
    assert "python -m course_utils kit" in TEXT


def test_the_commands_it_gives_exist_and_nothing_is_left_to_do():
    named = set(re.findall(r"python -m course_utils ([a-z]+)", TEXT))
    assert named and named <= set(commands.COMMANDS)
    assert "TODO" not in TEXT
    anchors = {
        re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in re.findall(r"^## (.+)", TEXT, re.M)
    }
    assert set(re.findall(r"\]\(#([^)]+)\)", TEXT)) <= anchors
