"""Quando um processo acabou de verdade: o que os testes dos servidores e da AWS de bolso perguntam."""

import time

import psutil


def alive(pids):
    return [pid for pid in pids if psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE]


def wait_for_the_end(pids, seconds=15):
    limit = time.monotonic() + seconds
    while alive(pids) and time.monotonic() < limit:
        time.sleep(0.1)
    assert alive(pids) == []
