"""O que o nbval não vê: células apagadas, caminhos da máquina, ids, tamanhos, descrições, minutos, links.

As provas demoradas (marcadas `slow`) executam os notebooks de outras maneiras: duas vezes no mesmo kernel, num
clone limpo e sem rede, com as soluções dos exercícios no lugar; e com uma saída adulterada.
"""

import json
import os
import re
import subprocess
import sys

import nbformat
import pytest
from networks import offline
from series import EXTRAS, MINUTES
from tree import snapshot

from course_utils import lesson
from course_utils.model import artifacts

SERIES, ASIDE = lesson.find_notebooks(), lesson.find_notebooks([lesson.EXTRA])
PATHS = SERIES + ASIDE
DURATIONS = MINUTES | EXTRAS
IGNORED = "nbval-ignore-output"
RAY = "extra_alem_de_uma_maquina"

notebooks = pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)


def cells(path, kind):
    return [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == kind]


def prose(path):
    return "\n\n".join(cell.source for cell in cells(path, "markdown"))


def solutions(path):
    """Os blocos de código das soluções dobradas, em ordem."""
    return re.findall(r"<summary>Solução</summary>.*?```python\n(.*?)```", prose(path), flags=re.S)


def test_the_series_is_complete_and_in_order():
    assert [path.stem for path in SERIES] == list(MINUTES)


def test_the_readme_lists_the_extras_apart():
    assert {path.stem for path in ASIDE} == set(EXTRAS)


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
    """O que vale em toda máquina é um `assert`; o que depende dela, um veredito, que nunca interrompe."""
    for cell in cells(path, "code"):
        if IGNORED in cell.metadata.get("tags", []):
            assert "assert " in cell.source or "verdicts.check(" in cell.source, cell.source


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
def test_cells_are_small_and_words_few(path):
    all_cells = nbformat.read(path, as_version=4).cells
    longest = max(len([line for line in cell.source.splitlines() if line.strip()]) for cell in cells(path, "code"))
    words = len(re.findall(r"[^\W\d_]{2,}", re.sub(r"<[^>]+>|https?://\S+|`[^`]*`", " ", prose(path))))
    assert longest <= 20
    assert len(all_cells) <= 44
    assert words <= 1250


@notebooks
def test_each_plot_is_followed_by_its_description(path):
    all_cells = nbformat.read(path, as_version=4).cells
    for cell, following in zip(all_cells, all_cells[1:]):
        drawn = {kind for output in cell.get("outputs", []) for kind in output.get("data", {})}
        if drawn & {"image/png", "text/vnd.mermaid"} or "```mermaid" in cell.source:
            assert "Descrição:" in following.source + cell.source, cell.source


@notebooks
def test_the_skeleton_is_whole(path):
    text = prose(path)
    for part in ("Neste notebook você vai", "## Sua vez", "## A aula, conferida", "## O que vimos"):
        assert part in text, part
    assert "<summary>Dica</summary>" in text and solutions(path)
    code = "\n".join(cell.source for cell in cells(path, "code"))
    assert "<summary>Resposta</summary>" not in text
    if path in SERIES:  # um extra não tem notebook anterior de que lembrar
        assert "## Antes de começar" in text and f'quiz.show("{path.stem}", "recall")' in code
    assert f'passport.stamp(\n    "{path.stem}"' in code or f'passport.stamp("{path.stem}"' in code
    assert re.search(r"✔ verdadeiro|↻ desatualizado|⚖ depende", text)


@notebooks
def test_headings_descend_one_level_at_a_time(path):
    without_code = re.sub(r"```.*?```", "", prose(path), flags=re.S)
    levels = [len(mark) for mark in re.findall(r"^(#+) ", without_code, flags=re.M)]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after - before <= 1 for before, after in zip(levels, levels[1:]))


@notebooks
def test_the_minutes_of_the_sections_add_up(path):
    text = prose(path)
    assert f"**{DURATIONS[path.stem]} minutos**" in text
    sections = [int(minutes) for minutes in re.findall(r"^## .*\((\d+) min\)", text, flags=re.M)]
    assert sum(sections) == DURATIONS[path.stem]


