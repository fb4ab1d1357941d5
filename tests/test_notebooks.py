"""O que o nbval não vê: células apagadas, caminhos da máquina, ids, tamanhos, descrições, minutos, links."""

import re
from functools import cache

import honest_minutes
import nbformat
import pytest
from series import LABS, MINUTES
from solved import cells, prose, solutions

from course_utils import lesson
from course_utils.classroom import exercises

SERIES, ASIDE = lesson.find_notebooks(), lesson.find_notebooks([lesson.LABS])
IGNORED, CHECK = "nbval-ignore-output", "exercises.check("
# O tempo da aula, notebook por notebook: 90 minutos.
PLAN = [6, 9, 8, 8, 9, 8, 10, 10, 8, 8, 6]

notebooks = pytest.mark.parametrize("path", SERIES + ASIDE, ids=lesson.name_of)
lessons = pytest.mark.parametrize("path", SERIES, ids=lesson.name_of)
labs = pytest.mark.parametrize("path", ASIDE, ids=lesson.name_of)


@cache
def code_of(path):
    return cells(path, "code")


def sources(path):
    return "\n".join(cell.source for cell in code_of(path))


def tags(cell):
    return cell.metadata.get("tags", [])


def printed(cell):
    """O texto que as saídas da célula guardam."""
    return "\n".join(
        output.get("text", "") + str(output.get("data", {}).get("text/plain", "")) for output in cell.outputs
    )


def test_the_series_is_complete_in_order_and_takes_ninety_minutes():
    assert [lesson.name_of(path) for path in SERIES] == list(MINUTES)
    assert list(MINUTES.values()) == PLAN and sum(PLAN) == 90
    assert 81 <= sum(map(honest_minutes.minutes, SERIES)) <= 99  # pelo relógio
    assert {lesson.name_of(path) for path in ASIDE} == set(LABS), "o README lista os laboratórios à parte"


@notebooks
def test_the_minutes_in_the_title_are_honest_and_so_are_those_of_the_sections(path):
    told = int(re.search(r"\*\*(\d+) minutos\*\*", prose(path))[1])
    assert told == (MINUTES | LABS)[lesson.name_of(path)]
    assert abs(honest_minutes.minutes(path) - told) <= 0.15 * told
    sections = [int(minutes) for minutes in re.findall(r"^## .*\((\d+) min\)", prose(path), flags=re.M)]
    if path in SERIES or len(sections) > 1:  # há laboratórios que só dizem os de "Sua vez"
        assert sum(sections) == told


@lessons
def test_a_lesson_notebook_is_small(path):
    all_cells = nbformat.read(path, as_version=4).cells
    assert honest_minutes.words(all_cells) <= 520
    assert sum(map(honest_minutes.lines, code_of(path))) <= 80
    assert len([cell for cell in code_of(path) if "plumbing" not in tags(cell)]) <= 13
    assert sources(path).count(CHECK) <= 1


@notebooks
def test_cells_are_small(path):
    for cell in code_of(path):
        written = [line for line in cell.source.splitlines() if line.strip()]
        assert len(written) <= (40 if "plumbing" in tags(cell) else 20), cell.source
    assert len(nbformat.read(path, as_version=4).cells) <= 44


@notebooks
def test_it_is_stored_normalised_every_code_cell_was_run_and_none_failed(path):
    stored = nbformat.read(path, as_version=4)
    nbformat.validate(stored)
    assert lesson.normalise(nbformat.read(path, as_version=4)) == stored
    assert len({cell.id for cell in stored.cells}) == len(stored.cells)
    assert "widget" not in path.read_text(encoding="utf-8").replace("ipywidgets", "")
    assert [cell.execution_count for cell in code_of(path)] == list(range(1, len(code_of(path)) + 1))
    outputs = [output for cell in code_of(path) for output in cell.outputs]
    assert not [output for output in outputs if output.output_type == "error" or output.get("name") == "stderr"]


@notebooks
def test_an_ignored_output_says_what_matters_and_a_compared_one_holds_nothing_of_this_machine(path):
    """O que vale em toda máquina é um `assert`; o que depende dela, um veredito, um palpite, uma coisa viva."""
    volatile = re.compile(
        r"/(?:home|root|tmp|work|Users)/|[A-Z]:\\\\|127\.0\.0\.1:\d|\b20\d\d-\d\d-\d\d[ T]\d|0x[0-9a-f]{6}"
    )
    for cell in code_of(path):
        if IGNORED not in tags(cell):
            assert not volatile.search(printed(cell)), cell.source
        elif "personal" not in tags(cell):
            told = r"assert |verdicts\.check\(|\.compare\(|(?:pages|quiz)\.show\("
            assert re.search(told, cell.source), cell.source


