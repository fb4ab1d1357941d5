"""A barra de progresso: no notebook, uma linha que some; no terminal, a de sempre; com TQDM_DISABLE, nenhuma."""

import os
import subprocess
import sys

import nbformat
from nbclient import NotebookClient

from course_utils.model import artifacts

LOOP = "from course_utils.bars import tqdm\nfor step in tqdm(range(3), desc='medindo'):\n    pass"

RUNNER = "import ipykernel.kernelspec\n"  # é o que o jupyter_client importa em quem só executa notebooks


def test_in_a_notebook_nothing_is_left_of_it(monkeypatch):
    monkeypatch.delenv("TQDM_DISABLE", raising=False)
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(LOOP)])
    NotebookClient(notebook, resources={"metadata": {"path": str(artifacts.ROOT)}}).execute()
    assert [output.get("data") for output in notebook.cells[0].outputs] == [{"text/plain": ""}]


def test_in_a_terminal_it_is_the_usual_one():
    said = {}
    for disabled in ("", "1"):
        environment = os.environ | {"TQDM_DISABLE": disabled}
        run = subprocess.run(
            [sys.executable, "-c", RUNNER + LOOP],
            cwd=artifacts.ROOT,
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        said[disabled] = run.stderr
    assert "medindo: 100%" in said[""] and said["1"] == ""
