"""O executor de notebooks: roda, mede, normaliza e diz qual célula parou.

Que cada notebook está guardado como ele os normaliza, quem confere é test_notebooks.py.
"""

import re

import nbformat
import pytest
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_notebook
from notebook_cells import write_notebook

from course_utils import lesson


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(lesson, "FOLDER", tmp_path)
    return tmp_path


def test_it_runs_only_what_was_asked_in_order_and_stops_at_a_failure_with_its_notebook_named(folder, capsys):
    for name in ("01_a", "laboratorios/01_b"):
        write_notebook(folder / f"{name}.ipynb", "1 + 1")
    write_notebook(folder / "02_c.ipynb", "1 / 0")
    for asked, found in ((), ["01_a", "02_c"]), (("01",), ["01_a"]), (("laboratorios/01",), ["01_b"]):
        assert [path.stem for path in lesson.find_notebooks(asked)] == found
    assert lesson.main(["01"]) == 0
    out = capsys.readouterr().out
    assert re.search(r"01_a +\d+,\d s +\d+ MB\ntotal +\d+,\d s\n", out) and "passaporte" in out.lower()
    assert lesson.main([]) == 1
    error = capsys.readouterr().err
    assert "02_c.ipynb parou" in error and "ZeroDivisionError" in error
    with pytest.raises(SystemExit):
        lesson.main(["99"])
    assert "nenhum notebook começa por 99" in capsys.readouterr().err


def test_saving_stores_normalised_outputs_and_nothing_personal(folder):
    frame = "from IPython.display import IFrame\nIFrame('http://127.0.0.1:1/', 10, 10)"
    path = write_notebook(
        folder / "01_a.ipynb", "print('3 de 11 notebooks')", "print('oi')", frame, tags=["personal"]
    )
    assert lesson.main(["01", "--save"]) == 0
    stored = nbformat.read(path, as_version=4)
    assert [cell.execution_count for cell in stored.cells] == [1, 2, 3]
    assert [cell.outputs[0].get("text") for cell in stored.cells] == [lesson.PERSONAL, "oi\n", None]
    assert stored.cells[2].outputs[0].data == {"text/plain": lesson.LIVE_PAGE}
    assert set(stored.metadata) == {"kernelspec", "language_info"}
    assert all("execution" not in cell.metadata for cell in stored.cells)
    assert lesson.normalise(nbformat.read(path, as_version=4)) == stored


def test_its_seconds_are_nobodys_minutes(folder):
    source = "from course_utils.classroom import lesson_clock\nlesson_clock.start()"
    path = write_notebook(folder / "01_a.ipynb", source)
    notebook, _ = lesson.execute(path)
    assert notebook.cells[0].outputs == [], "começou um relógio"


def test_nothing_is_left_of_a_progress_bar(monkeypatch):
    monkeypatch.delenv("TQDM_DISABLE", raising=False)
    loop = "from course_utils.bars import tqdm\nfor step in tqdm(range(3), desc='medindo'):\n    pass"
    notebook = new_notebook(cells=[new_code_cell(loop)])
    NotebookClient(notebook).execute()
    assert [output.get("data") for output in notebook.cells[0].outputs] == [{"text/plain": ""}]