@notebooks
def test_links_to_other_files_lead_somewhere(path):
    for target in re.findall(r"\]\(([^)#:]+)\)", prose(path)):
        assert (path.parent / target).exists(), target


@notebooks
def test_an_exercise_left_blank_does_not_stop_the_run(path):
    outputs = "".join(output.get("text", "") for cell in cells(path, "code") for output in cell.outputs)
    assert "Ainda sem resposta" in outputs


# ------------------------------------------------------------------ provas demoradas


EXECUTE_TWICE = """
import json, sys
from pathlib import Path
import nbformat
from course_utils import lesson
executed, run = lesson.execute(Path(sys.argv[1]), repeat=2)
nbformat.write(executed, sys.argv[1])
print(json.dumps([run.seconds, run.peak_bytes]))
"""


@pytest.mark.slow
@pytest.mark.parametrize("path", [path for path in PATHS if path.stem != RAY], ids=lambda path: path.stem)
def test_solved_it_runs_twice_alone_offline_from_a_fresh_clone_within_the_memory(path, fresh_clone, tmp_path):
    """As duas vezes são no mesmo kernel, com as soluções no lugar; sem rede onde há namespaces (Linux).

    O do Ray é maior que isto em tudo: test_ray_cluster o executa uma vez, sem rede, pelo nbval.
    """
    before = snapshot(fresh_clone)
    solved = tmp_path / path.name
    nbformat.write(solve(path), solved)
    run = subprocess.run(
        offline([sys.executable, "-c", EXECUTE_TWICE, solved]),
        cwd=fresh_clone,
        env=os.environ | {"PYTHONPATH": str(fresh_clone)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout[-3000:] + run.stderr[-3000:]
    seconds, peak_bytes = json.loads(run.stdout.splitlines()[-1])
    print(f"{path.stem}: {seconds:.0f} s nas duas vezes, pico de {peak_bytes / 1e6:.0f} MB")
    assert peak_bytes <= 1.5e9
    for cell in checked(nbformat.read(solved, as_version=4)):
        assert "✔ Certo!" in "".join(output.get("text", "") for output in cell.outputs), cell.source
    assert snapshot(fresh_clone) == before, "o notebook escreveu fora de artifacts/"


def checked(notebook):
    """As células que conferem um exercício."""
    return [cell for cell in notebook.cells if cell.cell_type == "code" and "exercises.check(" in cell.source]


def solve(path):
    """O notebook com a solução de cada exercício no lugar da resposta em branco."""
    notebook = nbformat.read(path, as_version=4)
    for cell, answer in zip(checked(notebook), solutions(path), strict=True):
        kept = [
            line for line in cell.source.splitlines() if line.startswith(("from ", "import ", "exercises.check("))
        ]
        cell.source = "\n".join([*kept[:-1], answer, kept[-1]])
    return notebook


def validate(path, code, *stored):
    """Grava em `path` um notebook de uma célula, com estas saídas guardadas; devolve o código do nbval."""
    cell = nbformat.v4.new_code_cell(code, execution_count=1)
    cell.outputs = [nbformat.v4.new_output("stream", name="stdout", text=text) for text in stored]
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), path)
    options = ["-q", "-p", "no:cacheprovider", "-p", "conftest", "-c", "pyproject.toml", path]
    command = [sys.executable, "-m", "pytest", *options]
    return subprocess.run(command, cwd=artifacts.ROOT, capture_output=True, check=False).returncode


@pytest.mark.slow
def test_a_changed_stored_output_makes_nbval_fail(tmp_path):
    results = {stored: validate(tmp_path / "x.ipynb", "print(6 * 7)", stored) for stored in ("42\n", "43\n")}
    assert results == {"42\n": 0, "43\n": 1}


# A resposta da célula chega na hora; o aviso de que ela acabou, só 8 s depois. É o que faz uma máquina cheia, e o
# nbval desistia em 5 s.
LATE = """
import sys, time
sys.stdout.flush_timeout = sys.stderr.flush_timeout = 0.1
get_ipython().kernel.iopub_thread.schedule(lambda: time.sleep(8))
"""


@pytest.mark.slow
def test_the_end_of_a_cell_that_comes_late_is_waited_for(tmp_path):
    assert validate(tmp_path / "x.ipynb", LATE) == 0
