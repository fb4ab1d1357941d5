"""O executor de notebooks: roda, mede, normaliza e diz qual célula parou."""

import nbformat
import pytest

from course_utils import lesson


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(lesson, "FOLDER", tmp_path)
    return tmp_path


def write(path, *sources):
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources])
    nbformat.write(notebook, path)


def test_it_runs_only_what_was_asked_and_reports_time_and_memory(folder, capsys):
    write(folder / "01_a.ipynb", "print('um')")
    write(folder / "02_b.ipynb", "raise SystemExit(1)")
    assert lesson.main(["01"]) == 0
    out = capsys.readouterr().out
    assert "01_a" in out and "MB" in out and "passaporte" in out.lower()
    assert "✔ nenhum notebook acima de 60 s: 01_a" in out
    assert "02_b" not in out


def test_a_failing_cell_stops_with_its_notebook_named(folder, capsys):
    write(folder / "01_a.ipynb", "1 / 0")
    assert lesson.main([]) == 1
    error = capsys.readouterr().err
    assert "01_a.ipynb parou" in error and "ZeroDivisionError" in error


def test_a_lab_runs_only_when_asked_by_name(folder):
    (folder / "laboratorios").mkdir()
    for name in ("01_a", "laboratorios/01_b"):
        write(folder / f"{name}.ipynb", "1 + 1")
    assert [path.stem for path in lesson.find_notebooks()] == ["01_a"]
    assert [path.stem for path in lesson.find_notebooks(["01"])] == ["01_a"]
    assert [path.stem for path in lesson.find_notebooks(["laboratorios/01"])] == ["01_b"]


def test_an_unknown_notebook_is_a_usage_error(folder, capsys):
    with pytest.raises(SystemExit):
        lesson.main(["99"])
    assert "nenhum notebook começa por 99" in capsys.readouterr().err


def test_saving_stores_normalised_outputs(folder):
    path = folder / "01_a.ipynb"
    write(path, "print('oi')", "from IPython.display import IFrame\nIFrame('http://127.0.0.1:1/', 10, 10)")
    assert lesson.main(["01", "--save"]) == 0
    stored = nbformat.read(path, as_version=4)
    assert [cell.execution_count for cell in stored.cells] == [1, 2]
    assert stored.cells[0].outputs[0].text == "oi\n"
    assert stored.cells[1].outputs[0].data == {"text/plain": lesson.LIVE_PAGE}
    assert set(stored.metadata) == {"kernelspec", "language_info"}
    assert all("execution" not in cell.metadata for cell in stored.cells)


def test_what_is_personal_is_not_stored(folder):
    path = folder / "01_a.ipynb"
    write(path, "print('3 de 11 notebooks')")
    notebook = nbformat.read(path, as_version=4)
    notebook.cells[0].metadata["tags"] = ["personal"]
    nbformat.write(notebook, path)
    assert lesson.main(["01", "--save"]) == 0
    stored = nbformat.read(path, as_version=4)
    assert [output.text for output in stored.cells[0].outputs] == [lesson.PERSONAL]
    assert lesson.normalise(nbformat.read(path, as_version=4)) == stored


def test_repeating_uses_the_same_kernel(folder):
    path = folder / "01_a.ipynb"
    write(path, "count = globals().get('count', 0) + 1\nprint(count)")
    notebook, run = lesson.execute(path, repeat=2)
    assert notebook.cells[0].outputs[0].text == "2\n"
    assert run.peak_bytes > 20e6 and run.seconds > 0


def test_the_slowest_cell_is_seen(folder):
    path = folder / "01_a.ipynb"
    write(path, "1 + 1", "import time\ntime.sleep(0.5)")
    cells = lesson.execute(path)[1].cells
    assert cells[1].seconds >= 0.5 and [cell.number for cell in cells] == [1, 2]


def test_plumbing_is_stored_folded_and_so_is_the_answer_to_a_guess():
    cells = [
        nbformat.v4.new_code_cell("import sys", metadata={"tags": ["plumbing"]}),
        nbformat.v4.new_code_cell("guess.compare('7 MB')"),
        nbformat.v4.new_code_cell("1 + 1"),
    ]
    stored = lesson.normalise(nbformat.v4.new_notebook(cells=cells)).cells
    folded = [cell.metadata.get("jupyter") for cell in stored]
    assert folded == [{"source_hidden": True}, {"outputs_hidden": True}, None]
