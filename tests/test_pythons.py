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
TESTS = ("digits", "measure", "contract", "predictor", "networks")

pytestmark = pytest.mark.slow


def others():
    """`{(3, 12): Path(...)}`: os outros Pythons aceitos que há no PATH e no pyenv, e que funcionam."""
    found = {}
    for minor in range(OLDEST[1], NEWEST[1] + 1):
        pyenv = sorted(Path.home().glob(f".pyenv/versions/3.{minor}.*/bin/python"))
        for python in filter(None, [*pyenv, shutil.which(f"python3.{minor}")]):
            if minor != sys.version_info.minor and answers(python, minor):
                found[3, minor] = Path(python)
                break
    return found


def answers(python, minor):
    """Um "python3.12" do pyenv pode existir e não funcionar."""
    code = f"import sys, venv, ensurepip; assert sys.version_info[:2] == (3, {minor})"
    return subprocess.run([python, "-c", code], capture_output=True, check=False).returncode == 0


def chosen():
    found = others()
    if os.environ.get("AULA_PYTHONS") == "todos":
        return found
    farthest = sorted(found, key=lambda version: abs(version[1] - sys.version_info.minor))[-1:]
    return {version: found[version] for version in farthest}


def test_another_python_prepares_and_runs_the_course(tmp_path):
    pythons = chosen()
    if not pythons:
        pytest.skip("não há nesta máquina outro Python 3.11, 3.12 ou 3.13: só o que roda isto foi provado")
    for version, python in pythons.items():
        root = tmp_path / "Cópia noutro Python"
        try:
            check(version, python, root)
        finally:
            shutil.rmtree(root, ignore_errors=True)


def check(version, python, root):
    """Prepara uma cópia do projeto em `root` com `python` e roda nele os notebooks e os testes escolhidos."""
    copy_into(root)
    # O pacote desta cópia, e não o de quem roda o teste.
    env = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "AULA_STATE")}
    paths = [f"notebooks/{name}.ipynb" for name in NOTEBOOKS] + [f"tests/test_{name}.py" for name in TESTS]
    done = subprocess.run(
        [python, "-m", "course_utils", "test", "-q", *paths], cwd=root, env=env,
        capture_output=True, encoding="utf-8", errors="replace", timeout=1800, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"{version}: {(done.stdout + done.stderr)[-4000:]}"
    assert " passed" in done.stdout, done.stdout[-500:]
