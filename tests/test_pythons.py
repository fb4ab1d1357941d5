"""Uma turma sem internet, de verdade: um kit, uma cópia do projeto e outro Python dos que o curso aceita.

É o mais distante do que roda isto; com `AULA_PYTHONS=todos`, são todos os que houver (cada um custa uns minutos e
alguns GB, devolvidos no fim). Sem nenhum outro, é este mesmo.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from needs import miss
from offline import offline
from tree import copy_into

from course_utils.__main__ import NEWEST, OLDEST
from course_utils.model import artifacts
from course_utils.setup import failures, sources

# Notebooks leves, com as saídas guardadas comparadas: PyTorch e ONNX; TensorFlow e PyTorch no mesmo processo.
NOTEBOOKS = ("00_a_ponte", "01_salvar_e_carregar")
TESTS = ("digits", "measure", "batching", "predictor", "networks")


def pythons():
    """`{"3.13": caminho}` dos Pythons que servem ao curso, há aqui e funcionam; primeiro o mais distante deste."""
    found = {}
    for minor in sorted(range(OLDEST[1], NEWEST[1] + 1), key=lambda minor: -abs(minor - sys.version_info.minor)):
        code = f"import sys, venv, ensurepip; assert sys.version_info[:2] == (3, {minor}); print(sys.executable)"
        here = [getattr(sys, "_base_executable", sys.executable), shutil.which(f"python3.{minor}")]
        for python in filter(None, [*sorted(Path.home().glob(f".pyenv/versions/3.{minor}.*/bin/python")), *here]):
            # Um "python3.12" do pyenv pode existir e não funcionar.
            done = subprocess.run([python, "-c", code], capture_output=True, text=True, check=False)
            if done.returncode == 0:
                found.setdefault(f"3.{minor}", done.stdout.strip())
    return found


@pytest.mark.slow
def test_another_python_prepares_from_a_kit_without_network_and_runs_the_course(tmp_path):
    if sys.platform != "linux" or not shutil.which("unshare"):
        miss("falta o unshare (pacote util-linux)")
    if problem := failures.network(sources.read(sys.executable)):
        miss(problem)
    # O pacote da cópia, e não o de quem roda o teste; e nada do que já se baixou.
    ours = ("VIRTUAL_ENV", "PYTHONPATH", "AULA_STATE")
    env = {name: value for name, value in os.environ.items() if name not in ours}
    env |= {"HOME": str(tmp_path), "UV_CACHE_DIR": str(tmp_path / "cache")}
    paths = [f"notebooks/{name}.ipynb" for name in NOTEBOOKS] + [f"tests/test_{name}.py" for name in TESTS]
    found = pythons()
    for version in list(found) if os.environ.get("AULA_PYTHONS") == "todos" else list(found)[:1]:
        folder, root = tmp_path / f"kit {version}", tmp_path / f"Cópia no {version}"
        make = [sys.executable, "-m", "course_utils.setup.kit", folder, "--python", version]
        subprocess.run(make, cwd=artifacts.ROOT, check=True)
        copy_into(root)
        command = offline([found[version], "-m", "course_utils", "--kit", folder, "test", "-q", *paths])
        options = {"cwd": root, "env": env, "capture_output": True, "encoding": "utf-8", "timeout": 1800}

        torch = next((folder / "wheels").glob("torch-2*.whl"))
        content = torch.read_bytes()
        torch.write_bytes(content[: len(content) // 2])
        done = subprocess.run(command, **options, check=False)
        assert done.returncode == 1 and f"wheels/{torch.name} não confere" in done.stderr, done.stderr
        assert not (root / ".venv").exists(), "nada se instala de um kit estragado"
        torch.write_bytes(content)
        done = subprocess.run(command, **options, check=False)
        said = done.stdout + done.stderr
        assert done.returncode == 0 and "Ambiente pronto" in said and " passed" in said, (version, said[-4000:])
        shutil.rmtree(root)
        shutil.rmtree(folder)
