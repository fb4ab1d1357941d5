"""O que vale para todos os testes."""

import subprocess

import pytest

from course_utils.model import artifacts


@pytest.fixture(scope="session")
def fresh_clone(tmp_path_factory):
    """Um clone do que está no repositório, numa pasta com espaço e acentos."""
    target = tmp_path_factory.mktemp("Clone da lição") / "aula"
    subprocess.run(["git", "clone", "--quiet", str(artifacts.ROOT), str(target)], check=True)
    return target
