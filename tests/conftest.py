"""O que vale para todos os testes."""

import subprocess

import pytest
from browsing import chromium, jupyterlab

from course_utils.model import artifacts


@pytest.fixture(scope="session")
def fresh_clone(tmp_path_factory):
    """Um clone do que está no repositório, numa pasta com espaço e acentos."""
    target = tmp_path_factory.mktemp("Clone da lição") / "aula"
    subprocess.run(["git", "clone", "--quiet", str(artifacts.ROOT), str(target)], check=True)
    return target


@pytest.fixture(scope="module")
def browser():
    """Um Chromium de verdade. Por módulo: enquanto vive, o Playwright ocupa o laço de eventos desta thread."""
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def lab(fresh_clone):
    """O JupyterLab aberto pelo comando do README num clone limpo: devolve o endereço com a senha."""
    with jupyterlab(fresh_clone) as address:
        yield address
