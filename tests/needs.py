"""O que uma prova pede à máquina: na falta, ela é pulada com uma frase, menos na CI, onde falha."""

import os
from importlib.util import find_spec

import pytest


def miss(reason):
    """Diz o que falta e encerra a prova."""
    pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)


def need(package):
    """O mesmo `miss`, se falta um pacote que só o extra ou a CI instalam."""
    if find_spec(package) is None:
        ci = "python -m pip install -r .ci/requirements.txt"
        how = "python -m course_utils --extra" if package == "ray" else ci
        miss(f"{package} não está instalado: {how}")