@notebooks
def test_an_answer_is_not_seen_before_its_cell_runs(path):
    """A saída de quem responde a um Preveja fica recolhida, e a linha que o JupyterLab mostra não a conta."""
    for cell in code_of(path):
        if cell.metadata.get("jupyter", {}).get("outputs_hidden") and cell.outputs:
            first = cell.outputs[0]
            if "image/png" not in first.get("data", {}):
                told = first.get("text") or first.data.get("text/html") or first.data.get("text/plain", "")
                assert not re.search(r"\d", told.strip().split("\n")[0]), cell.source


@notebooks
def test_each_figure_is_described_for_those_who_do_not_see_it(path):
    """Num detalhe dobrado depois da figura ou, num diagrama, nos campos que o leitor de telas lê."""
    all_cells = nbformat.read(path, as_version=4).cells
    for cell, following in zip(all_cells, all_cells[1:]):
        if any("image/png" in output.get("data", {}) for output in cell.get("outputs", [])):
            assert "<summary>Descrição da figura</summary>" in following.source, cell.source
        if "```mermaid" in cell.source:
            assert "accTitle:" in cell.source and "accDescr:" in cell.source, cell.source


@lessons
def test_the_skeleton_of_a_lesson_notebook_is_whole(path):
    text, code, name = prose(path), sources(path), lesson.name_of(path)
    drawn = any("image/png" in output.get("data", {}) for cell in code_of(path) for output in cell.outputs)
    assert drawn or "```mermaid" in text
    for part in ("Neste notebook você vai", "**Preveja", "**O que aconteceu", "## A aula, conferida"):
        assert part in text, part
    closing = '"10_consolidacao", "lesson"' if name.startswith("10") else f'"{name}", "closing"'
    for part in ("predictions.ask(", "lesson_clock.start()", f"quiz.show({closing})"):
        assert part in code, part
    assert re.search(rf'passport\.stamp\(\s*"{name}",[^#]*clock', code)
    assert "](laboratorios/" in text
    assert name.startswith("10") or re.search(rf"Próximo:[^\]]*\]\({int(name[:2]) + 1:02d}_", text)
    first = [cell.source for cell in nbformat.read(path, as_version=4).cells[:8]]
    assert not any("quiz.show(" in source for source in first), "abre com perguntas"


@labs
def test_a_lab_says_what_it_adds_to_checks_its_exercises_and_asks_its_questions(path):
    assert honest_minutes.minutes(path) <= 30
    opening = cells(path, "markdown")[0].source
    assert re.search(r"\]\(\.\./\d\d_\w+\.ipynb\)", opening) and "precisa" in opening
    assert f'quiz.show("{lesson.name_of(path)}"' in sources(path)
    assert ("## Sua vez" in prose(path)) == (CHECK in sources(path))


@notebooks
def test_an_exercise_has_a_hint_a_solution_and_its_name_in_the_right_notebook(path):
    names = re.findall(r'exercises\.check\("(\w+)"', sources(path))
    assert len(solutions(path)) == len(names) and prose(path).count("<summary>Dica</summary>") >= len(names)
    assert {name for name, home in exercises.NOTEBOOKS.items() if home == lesson.name_of(path)} == set(names)
    for cell in code_of(path):  # em branco, ele não interrompe "Executar todas"
        assert CHECK not in cell.source or "Ainda sem resposta" in printed(cell)


@notebooks
def test_headings_descend_one_level_at_a_time(path):
    without_code = re.sub(r"```.*?```", "", prose(path), flags=re.S)
    levels = [len(mark) for mark in re.findall(r"^(#+) ", without_code, flags=re.M)]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after - before <= 1 for before, after in zip(levels, levels[1:]))


@notebooks
def test_money_is_not_taken_for_mathematics(path):
    """O JupyterLab lê como fórmula o que está entre dois cifrões: no texto, um valor se escreve "US\\$ 5"."""
    bare = re.sub(r"```.*?```|`[^`]*`|\$\$.*?\$\$|\$\\[^$]*\$", "", prose(path), flags=re.S)
    assert not re.search(r"(?<!\\)\$\s?\d|US(?<!\\)\$|R(?<!\\)\$", bare)


@notebooks
def test_links_to_other_files_lead_somewhere(path):
    for target in re.findall(r"\]\(([^)#:]+)\)", prose(path)):
        assert (path.parent / target).exists(), target
