"""Teste de carga: clientes simultâneos em laço fechado, num processo que não divide o GIL com o notebook.

Só em 127.0.0.1: isto é uma lição, não uma arma.
"""

import base64
import json
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np

from course_utils.bars import tqdm
from course_utils.measure.machine import machine
from course_utils.measure.numbers import aligned, br, count, times
from course_utils.processes import HOST

BYTES = "application/octet-stream"
MAX_CLIENTS = 256
MAX_SECONDS = 300
TIMEOUT_S = 10.0  # um pedido sem resposta neste prazo é um erro
START_S = 120  # só um gerador travado demora tanto a começar
GENERATOR = Path(__file__).with_name("generator.py")
GENERATOR_LIMIT = 85


@dataclass(frozen=True)
class Load:
    """O que `concurrency` clientes simultâneos viram de um servidor."""

    concurrency: int
    latencies: np.ndarray  # ms por resposta 2xx, da escrita do pedido ao último byte: float64 (ok,)
    errors: dict  # {"503": 12, "ConnectionResetError": 1}: status que não são 2xx e falhas de conexão
    seconds: float  # duração da medida, sem o aquecimento
    cpu_seconds: float | None = None  # do servidor e dos seus processos
    peak_memory_bytes: int | None = None  # RSS somado dos mesmos processos: um teto, conta em todos o que dividem
    generator_percent: float = 0.0  # CPU do próprio gerador; perto de 100, medimos o gerador
    rates: tuple = ()  # de várias rodadas, as respostas 2xx por segundo em cada uma

    @property
    def n(self):
        """Pedidos feitos, com resposta 2xx ou com erro."""
        return len(self.latencies) + self.failed

    @property
    def failed(self):
        """Pedidos sem resposta 2xx."""
        return sum(self.errors.values())

    @property
    def requests_per_second(self):
        """Vazão: respostas 2xx por segundo."""
        return len(self.latencies) / self.seconds

    @property
    def cpu_percent(self):
        """CPU do servidor: 100 é um núcleo inteiro; None se ninguém a vigiou."""
        return None if self.cpu_seconds is None else 100 * self.cpu_seconds / self.seconds

    @property
    def requests_per_core_second(self):
        """Respostas 2xx por segundo de CPU do servidor: a vazão de um núcleo que só fizesse isto. É o núcleo que
        se paga, e um servidor rápido pode deixar o seu ocioso à espera dos clientes."""
        return len(self.latencies) / self.cpu_seconds

    @property
    def p50(self):
        """Mediana da latência, em ms."""
        return self.percentile(50)

    @property
    def p95(self):
        """Percentil 95 da latência, em ms."""
        return self.percentile(95)

    def percentile(self, q):
        """O percentil `q` da latência, em ms; NaN se ninguém foi atendido."""
        return float(np.percentile(self.latencies, q)) if len(self.latencies) else float("nan")


def run(url, body=None, *, concurrency=8, seconds=3.0, warmup=0.5, pids=()):
    """Carga de `concurrency` clientes contra `url`: POST de `body` (bytes), ou GET se `body` é None.

    Dura `seconds`; os `warmup` segundos de aquecimento não contam. `pids`: os processos do servidor
    (`server.pids()`), para medir CPU e memória. Devolve um `Load`.
    """
    return _measure([_job(url, body, BYTES, pids, concurrency, seconds, warmup)])[0]


def compare(candidates, *, concurrency=8, rounds=3, seconds=1.5, warmup=0.5):
    """Vários servidores sob a mesma carga, em rodadas intercaladas (a, b, a, b, …): `{nome: Load}`.

    `candidates`: `{nome: (url, corpo, tipo)}` ou `{nome: (url, corpo, tipo, pids)}`. Cada `Load` junta as
    rodadas; `rates` guarda a vazão de cada uma.
    """
    jobs = [
        _job(url, body, content_type, *(pids or [()]), concurrency, seconds, warmup)
        for url, body, content_type, *pids in candidates.values()
    ]
    loads = _measure(jobs * rounds)
    return {name: _merge(loads[place :: len(jobs)]) for place, name in enumerate(candidates)}


def ratios(loads):
    """Quantas vezes a vazão de cada um é a do primeiro: `{nome: float}`."""
    base = next(iter(loads.values())).requests_per_second
    return {name: load.requests_per_second / base if base else float("nan") for name, load in loads.items()}


