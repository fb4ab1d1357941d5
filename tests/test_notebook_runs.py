"""Provas demoradas: cada notebook, sozinho, num clone limpo e sem rede; e o nbval, que compara e espera."""

import subprocess
import sys

import nbformat
import pytest
from needs import need
from notebook_proof import prove

from course_utils import lesson
from course_utils.model import artifacts

pytestmark = pytest.mark.slow
RAY, LANGUAGE = "laboratorios/alem_de_uma_maquina", "laboratorios/modelo_de_linguagem"
PATHS = lesson.find_notebooks([lesson.LABS]) + lesson.find_notebooks()


# O do Ray é maior que isto em tudo, e está em test_ray_cluster.
@pytest.mark.parametrize("path", [path for path in PATHS if lesson.name_of(path) != RAY], ids=lesson.name_of)
def test_it_says_what_is_stored_twice_alone_offline_within_the_memory(path, fresh_clone):
    if lesson.name_of(path) == LANGUAGE:
        need("xllamacpp")
    assert prove(path, fresh_clone) <= 1.5e9


def validate(path, code, *stored):
    """Grava em `path` um notebook de uma célula, com estas saídas guardadas; devolve o código do nbval."""
    cell = nbformat.v4.new_code_cell(code, execution_count=1)
    cell.outputs = [nbformat.v4.new_output("stream", name="stdout", text=text) for text in stored]
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), path)
    options = ["-q", "-p", "no:cacheprovider", "-p", "conftest", "-c", "pyproject.toml", path]
    command = [sys.executable, "-m", "pytest", *options]
    return subprocess.run(command, cwd=artifacts.ROOT, capture_output=True, check=False).returncode


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


def test_the_end_of_a_cell_that_comes_late_is_waited_for(tmp_path):
    assert validate(tmp_path / "x.ipynb", LATE) == 0
