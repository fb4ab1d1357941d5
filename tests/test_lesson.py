"""O executor de notebooks: roda, mede, normaliza e diz qual célula parou."""

import nbformat
import pytest
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_notebook
from small_notebooks import write

from course_utils import lesson
from course_utils.slides import marks


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(lesson, "FOLDER", tmp_path)
    return tmp_path


def test_it_runs_only_what_was_asked_and_reports_time_and_memory(folder, capsys):
    write(folder / "01_a.ipynb", "print('um')")
    write(folder / "02_b.ipynb", "raise SystemExit(1)")
    assert lesson.main(["01"]) == 0
    out = capsys.readouterr().out
    assert "01_a" in out and "MB" in out and "passaporte" in out.lower()
    assert "02_b" not in out


def test_a_failing_cell_stops_with_its_notebook_named(folder, capsys):
    write(folder / "01_a.ipynb", "1 / 0")
    assert lesson.main([]) == 1
    error = capsys.readouterr().err
    assert "01_a.ipynb parou" in error and "ZeroDivisionError" in error


def test_a_lab_runs_only_when_asked_by_name_and_an_unknown_one_is_a_usage_error(folder, capsys):
    for name in ("01_a", "laboratorios/01_b"):
        write(folder / f"{name}.ipynb", "1 + 1")
    found = {
        asked: [path.stem for path in lesson.find_notebooks(asked)]
        for asked in ((), ("01",), ("laboratorios/01",))
    }
    assert found == {(): ["01_a"], ("01",): ["01_a"], ("laboratorios/01",): ["01_b"]}
    with pytest.raises(SystemExit):
        lesson.main(["99"])
    assert "nenhum notebook começa por 99" in capsys.readouterr().err


def test_saving_stores_normalised_outputs_and_nothing_personal(folder):
    frame = "from IPython.display import IFrame\nIFrame('http://127.0.0.1:1/', 10, 10)"
    path = write(folder / "01_a.ipynb", "print('3 de 11 notebooks')", "print('oi')", frame, tags=["personal"])
    assert lesson.main(["01", "--save"]) == 0
    stored = nbformat.read(path, as_version=4)
    assert [cell.execution_count for cell in stored.cells] == [1, 2, 3]
    assert [cell.outputs[0].get("text") for cell in stored.cells] == [lesson.PERSONAL, "oi\n", None]
    assert stored.cells[2].outputs[0].data == {"text/plain": lesson.LIVE_PAGE}
    assert set(stored.metadata) == {"kernelspec", "language_info"}
    assert all("execution" not in cell.metadata for cell in stored.cells)
    assert lesson.normalise(nbformat.read(path, as_version=4)) == stored


def test_repeating_uses_the_same_kernel_and_each_cell_is_timed_the_added_one_too(folder):
    path = write(folder / "01_a.ipynb", "count = globals().get('count', 0) + 1", "import time\ntime.sleep(0.5)")
    notebook, run = lesson.execute(path, repeat=2, last="print(count)")
    assert notebook.cells[2].outputs[0].text == "2\n" and run.peak_bytes > 20e6
    assert len(run.cells) == 3 * 2 and run.cells[1] >= 0.5
    assert len(nbformat.read(path, as_version=4).cells) == 2


def test_the_table_names_the_slowest_cell_and_adds_up():
    runs = (
        lesson.Run("00_a", 12.34, 400_000_000, (2.5, 9.0)),
        lesson.Run("09_b", 61.0, 1_200_000_000, (45.0, 14.5)),
    )
    lines = lesson.table(runs).splitlines()
    assert lines[1].split() == ["00_a", "12,3", "s", "[2]", "9,0", "s", "400", "MB"]
    assert lines[2].split() == ["09_b", "61,0", "s", "[1]", "45,0", "s", "1200", "MB"]
    assert lines[3].split() == ["total", "73,3", "s"] and len(lines[1]) == len(lines[2])


def test_nothing_is_left_of_a_progress_bar(monkeypatch):
    monkeypatch.delenv("TQDM_DISABLE", raising=False)
    loop = "from course_utils.bars import tqdm\nfor step in tqdm(range(3), desc='medindo'):\n    pass"
    notebook = new_notebook(cells=[new_code_cell(loop)])
    NotebookClient(notebook).execute()
    assert [output.get("data") for output in notebook.cells[0].outputs] == [{"text/plain": ""}]


def test_plumbing_is_stored_folded_and_so_is_the_answer_to_a_guess():
    cells = [
        new_code_cell("import sys", metadata={"tags": ["plumbing"]}),
        new_code_cell("guess.compare('7 MB')"),
        new_code_cell("1 + 1"),
    ]
    folded = [cell.metadata.get("jupyter") for cell in lesson.normalise(new_notebook(cells=cells)).cells]
    assert folded == [{"source_hidden": True}, {"outputs_hidden": True}, None]


# ------------------------------------------------------------------ que célula vira que slide


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        ("# 09 · Poda", "slide"),
        ("<details><summary>Descrição da figura</summary>Curva.</details>\n\n## Outra seção (2 min)", "slide"),
        ("### Um passo", "subslide"),
        ("**O que aconteceu:** mudou.", "subslide"),
        ("```python\n# um comentário\n```", "subslide"),
        ("<details><summary>Descrição da figura</summary>\n\nUma curva.\n\n</details>", ""),
        ("[Próximo: 01 · Salvar](01_salvar.ipynb)", ""),
        ("<details><summary>Dica</summary>\n\nUma.\n</details>\n\n<details>Outra</details>", "notes"),
        ("Pense.\n\n<details><summary>Resposta</summary>Sim.</details>", "subslide"),
    ],
)
def test_the_type_of_a_text_comes_from_how_it_begins(source, kind):
    assert marks.text_slide(source) == kind


@pytest.mark.parametrize(
    ("source", "before", "kind"),
    [
        ("import numpy\nfrom os import path", "**Preveja:** quanto?", "skip"),
        ("from course_utils.classroom import workspace\nworkspace.divert_native_logs()\nimport keras", "", "skip"),
        ('passport.stamp("00", {})', "", "skip"),
        ("print(1)", "**Preveja:** quanto?", "fragment"),
        ("print(1)", "Outra frase.", ""),
        ("print(1)", None, "subslide"),
        ("%%writefile servidor.py\nprint(1)", "**Preveja:** quanto?", "fragment"),
    ],
)
def test_code_waits_for_the_guess_and_plumbing_is_not_shown(source, before, kind):
    assert marks.code_slide(source, before) == kind
