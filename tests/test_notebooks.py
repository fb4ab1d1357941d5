"""O que o nbval não vê: células apagadas, caminhos da máquina, ids, tamanhos, descrições, minutos, links."""

import re

import honest_minutes
import nbformat
import pytest
from series import LABS, MINUTES
from solved import cells, prose, solutions

from course_utils import lesson
from course_utils.classroom import exercises

SERIES, ASIDE = lesson.find_notebooks(), lesson.find_notebooks([lesson.LABS])
PATHS = SERIES + ASIDE
IGNORED = "nbval-ignore-output"
# O tempo da aula, notebook por notebook: 90 minutos.
PLAN = [6, 9, 8, 8, 9, 8, 10, 10, 8, 8, 6]

notebooks = pytest.mark.parametrize("path", PATHS, ids=lesson.name_of)
lessons = pytest.mark.parametrize("path", SERIES, ids=lesson.name_of)
labs = pytest.mark.parametrize("path", ASIDE, ids=lesson.name_of)


def title_minutes(path):
    return int(re.search(r"\*\*(\d+) minutos\*\*", prose(path))[1])


def test_the_series_is_complete_in_order_and_takes_ninety_minutes():
    assert [lesson.name_of(path) for path in SERIES] == list(MINUTES)
    assert list(MINUTES.values()) == PLAN and sum(PLAN) == 90
    assert 81 <= sum(map(honest_minutes.minutes, SERIES)) <= 99  # pelo relógio
    assert {lesson.name_of(path) for path in ASIDE} == set(LABS), "o README lista os laboratórios à parte"


@notebooks
def test_the_minutes_in_the_title_are_honest(path):
    told = title_minutes(path)
    assert told == (MINUTES | LABS)[lesson.name_of(path)]
    assert abs(honest_minutes.minutes(path) - told) <= 0.15 * told


@labs
def test_a_lab_takes_half_an_hour_at_most_and_says_what_it_adds_to(path):
    assert honest_minutes.minutes(path) <= 30
    opening = cells(path, "markdown")[0].source
    assert re.search(r"\]\(\.\./\d\d_\w+\.ipynb\)", opening) and "precisa" in opening


@lessons
def test_a_lesson_notebook_is_small(path):
    all_cells = nbformat.read(path, as_version=4).cells
    code = cells(path, "code")
    assert honest_minutes.words(all_cells) <= 520
    assert sum(map(honest_minutes.lines, code)) <= 80
    assert len([cell for cell in code if "plumbing" not in cell.metadata.get("tags", [])]) <= 13
    assert sum("exercises.check(" in cell.source for cell in code) <= 1


@notebooks
def test_it_is_stored_normalised(path):
    stored = nbformat.read(path, as_version=4)
    nbformat.validate(stored)
    assert lesson.normalise(nbformat.read(path, as_version=4)) == stored
    assert len({cell.id for cell in stored.cells}) == len(stored.cells)
    assert "widget" not in path.read_text(encoding="utf-8").replace("ipywidgets", "")


@notebooks
def test_every_code_cell_was_run_and_none_failed(path):
    code = cells(path, "code")
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    outputs = [output for cell in code for output in cell.outputs]
    assert not [output for output in outputs if output.output_type == "error" or output.get("name") == "stderr"]


@notebooks
def test_an_ignored_output_says_what_matters(path):
    """O que vale em toda máquina é um `assert`; o que depende dela, um veredito, um palpite, uma página."""
    for cell in cells(path, "code"):
        tags = cell.metadata.get("tags", [])
        if IGNORED in tags and "personal" not in tags:
            assert re.search(r"assert |verdicts\.check\(|\.compare\(|pages\.show\(", cell.source), cell.source


@notebooks
def test_an_answer_is_not_seen_before_its_cell_runs(path):
    """A saída de quem responde a um Preveja fica recolhida, e a linha que o JupyterLab mostra não a conta."""
    for cell in cells(path, "code"):
        if cell.metadata.get("jupyter", {}).get("outputs_hidden") and cell.outputs:
            first = cell.outputs[0]
            if "image/png" in first.get("data", {}):
                continue
            told = first.get("text") or first.data.get("text/html") or first.data.get("text/plain", "")
            assert not re.search(r"\d", told.strip().split("\n")[0]), cell.source


@notebooks
def test_compared_outputs_hold_nothing_of_this_machine(path):
    volatile = re.compile(
        r"/(?:home|root|tmp|work|Users)/|[A-Z]:\\\\|127\.0\.0\.1:\d|\b20\d\d-\d\d-\d\d[ T]\d|0x[0-9a-f]{6}"
    )
    for cell in cells(path, "code"):
        if IGNORED not in cell.metadata.get("tags", []):
            texts = [
                output.get("text", "") + str(output.get("data", {}).get("text/plain", ""))
                for output in cell.outputs
            ]
            assert not volatile.search("\n".join(texts)), cell.source


