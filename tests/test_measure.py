"""Medidas: intercaladas, com mediana e p95 certos; tamanho e memória que batem; números em português."""

import os
import subprocess
import sys
import time

import numpy as np
import psutil
import pytest

from course_utils.measure import latency, machine, memory
from course_utils.measure.numbers import br, percent, times


def test_calls_are_interleaved_the_warm_up_does_not_count_and_the_report_says_all():
    calls = []
    result = latency.compare({"a": lambda: calls.append("a"), "b": lambda: calls.append("b")}, rounds=5, warmup=2)
    assert "".join(calls) == "ab" * 7 and [len(item.times) for item in result.values()] == [5, 5]
    slow, fast = (latency.Latency(name, np.arange(1.0, 101.0) * cost) for name, cost in (("a", 2), ("b", 1)))
    assert fast.median == 50.5 and fast.p95 == np.percentile(fast.times, 95)
    text = latency.report({"lento": slow, "rápido": fast})
    for words in (machine.machine(), "1 thread", "n = 100", "2,00×", "p95"):
        assert words in text


def test_size_of_a_file_and_of_a_folder(tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "a").write_bytes(b"x" * 100)
    (tmp_path / "sub" / "b").write_bytes(b"x" * 50)
    assert (memory.size_bytes(tmp_path / "a"), memory.size_bytes(tmp_path)) == (100, 150)


def test_memory_counts_the_children_and_a_dead_process_is_zero():
    alone = memory.tree_bytes(os.getpid())
    code = "x = bytearray(200_000_000); print('ok', flush=True); input()"
    child = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    child.stdout.readline()
    assert memory.tree_bytes(os.getpid()) - alone > 150e6
    child.communicate(b"\n")
    assert memory.tree_bytes(child.pid) == 0


@pytest.mark.skipif(sys.platform != "linux", reason="só o Linux diz quais páginas vêm de arquivos")
def test_libraries_that_two_processes_share_are_counted_once():
    code = "import onnxruntime; print('ok', flush=True); input()"
    shell = f"import subprocess, sys\n{code[:18]}\nsubprocess.run([sys.executable, '-c', {code!r}])"
    parent = subprocess.Popen([sys.executable, "-c", shell], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    parent.stdout.readline()
    processes = [psutil.Process(parent.pid), *psutil.Process(parent.pid).children()]
    resident, files = zip(*((item.memory_info().rss, item.memory_info().shared) for item in processes))
    counted = memory.tree_bytes(parent.pid)
    parent.communicate(b"\n")
    assert len(processes) == 2 and counted == pytest.approx(sum(resident) - min(files), rel=0.02)


COPY = """
import os
filled = bytearray(200_000_000)
print("pronto", flush=True)
os.read(0, 1) if os.fork() == 0 else os.wait()
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="sem fork neste sistema")
def test_a_child_that_is_not_yet_another_program_is_not_counted_twice():
    """O kernel que inicia um servidor aparecia por um instante com o dobro do tamanho."""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", COPY], **pipes) as process:
        process.stdout.readline()
        while not psutil.Process(process.pid).children():
            time.sleep(0.01)
        assert 200e6 < memory.tree_bytes(process.pid) < 300e6
        process.communicate(b"\n")


def peak_of(code):
    """O pico, em MB, que um Python recém-iniciado conta de si depois de `code`."""
    ending = "; from course_utils.measure.memory import peak_bytes; print(peak_bytes() / 1e6)"
    return float(subprocess.run([sys.executable, "-c", code + ending], stdout=subprocess.PIPE, check=True).stdout)


def test_the_peak_stays_after_the_memory_is_given_back_and_is_not_inherited():
    empty, filled = peak_of("pass"), peak_of("x = bytearray(b'1') * 200_000_000; del x")
    assert 185 < filled - empty < 230
    ballast = bytearray(b"1") * 300_000_000  # o pico de quem inicia o processo não é o dele
    assert peak_of("pass") < empty + 50 and len(ballast) == 300_000_000


@pytest.mark.skipif(sys.platform != "linux", reason="só o Linux impõe o limite")
def test_the_limit_denies_what_passes_it_where_the_system_can(monkeypatch):
    code = "from course_utils.measure import memory; print(memory.limit(400e6)); x = bytearray({})"
    fits, passes = (
        subprocess.run([sys.executable, "-c", code.format(size)], capture_output=True, text=True, check=False)
        for size in (50_000_000, 500_000_000)
    )
    assert fits.returncode == 0 and fits.stdout == "True\n" and "MemoryError" in passes.stderr
    monkeypatch.setattr(memory.sys, "platform", "darwin")
    assert memory.limit(1) is False


@pytest.mark.parametrize(
    ("value", "decimals", "text"),
    [
        (7.4, 1, "7,4"), (7.45, 0, "7"), (1234567.891, 2, "1.234.567,89"), (-0.5, 1, "-0,5"), (None, 1, "–"),
        (float("nan"), 1, "–"),
    ],
)  # fmt: skip
def test_a_number_is_written_as_in_brazil(value, decimals, text):
    assert br(value, decimals) == text
    assert percent(0.9812) == "98,1 %" and times(13.27) == "13,3×"