def report(loads):
    """Tabela com máquina, n, erros, vazão, p50, p95, p99 e, se foram medidas, CPU e memória.

    `loads`: uma lista de `Load` ou o dicionário de `compare`, que ganha a coluna da razão.
    """
    compared = isinstance(loads, dict)
    if not compared:
        loads = {count(load.concurrency, "cliente"): load for load in loads}
    measured = any(load.cpu_seconds is not None for load in loads.values())
    heads = ["", "n", "erros", "req/s", "p50 (ms)", "p95 (ms)", "p99 (ms)"]
    heads += ["CPU (%)", "memória (MB)"] if measured else []
    rows = [heads + (["razão"] if compared else [])]
    for (name, load), ratio in zip(loads.items(), ratios(loads).values()):
        cells = [name, br(load.n, 0), br(load.failed, 0), br(load.requests_per_second, 0)]
        cells += [br(load.percentile(q), 2) for q in (50, 95, 99)]
        if measured:
            memory = None if load.peak_memory_bytes is None else load.peak_memory_bytes / 1e6
            cells += [br(load.cpu_percent, 0), br(memory, 0)]
        rows.append(cells + ([times(ratio, 2)] if compared else []))
    return "\n".join([machine(), aligned(rows), *_notes(loads)])


def _notes(loads):
    """O que a tabela não diz: as condições, os erros por espécie e se o gerador foi o limite."""
    first = next(iter(loads.values()))
    same = len({load.concurrency for load in loads.values()}) == 1
    notes = [f"{count(first.concurrency, 'cliente')} em laço fechado"] if same else []
    for name, load in loads.items():
        if load.errors:
            kinds = ", ".join(f"{count} × {kind}" for kind, count in load.errors.items())
            notes.append(f"erros em {name}: {kinds}")
        if load.rates:
            low, high = br(min(load.rates), 0), br(max(load.rates), 0)
            notes.append(f"{name}: de {low} a {high} req/s em {len(load.rates)} rodadas")
        if load.generator_percent > GENERATOR_LIMIT:
            notes.append(f"atenção: em {name} o gerador de carga chegou ao limite dele; o servidor pode mais")
    return notes


def _job(url, body, content_type, pids, concurrency, seconds, warmup):
    """O pedido ao gerador, já em bytes. Recusa o que não é 127.0.0.1 e o que não tem fim."""
    parts = urlsplit(url)
    if parts.scheme != "http" or parts.hostname != HOST:
        raise ValueError(f"Recebi {url}; a carga só vai para http://{HOST}:porta/, a sua própria máquina.")
    if not (1 <= concurrency <= MAX_CLIENTS and 0 < seconds <= MAX_SECONDS and 0 <= warmup <= MAX_SECONDS):
        raise ValueError(
            f"Recebi {concurrency} clientes, {seconds} s de medida e {warmup} s de aquecimento; aceito de 1 a "
            f"{MAX_CLIENTS} clientes e até {MAX_SECONDS} s."
        )
    route = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    head = f"{'GET' if body is None else 'POST'} {route} HTTP/1.1\r\nHost: {HOST}:{parts.port or 80}\r\n"
    if body is not None:
        head += f"Content-Type: {content_type}\r\nContent-Length: {len(body)}\r\n"
    request = (head + "\r\n").encode("ascii") + (body or b"")
    return {
        "port": parts.port or 80, "request": base64.b64encode(request).decode(), "pids": list(pids),
        "concurrency": concurrency, "seconds": seconds, "warmup": warmup, "timeout": TIMEOUT_S,
    }  # fmt: skip


def _measure(jobs):
    """Uma carga depois da outra, com uma barra: lista de `Load`. Quem interrompe a célula interrompe o gerador."""
    loads, pipes = [], {"capture_output": True, "encoding": "utf-8"}
    with tqdm(jobs, desc="carga", unit="medida", leave=False) as bar:
        for job in bar:
            limit = job["warmup"] + job["seconds"] + 2 * TIMEOUT_S + START_S
            command = [sys.executable, "-P", GENERATOR]
            done = subprocess.run(command, input=json.dumps(job), timeout=limit, check=False, **pipes)
            if done.returncode:
                raise RuntimeError(f"O gerador de carga falhou:\n{done.stderr[-2000:]}")
            found = json.loads(done.stdout)
            latencies = np.array(found.pop("latencies"), np.float64)
            loads.append(Load(job["concurrency"], latencies, **found))
    return loads


def _merge(loads):
    """Várias rodadas do mesmo servidor, como uma só."""
    watched = loads[0].cpu_seconds is not None
    return Load(
        loads[0].concurrency,
        np.concatenate([load.latencies for load in loads]),
        dict(sum((Counter(load.errors) for load in loads), Counter())),
        sum(load.seconds for load in loads),
        sum(load.cpu_seconds for load in loads) if watched else None,
        max(load.peak_memory_bytes for load in loads) if watched else None,
        max(load.generator_percent for load in loads),
        tuple(load.requests_per_second for load in loads),
    )
