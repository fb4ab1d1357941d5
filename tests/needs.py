"""O que uma prova pede à máquina: na falta, ela é pulada com uma frase, menos na CI, onde falha."""

import os
import shutil
from importlib.util import find_spec

import pytest

from course_utils.model import artifacts

EXTRAS = {"ray": "ray", "xllamacpp": "llm"}  # o pacote, e o extra que o traz


def miss(reason):
    """Diz o que falta e encerra a prova."""
    pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)


def need_git():
    """Pula a prova que pergunta ao Git, se não há o que perguntar: quem baixou o ZIP não tem o repositório."""
    if not shutil.which("git") or not (artifacts.ROOT / ".git").exists():
        pytest.skip("esta prova pergunta ao Git, e este projeto não é um repositório (veio de um ZIP?)")


def need(package):
    """O mesmo `miss`, se falta um pacote que só o extra ou a CI instalam."""
    if find_spec(package) is None:
        ci = "python -m pip install -r .ci/requirements.txt"
        how = f"python -m course_utils --extra {EXTRAS[package]}" if package in EXTRAS else ci
        miss(f"{package} não está instalado: {how}")
