"""Latência comparada: rodadas intercaladas no mesmo processo, mediana, p95 e razões."""

from dataclasses import dataclass
from time import perf_counter

import numpy as np

from course_utils.bars import tqdm
from course_utils.measure.machine import machine
from course_utils.measure.numbers import br, times


@dataclass(frozen=True)
class Latency:
    """Tempos de um concorrente, em milissegundos por chamada: float64 (n,)."""

    name: str
    times: np.ndarray

    @property
    def median(self):
        """Mediana (p50), em ms."""
        return float(np.median(self.times))

    @property
    def p95(self):
        """Percentil 95, em ms: uma chamada em vinte demora mais que isto."""
        return float(np.percentile(self.times, 95))


def compare(candidates, *, rounds=200, warmup=20):
    """Mede cada função de `candidates` (`{nome: função sem argumentos}`) e devolve `{nome: Latency}`.

    As chamadas são intercaladas (a, b, c, a, b, c, …), para que uma variação da máquina atinja todos por
    igual; as `warmup` primeiras rodadas (o aquecimento) não contam.
    """
    spent = {name: [] for name in candidates}
    for turn in tqdm(range(-warmup, rounds), desc="medindo", unit="rodada", leave=False):
        for name, function in candidates.items():
            start = perf_counter()
            function()
            elapsed = perf_counter() - start
            if turn >= 0:
                spent[name].append(1000 * elapsed)
    return {name: Latency(name, np.array(values)) for name, values in spent.items()}


def report(latencies):
    """Texto com a máquina, n, mediana, p95 e a razão de cada um para o primeiro: tempos de uma thread."""
    base = next(iter(latencies.values()))
    width = max(map(len, latencies))
    header = f"{'':{width}}  mediana (ms)  p95 (ms)  velocidade em relação a {base.name}"
    rows = []
    for item in latencies.values():
        ratio = times(base.median / item.median, 2)
        rows.append(f"{item.name:{width}}  {br(item.median, 3):>12}  {br(item.p95, 3):>8}  {ratio:>7}")
    context = f"{machine()}; 1 thread; n = {len(base.times)} por linha, rodadas intercaladas"
    return "\n".join([context, header, *rows])
