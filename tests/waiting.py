"""Esperar que algo aconteça: pergunta-se até que sim, com um prazo a que só um travamento chega."""

import time

PATIENCE_S = 180


def wait_for(condition):
    """Pergunta até a condição valer, e devolve o que ela deu."""
    limit = time.monotonic() + PATIENCE_S
    while not (found := condition()):
        assert time.monotonic() < limit, "não aconteceu"
        time.sleep(0.05)
    return found
