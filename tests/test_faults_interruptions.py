"""Ctrl-C em tudo o que demora: uma frase, o código 130, nenhum processo e nenhum arquivo pela metade.

A preparação do ambiente está em test_environment; o início de um servidor numa célula, em test_server_control.
"""

import sys

import psutil
import pytest
from faults import END, interrupt, sketches
from kernels import interrupt_cell, run_cell
from tree import snapshot
from waiting import wait_for_the_end

from course_utils.model import artifacts

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="sinais e sessões do POSIX")

# o comando → o que ele mostra quando já está no meio do trabalho
LONG = {
    "run 06": "1/",
    "slides": "00_a_ponte.html",
    "train": "1/825",
    "bench serving": "serving",
    "serve --port 47321": "versão 1 no ar",
}


@pytest.mark.slow
@pytest.mark.parametrize("command", LONG)
def test_a_long_command_ends_in_one_sentence_and_leaves_nothing_half_done(command, fresh_clone):
    before = snapshot(fresh_clone)
    code, said, tree = interrupt(command.split(), LONG[command], cwd=fresh_clone)
    assert code == 130
    assert "Traceback" not in said and said.rstrip().endswith(END), said[-2000:]
    wait_for_the_end(tree)
    assert sketches(fresh_clone / "artifacts", fresh_clone / "data", fresh_clone / "notebooks") == []
    assert snapshot(fresh_clone) == before


# o que a célula faz, e ela
CELLS = {
    "a load test": "load.run(server.url + 'predict', bytes(784), seconds=60)",
    "a function in another process": "processes.run_function(long)",
    "an exercise being checked": "exercises.check('laço', long)",
    "a comparison of latencies": "latency.compare({'a': lambda: time.sleep(0.1)}, rounds=500)",
}
BEFORE = """
import time
from course_utils.classroom import exercises, processes, servers
from course_utils.measure import latency, load
def long():
    import time
    time.sleep(60)
def loop(answer):
    while True:
        pass
exercises.CHECKS["laço"] = loop
"""


def test_a_long_cell_is_interrupted_and_leaves_no_process(kernel):
    manager, client = kernel
    run_cell(client, BEFORE)
    server = eval(run_cell(client, "server = servers.start()", "server.pids()"))
    root = psutil.Process(manager.provisioner.pid)
    for cell in CELLS.values():
        interrupt_cell(manager, client, cell)
        wait_for_the_end([child.pid for child in root.children(recursive=True) if child.pid not in server])
    assert eval(run_cell(client, "", "server.pids()")) == server  # o servidor é de outra célula: continua
    assert sketches(artifacts.ARTIFACTS / "logs") == []
