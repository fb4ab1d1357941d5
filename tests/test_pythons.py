"""O curso, preparado e executado de verdade noutro Python dos que ele aceita: o mais distante do que roda isto.

Com `AULA_PYTHONS=todos`, em todos os que houver (cada um custa uns minutos e alguns GB, devolvidos no fim).
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tree import copy_into

from course_utils.__main__ import NEWEST, OLDEST

# Notebooks leves, com as saídas guardadas comparadas: PyTorch e ONNX; TensorFlow e PyTorch no mesmo processo.
NOTEBOOKS = ("00_a_ponte", "01_salvar_e_carregar")
TESTS = ("digits", "measure", "batching", "predictor", "networks")

pytestmark = pytest.mark.slow


def others():
    """Os outros Pythons que servem ao curso, há aqui e funcionam; primeiro o mais distante."""
    found = {}
    for minor in sorted(range(OLDEST[1], NEWEST[1] + 1), key=lambda minor: -abs(minor - sys.version_info.minor)):
        code = f"import sys, venv, ensurepip; assert sys.version_info[:2] == (3, {minor})"
        pyenv = sorted(Path.home().glob(f".pyenv/versions/3.{minor}.*/bin/python"))
        for python in filter(None, [*pyenv, shutil.which(f"python3.{minor}")]):
            # Um "python3.12" do pyenv pode existir e não funcionar.
            works = subprocess.run([python, "-c", code], capture_output=True, check=False).returncode == 0
            if works and minor != sys.version_info.minor:
                found.setdefault(minor, python)
    return list(found.values())


def test_another_python_prepares_and_runs_the_course(tmp_path):
    pythons = others()
    if not pythons:
        pytest.skip("não há nesta máquina outro Python 3.11, 3.12 ou 3.13: só o que roda isto foi provado")
    # O pacote da cópia, e não o de quem roda o teste.
    env = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "AULA_STATE")}
    paths = [f"notebooks/{name}.ipynb" for name in NOTEBOOKS] + [f"tests/test_{name}.py" for name in TESTS]
    for python in pythons if os.environ.get("AULA_PYTHONS") == "todos" else pythons[:1]:
        root = copy_into(tmp_path / "Cópia noutro Python")
        done = subprocess.run(
            [python, "-m", "course_utils", "test", "-q", *paths], cwd=root, env=env,
            capture_output=True, encoding="utf-8", errors="replace", timeout=1800, check=False,
        )  # fmt: skip
        shutil.rmtree(root, ignore_errors=True)
        assert done.returncode == 0 and " passed" in done.stdout, (python, (done.stdout + done.stderr)[-4000:])
