"""Teste de carga: clientes simultâneos em laço fechado, num processo que não divide o GIL com o notebook.

Só em 127.0.0.1: isto é uma lição, não uma arma.
"""

import base64
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from time import monotonic
from urllib.parse import urlsplit

import numpy as np

from course_utils.bars import tqdm
from course_utils.measure.load_result import Load, merge, ratios, report
from course_utils.measure.usage import Usage

__all__ = ["Load", "LoadError", "compare", "ratios", "report", "run", "sweep"]

HOST = "127.0.0.1"
BYTES = "application/octet-stream"
MAX_CLIENTS = 256
MAX_SECONDS = 300
SAMPLE_S = 0.1
START_S = 120  # só um gerador travado demora tanto a começar
GENERATOR = Path(__file__).with_name("generator.py")
BAR = "{desc} |{bar:20}| {elapsed}"


class LoadError(RuntimeError):
    """O gerador de carga falhou; a mensagem traz o que ele disse."""


def run(url, body=None, *, content_type=BYTES, concurrency=8, seconds=3.0, max_requests=20_000, warmup=0.5,
        timeout=10.0, pids=()):  # fmt: skip
    """Carga de `concurrency` clientes contra `url`: POST de `body` (bytes), ou GET se `body` é None.

    Termina depois de `seconds` ou de `max_requests` pedidos, o que vier antes; os `warmup` segundos de
    aquecimento não contam. Um pedido sem resposta em `timeout` segundos é um erro. `pids`: os processos do
    servidor (`server.pids()`), para medir CPU e memória. Devolve um `Load`.
    """
    job = _job(url, body, content_type, concurrency, seconds, max_requests, warmup, timeout)
    with tqdm(total=warmup + seconds, bar_format=BAR, leave=False) as bar:
        return _measure(job, pids, bar, "medindo")


def sweep(url, body=None, *, concurrencies=(1, 2, 4, 8, 16, 32), seconds=2.0, warmup=0.5, **options):
    """A mesma carga com números crescentes de clientes: lista de `Load`, para `plots.load_curve`.

    `options`: os outros argumentos de `run`.
    """
    pids = options.pop("pids", ())
    options |= {"seconds": seconds, "warmup": warmup}
    jobs = [_job(url, body, concurrency=number, **options) for number in concurrencies]
    with tqdm(total=len(jobs) * (warmup + seconds), bar_format=BAR, leave=False) as bar:
        return [_measure(job, pids, bar, f"{number} de {len(jobs)}") for number, job in enumerate(jobs, 1)]


def compare(candidates, *, concurrency=8, rounds=3, seconds=1.5, warmup=0.5, **options):
    """Vários servidores sob a mesma carga, em rodadas intercaladas (a, b, a, b, …): `{nome: Load}`.

    `candidates`: `{nome: (url, corpo, tipo)}` ou `{nome: (url, corpo, tipo, pids)}`. Cada `Load` junta as
    rodadas; `rates` guarda a vazão de cada uma. `options`: os outros argumentos de `run`.
    """
    plans, options = {}, options | {"concurrency": concurrency, "seconds": seconds, "warmup": warmup}
    for name, (url, body, content_type, *pids) in candidates.items():
        plans[name] = (_job(url, body, content_type, **options), pids[0] if pids else ())
    results = {name: [] for name in plans}
    with tqdm(total=rounds * len(plans) * (warmup + seconds), bar_format=BAR, leave=False) as bar:
        for number in range(1, rounds + 1):
            for name, (job, pids) in plans.items():
                results[name].append(_measure(job, pids, bar, f"rodada {number} de {rounds}, {name}"))
    return {name: merge(loads) for name, loads in results.items()}


def _job(url, body, content_type=BYTES, concurrency=8, seconds=3.0, max_requests=20_000, warmup=0.5, timeout=10.0):
    """O pedido ao gerador, já em bytes. Recusa o que não é 127.0.0.1 e o que não tem fim."""
    parts = urlsplit(url)
    if parts.scheme != "http" or parts.hostname != HOST:
        raise ValueError(f"Recebi {url}; a carga só vai para http://{HOST}:porta/, a sua própria máquina.")
    if not 1 <= concurrency <= MAX_CLIENTS:
        raise ValueError(f"Recebi {concurrency} clientes; aceito de 1 a {MAX_CLIENTS}.")
    if not (0 < seconds <= MAX_SECONDS and 0 <= warmup <= MAX_SECONDS and 0 < timeout <= MAX_SECONDS):
        raise ValueError(f"Recebi {seconds} s de medida e {warmup} s de aquecimento; aceito até {MAX_SECONDS} s.")
    if max_requests < 1:
        raise ValueError(f"Recebi max_requests={max_requests}; preciso de ao menos 1.")
    route = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    head = f"{'GET' if body is None else 'POST'} {route} HTTP/1.1\r\nHost: {HOST}:{parts.port or 80}\r\n"
    if body is not None:
        head += f"Content-Type: {content_type}\r\nContent-Length: {len(body)}\r\n"
    request = (head + "\r\n").encode("ascii") + (body or b"")
    return {
        "port": parts.port or 80, "request": base64.b64encode(request).decode(), "concurrency": concurrency,
        "seconds": seconds, "max_requests": max_requests, "warmup": warmup, "timeout": timeout,
    }  # fmt: skip


def _measure(job, pids, bar, what):
    """Inicia o gerador e, enquanto ele trabalha, anota a CPU e a memória do servidor e move a barra."""
    bar.set_description(f"carga: {what}, {job['concurrency']} cliente(s)")
    usage, first, spent = Usage(pids), bar.n, job["warmup"] + job["seconds"]
    started, limit = monotonic(), spent + 2 * job["timeout"] + START_S
    with _generator(job) as child:
        try:
            while child.returncode is None:
                usage.sample()
                try:
                    output, errors = child.communicate(timeout=SAMPLE_S)
                except subprocess.TimeoutExpired:
                    elapsed = monotonic() - started
                    if elapsed > limit:
                        raise LoadError(f"O gerador de carga não terminou em {limit:.0f} s.") from None
                    _move(bar, first + min(elapsed, spent))
        finally:
            child.kill()  # quem interrompe a célula interrompe a carga
    if child.returncode:
        raise LoadError(f"O gerador de carga falhou:\n{errors[-2000:]}")
    _move(bar, first + spent)
    usage.sample()
    return _load(json.loads(output), job["concurrency"], usage)


def _move(bar, place):
    """Leva a barra até `place`; somar pedaços passaria do fim por um arredondamento, e o tqdm avisaria."""
    bar.n = min(place, bar.total)
    bar.refresh()


def _generator(job):
    """O processo do gerador, com o pedido num arquivo temporário: num cano, um corpo grande o travaria."""
    with tempfile.TemporaryFile("w+", encoding="utf-8") as file:
        json.dump(job, file)
        file.seek(0)
        return subprocess.Popen(
            [sys.executable, "-P", GENERATOR], stdin=file, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            text=True, encoding="utf-8",
        )  # fmt: skip


def _load(data, concurrency, usage):
    """Da resposta do gerador a um `Load`."""
    latencies, seconds = np.array(data["latencies"], np.float64), data["seconds"]
    cpu, memory = usage.between(data["began"], data["began"] + seconds)
    rates = (len(latencies) / seconds,)
    return Load(concurrency, latencies, data["errors"], seconds, rates, cpu, memory, data["generator_percent"])
