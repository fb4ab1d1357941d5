"""O resultado de um teste de carga: contas, razões e a tabela que se imprime."""

from collections import Counter
from dataclasses import dataclass

import numpy as np

from course_utils.measure.latency import machine
from course_utils.measure.numbers import br, times

GENERATOR_LIMIT = 85


@dataclass(frozen=True)
class Load:
    """O que `concurrency` clientes simultâneos viram de um servidor."""

    concurrency: int
    latencies: np.ndarray  # ms por resposta 2xx, da escrita do pedido ao último byte: float64 (ok,)
    errors: dict  # {"503": 12, "ConnectionResetError": 1}: status que não são 2xx e falhas de conexão
    seconds: float  # duração da medida, sem o aquecimento
    rates: tuple  # respostas 2xx por segundo em cada rodada
    cpu_percent: float | None = None  # do servidor e dos seus processos; 100 = um núcleo inteiro
    peak_memory_bytes: int | None = None  # RSS somado dos mesmos processos: um teto
    generator_percent: float = 0.0  # CPU do próprio gerador; perto de 100, medimos o gerador

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
    def requests_per_core_second(self):
        """Respostas 2xx por segundo de CPU do servidor: a vazão de um núcleo que só fizesse isto. É o núcleo que
        se paga, e um servidor rápido pode deixar o seu ocioso à espera dos clientes."""
        return 100 * self.requests_per_second / self.cpu_percent

    @property
    def p50(self):
        """Mediana da latência, em ms."""
        return self._percentile(50)

    @property
    def p95(self):
        """Percentil 95 da latência, em ms."""
        return self._percentile(95)

    @property
    def p99(self):
        """Percentil 99 da latência, em ms."""
        return self._percentile(99)

    def _percentile(self, q):
        return float(np.percentile(self.latencies, q)) if len(self.latencies) else float("nan")


def merge(loads):
    """Várias rodadas do mesmo servidor, como uma só."""
    seconds, cpu, memory = sum(load.seconds for load in loads), None, None
    if loads[0].cpu_percent is not None:
        cpu = sum(load.cpu_percent * load.seconds for load in loads) / seconds
        memory = max(load.peak_memory_bytes for load in loads)
    return Load(
        loads[0].concurrency,
        np.concatenate([load.latencies for load in loads]),
        dict(sum((Counter(load.errors) for load in loads), Counter())),
        seconds,
        tuple(rate for load in loads for rate in load.rates),
        cpu,
        memory,
        max(load.generator_percent for load in loads),
    )


def ratios(loads):
    """Quantas vezes a vazão de cada um é a do primeiro: `{nome: float}`."""
    base = next(iter(loads.values())).requests_per_second
    return {name: load.requests_per_second / base if base else float("nan") for name, load in loads.items()}


def report(loads):
    """Tabela com máquina, n, erros, vazão, p50, p95, p99 e, se foram medidas, CPU e memória.

    `loads`: um `Load`, a lista de `sweep` ou o dicionário de `compare`; o dicionário ganha a coluna da razão.
    """
    compared = isinstance(loads, dict)
    if not compared:
        loads = {_clients(load): load for load in (loads if isinstance(loads, list) else [loads])}
    width, measured = max(map(len, loads)), any(load.cpu_percent is not None for load in loads.values())
    header = f"{'':{width}}      n  erros   req/s  p50 (ms)  p95 (ms)  p99 (ms)"
    header += "  CPU (%)  memória (MB)" if measured else ""
    lines = [machine(), header + ("   razão" if compared else "")]
    for (name, load), ratio in zip(loads.items(), ratios(loads).values()):
        cells = [f"{load.n:6d}", f"{load.failed:5d}", f"{br(load.requests_per_second, 0):>6}"]
        cells += [f"{br(value, 2):>8}" for value in (load.p50, load.p95, load.p99)]
        if measured:
            memory = None if load.peak_memory_bytes is None else load.peak_memory_bytes / 1e6
            cells += [f"{br(load.cpu_percent, 0):>7}", f"{br(memory, 0):>12}"]
        cells += [f"{times(ratio, 2):>6}"] if compared else []
        lines.append(f"{name:{width}} {'  '.join(cells)}")
    return "\n".join(lines + _notes(loads))


def _notes(loads):
    """O que a tabela não diz: as condições, os erros por espécie e se o gerador foi o limite."""
    first = next(iter(loads.values()))
    same = len({load.concurrency for load in loads.values()}) == 1
    notes = [f"{_clients(first)} em laço fechado"] if same else []
    for name, load in loads.items():
        if load.errors:
            kinds = ", ".join(f"{count} × {kind}" for kind, count in load.errors.items())
            notes.append(f"erros em {name}: {kinds}")
        if len(load.rates) > 1:
            low, high = br(min(load.rates), 0), br(max(load.rates), 0)
            notes.append(f"{name}: de {low} a {high} req/s em {len(load.rates)} rodadas")
        if load.generator_percent > GENERATOR_LIMIT:
            notes.append(f"atenção: em {name} o gerador de carga chegou ao limite dele; o servidor pode mais")
    return notes


def _clients(load):
    return "1 cliente" if load.concurrency == 1 else f"{load.concurrency} clientes"
