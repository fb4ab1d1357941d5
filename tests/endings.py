"""Quando um processo acabou de verdade: o que os testes dos servidores e da AWS de bolso perguntam."""

import psutil
from waiting import wait_for


def alive(pids):
    return [pid for pid in pids if _lives(pid)]


def _lives(pid):
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def wait_for_the_end(pids):
    wait_for(lambda: not alive(pids))
