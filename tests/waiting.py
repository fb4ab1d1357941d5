"""Esperar que algo aconteça, ou que um processo acabe, com um prazo a que só um travamento chega."""

import time

import psutil

PATIENCE_S = 180


def wait_for(condition):
    """Pergunta até a condição valer, e devolve o que ela deu."""
    limit = time.monotonic() + PATIENCE_S
    while not (found := condition()):
        assert time.monotonic() < limit, "não aconteceu"
        time.sleep(0.05)
    return found


def alive(pids):
    return [pid for pid in pids if _lives(pid)]


def _lives(pid):
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def wait_for_the_end(pids):
    wait_for(lambda: not alive(pids))