@notebooks
def test_cells_are_small(path):
    for cell in cells(path, "code"):
        folded = "plumbing" in cell.metadata.get("tags", [])
        assert len([line for line in cell.source.splitlines() if line.strip()]) <= (40 if folded else 20), (
            cell.source
        )
    assert len(nbformat.read(path, as_version=4).cells) <= 44


@notebooks
def test_each_figure_is_described_for_those_who_do_not_see_it(path):
    """Num detalhe dobrado depois da figura ou, num diagrama, nos campos que o leitor de telas lê."""
    all_cells = nbformat.read(path, as_version=4).cells
    for cell, following in zip(all_cells, all_cells[1:]):
        drawn = {kind for output in cell.get("outputs", []) for kind in output.get("data", {})}
        if "image/png" in drawn:
            assert "<summary>Descrição da figura</summary>" in following.source, cell.source
        if "```mermaid" in cell.source:
            assert "accTitle:" in cell.source and "accDescr:" in cell.source, cell.source


@lessons
def test_the_skeleton_of_a_lesson_notebook_is_whole(path):
    text, code = prose(path), "\n".join(cell.source for cell in cells(path, "code"))
    drawn = [kind for cell in cells(path, "code") for output in cell.outputs for kind in output.get("data", {})]
    assert "image/png" in drawn or "```mermaid" in text
    number = lesson.name_of(path)[:2]
    for part in ("Neste notebook você vai", "**Preveja", "**O que aconteceu", "## A aula, conferida"):
        assert part in text, part
    assert "predictions.ask(" in code and "lesson_clock.start()" in code
    closing = '"10_consolidacao", "lesson"' if number == "10" else f'"{lesson.name_of(path)}", "closing"'
    assert f"quiz.show({closing})" in code
    assert re.search(rf'passport\.stamp\(\s*"{lesson.name_of(path)}",[^#]*clock', code)
    assert "](laboratorios/" in text
    assert number == "10" or re.search(rf"Próximo:[^\]]*\]\({int(number) + 1:02d}_", text)
    first = [cell.source for cell in nbformat.read(path, as_version=4).cells[:8]]
    assert not any("quiz.show(" in source for source in first), "abre com perguntas"


@labs
def test_a_lab_checks_its_exercises_and_asks_its_questions(path):
    name, code = lesson.name_of(path), "\n".join(cell.source for cell in cells(path, "code"))
    assert f'quiz.show("{name}"' in code
    assert ("## Sua vez" in prose(path)) == ("exercises.check(" in code)


@notebooks
def test_an_exercise_has_a_hint_a_solution_and_its_name_in_the_right_notebook(path):
    names = re.findall(r'exercises\.check\("(\w+)"', "\n".join(cell.source for cell in cells(path, "code")))
    assert len(solutions(path)) == len(names) and prose(path).count("<summary>Dica</summary>") >= len(names)
    assert {name for name, home in exercises.NOTEBOOKS.items() if home == lesson.name_of(path)} == set(names)
    for cell in cells(path, "code"):  # em branco, ele não interrompe "Executar todas"
        if "exercises.check(" in cell.source:
            assert "Ainda sem resposta" in "".join(output.get("text", "") for output in cell.outputs)


@notebooks
def test_headings_descend_one_level_at_a_time(path):
    without_code = re.sub(r"```.*?```", "", prose(path), flags=re.S)
    levels = [len(mark) for mark in re.findall(r"^(#+) ", without_code, flags=re.M)]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after - before <= 1 for before, after in zip(levels, levels[1:]))


@lessons
def test_the_minutes_of_the_sections_add_up(path):
    sections = [int(minutes) for minutes in re.findall(r"^## .*\((\d+) min\)", prose(path), flags=re.M)]
    assert sum(sections) == title_minutes(path)


@notebooks
def test_money_is_not_taken_for_mathematics(path):
    """O JupyterLab lê como fórmula o que está entre dois cifrões: no texto, um valor se escreve "US\\$ 5"."""
    bare = [re.sub(r"```.*?```|`[^`]*`|\$\$.*?\$\$|\$\\[^$]*\$", "", text, flags=re.S) for text in [prose(path)]]
    assert not re.search(r"(?<!\\)\$\s?\d|US(?<!\\)\$|R(?<!\\)\$", bare[0])


@notebooks
def test_links_to_other_files_lead_somewhere(path):
    for target in re.findall(r"\]\(([^)#:]+)\)", prose(path)):
        assert (path.parent / target).exists(), target
