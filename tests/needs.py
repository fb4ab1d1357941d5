"""O que uma prova pede à máquina: na falta, ela é pulada com uma frase, menos na CI, onde falha."""

import os

import pytest


def miss(reason):
    """Diz o que falta e encerra a prova."""
    pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)
