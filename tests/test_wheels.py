"""Cada versão fixada existe, pronta para instalar, nos sistemas e nos Pythons que o README promete.

O pip decide as condições (`sys_platform != "win32"`) pelo sistema em que roda, mesmo com `--platform`; o uv, pelo
sistema pedido. Por isso é ele quem resolve aqui, e nada é instalado.
"""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from itertools import product

import pytest
from needs import miss, need

from course_utils.model import artifacts

FILES = [artifacts.ROOT / name for name in ("requirements.txt", "requirements-extra.txt")]
VERSIONS = ("3.11", "3.12", "3.13")
PLATFORMS = {
    "Linux": "x86_64-manylinux_2_28",
    "Windows": "x86_64-pc-windows-msvc",
    "macOS": "aarch64-apple-darwin",
}
MACOS = "14.0"  # o mais antigo que o PyTorch aceita; o README o promete

pytestmark = pytest.mark.slow


def resolve(paths, version, platform):
    """As linhas `pacote==versão` que esse Python instalaria nesse sistema, só de arquivos prontos; ou o erro."""
    command = [sys.executable, "-m", "uv", "pip", "compile", "--quiet", "--no-header", "--no-annotate"]
    command += ["--only-binary", ":all:", "--python-version", version, "--python-platform", PLATFORMS[platform]]
    done = subprocess.run(
        [*command, *map(str, paths)], env={**os.environ, "MACOSX_DEPLOYMENT_TARGET": MACOS},
        capture_output=True, encoding="utf-8", timeout=300, check=False,
    )  # fmt: skip
    if "error sending request" in done.stderr or "Failed to fetch" in done.stderr:
        return None, done.stderr
    return (set(done.stdout.split()), "") if done.returncode == 0 else (set(), done.stderr)


def resolve_everywhere(paths, versions=VERSIONS):
    need("uv")
    places = list(product(versions, PLATFORMS))
    with ThreadPoolExecutor(3) as pool:  # quase todo o tempo é espera pela rede
        answers = dict(zip(places, pool.map(lambda place: resolve(paths, *place), places)))
    if any(found is None for found, _ in answers.values()):
        miss("sem rede até o índice de pacotes não há o que resolver")
    return answers


def test_every_pin_has_a_wheel_for_every_python_and_system():
    answers = resolve_everywhere(FILES)
    assert {place: error for place, (_, error) in answers.items() if error} == {}
    for (version, platform), (found, _) in answers.items():
        names = {line.split("==")[0] for line in found}
        assert {"torch", "tensorflow", "ray"} <= names, (version, platform)
        # As condições valem para o sistema pedido, e não para este.
        assert ("uvloop" in names) == ("gunicorn" in names) == (platform != "Windows"), (version, platform)


def test_a_pin_without_a_wheel_is_caught(tmp_path):
    """O uvloop não tem arquivo para o Windows: sem a condição no fim da linha, só lá não se resolve."""
    (tmp_path / "requirements.txt").write_text("uvloop==0.23.0\n", encoding="utf-8")
    answers = resolve_everywhere([tmp_path / "requirements.txt"], ["3.12"])
    assert {platform for (_, platform), (_, error) in answers.items() if error} == {"Windows"}


def test_the_readme_promises_the_same_systems():
    text = (artifacts.ROOT / "README.md").read_text(encoding="utf-8")
    promise = text[text.index("Você precisa do") :].split("\n\n")[0]
    assert "3.11, 3.12 ou 3.13" in promise and f"macOS {MACOS.split('.')[0]} ou mais novo" in promise
