"""Teste de carga: clientes simultâneos em laço fechado, num processo que não divide o GIL com o notebook.

Só em 127.0.0.1: isto é uma lição, não uma arma.
"""

import base64
import contextlib
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from time import monotonic
from urllib.parse import urlsplit

import numpy as np
import psutil

from course_utils.bars import tqdm
from course_utils.measure.load_result import Load, merge, ratios, report
from course_utils.processes import HOST

__all__ = ["Load", "LoadError", "compare", "ratios", "report", "run", "sweep"]

BYTES = "application/octet-stream"
MAX_CLIENTS = 256
MAX_SECONDS = 300
TIMEOUT_S = 10.0  # um pedido sem resposta neste prazo é um erro
SAMPLE_S = 0.1
START_S = 120  # só um gerador travado demora tanto a começar
GENERATOR = Path(__file__).with_name("generator.py")
BAR = "{desc} |{bar:20}| {elapsed}"


class LoadError(RuntimeError):
    """O gerador de carga falhou; a mensagem traz o que ele disse."""


def run(url, body=None, *, concurrency=8, seconds=3.0, warmup=0.5, pids=()):
    """Carga de `concurrency` clientes contra `url`: POST de `body` (bytes), ou GET se `body` é None.

    Dura `seconds`; os `warmup` segundos de aquecimento não contam. `pids`: os processos do servidor
    (`server.pids()`), para medir CPU e memória. Devolve um `Load`.
    """
    return _measure([("medindo", _job(url, body, BYTES, concurrency, seconds, warmup), pids)])[0]


def sweep(url, body=None, *, concurrencies=(1, 2, 4, 8, 16, 32), seconds=2.0, warmup=0.5, pids=()):
    """A mesma carga com números crescentes de clientes: lista de `Load`, para `plots.load_curve`."""
    jobs = [_job(url, body, BYTES, number, seconds, warmup) for number in concurrencies]
    return _measure([(f"{number} de {len(jobs)}", job, pids) for number, job in enumerate(jobs, 1)])


def compare(candidates, *, concurrency=8, rounds=3, seconds=1.5, warmup=0.5):
    """Vários servidores sob a mesma carga, em rodadas intercaladas (a, b, a, b, …): `{nome: Load}`.

    `candidates`: `{nome: (url, corpo, tipo)}` ou `{nome: (url, corpo, tipo, pids)}`. Cada `Load` junta as
    rodadas; `rates` guarda a vazão de cada uma.
    """
    jobs = {
        name: (_job(url, body, content_type, concurrency, seconds, warmup), *(pids or [()]))
        for name, (url, body, content_type, *pids) in candidates.items()
    }
    plans = [
        (f"rodada {number} de {rounds}, {name}", *job)
        for number in range(1, rounds + 1)
        for name, job in jobs.items()
    ]
    loads = _measure(plans)
    return {name: merge(loads[place :: len(jobs)]) for place, name in enumerate(jobs)}


def _job(url, body, content_type, concurrency, seconds, warmup):
    """O pedido ao gerador, já em bytes. Recusa o que não é 127.0.0.1 e o que não tem fim."""
    parts = urlsplit(url)
    if parts.scheme != "http" or parts.hostname != HOST:
        raise ValueError(f"Recebi {url}; a carga só vai para http://{HOST}:porta/, a sua própria máquina.")
    if not 1 <= concurrency <= MAX_CLIENTS:
        raise ValueError(f"Recebi {concurrency} clientes; aceito de 1 a {MAX_CLIENTS}.")
    if not (0 < seconds <= MAX_SECONDS and 0 <= warmup <= MAX_SECONDS):
        raise ValueError(f"Recebi {seconds} s de medida e {warmup} s de aquecimento; aceito até {MAX_SECONDS} s.")
    route = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    head = f"{'GET' if body is None else 'POST'} {route} HTTP/1.1\r\nHost: {HOST}:{parts.port or 80}\r\n"
    if body is not None:
        head += f"Content-Type: {content_type}\r\nContent-Length: {len(body)}\r\n"
    request = (head + "\r\n").encode("ascii") + (body or b"")
    return {
        "port": parts.port or 80, "request": base64.b64encode(request).decode(), "concurrency": concurrency,
        "seconds": seconds, "warmup": warmup, "timeout": TIMEOUT_S,
    }  # fmt: skip


def _measure(plans):
    """Uma carga depois da outra: `[(o que a barra diz, pedido ao gerador, processos)]` → lista de `Load`."""
    loads = []
    with tqdm(total=len(plans), bar_format=BAR, leave=False) as bar:
        for what, job, pids in plans:
            bar.set_description(f"carga: {what}, {job['concurrency']} cliente(s)")
            loads.append(_generate(job, Usage(pids), bar))
            bar.update()
    return loads


def _generate(job, usage, bar):
    """Inicia o gerador e, enquanto ele trabalha, anota a CPU e a memória do servidor e anda o relógio da barra."""
    limit = monotonic() + job["warmup"] + job["seconds"] + 2 * job["timeout"] + START_S
    with tempfile.TemporaryFile("w+", encoding="utf-8") as file:  # num cano, um corpo grande travaria o gerador
        json.dump(job, file)
        file.seek(0)
        child = subprocess.Popen(
            [sys.executable, "-P", GENERATOR], stdin=file, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            text=True, encoding="utf-8",
        )  # fmt: skip
    with child:
        try:
            while child.returncode is None:
                usage.sample()
                bar.refresh()
                try:
                    output, errors = child.communicate(timeout=SAMPLE_S)
                except subprocess.TimeoutExpired:
                    if monotonic() > limit:
                        raise LoadError("O gerador de carga não terminou no prazo.") from None
        finally:
            child.kill()  # quem interrompe a célula interrompe a carga
    if child.returncode:
        raise LoadError(f"O gerador de carga falhou:\n{errors[-2000:]}")
    usage.sample()
    data = json.loads(output)
    latencies, seconds = np.array(data["latencies"], np.float64), data["seconds"]
    cpu, memory = usage.between(data["began"], data["began"] + seconds)
    rates = (len(latencies) / seconds,)
    return Load(
        job["concurrency"], latencies, data["errors"], seconds, rates, cpu, memory, data["generator_percent"]
    )


class Usage:
    """CPU e memória, ao longo do tempo, dos processos `pids` e dos descendentes que tinham no início."""

    def __init__(self, pids):
        self.samples, self.cpu = [], {}
        for pid in pids:
            with contextlib.suppress(psutil.NoSuchProcess):
                root = psutil.Process(pid)
                self.cpu |= dict.fromkeys([root, *root.children(recursive=True)], 0.0)

    def sample(self):
        """Anota o instante, a CPU gasta até aqui e a memória; de quem terminou fica a CPU que já tinha gasto."""
        memory = 0
        for process in self.cpu:
            with contextlib.suppress(psutil.NoSuchProcess):
                times = process.cpu_times()
                self.cpu[process] = times.user + times.system
                memory += process.memory_info().rss
        self.samples.append((monotonic(), sum(self.cpu.values()), memory))

    def between(self, began, ended):
        """`(CPU em %, pico de memória em bytes)` entre os dois instantes; `(None, None)` se nada foi vigiado."""
        if not self.cpu:
            return None, None
        times, cpu, memory = np.array(self.samples).T
        used = np.interp(ended, times, cpu) - np.interp(began, times, cpu)
        return float(100 * used / (ended - began)), int(memory[times >= began].max())
