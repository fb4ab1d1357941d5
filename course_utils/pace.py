"""O ritmo da aula: quanto demora e pesa cada notebook, e se cabe no que se prometeu a quem dá a aula."""

import itertools
from dataclasses import dataclass

from course_utils.measure.numbers import br

CLASS_S, NOTEBOOK_S, PEAK_BYTES = 180, 60, 1.2e9


@dataclass(frozen=True)
class Run:
    """O que custou executar um notebook: segundos, pico de memória (bytes) com o que ele iniciou.

    `cells`: os segundos de cada célula de código, em ordem.
    """

    notebook: str
    seconds: float
    peak_bytes: int
    cells: tuple = ()


def table(runs):
    """Tabela de texto: tempo, célula mais demorada e pico de memória de cada notebook, e o total."""
    width = max(len(run.notebook) for run in runs)
    lines = [f"{'notebook':{width}}     tempo  célula mais demorada  pico de memória"]
    for run in runs:
        seconds, number = max(zip(run.cells, itertools.count(1)), default=(0.0, 0))
        slowest = f"[{number}]{br(seconds):>7} s"
        peak = f"{run.peak_bytes / 1e6:12.0f} MB"
        lines.append(f"{run.notebook:{width}}  {br(run.seconds):>6} s  {slowest:>20}  {peak}")
    total = sum(run.seconds for run in runs)
    return "\n".join([*lines, f"{'total':{width}}  {br(total):>6} s"])


def goals(runs):
    """As metas, uma por linha, com ✔ ou ✘ e o pior caso medido."""
    total = sum(run.seconds for run in runs)
    longest = max(runs, key=lambda run: run.seconds)
    heaviest = max(runs, key=lambda run: run.peak_bytes)
    checks = {
        f"tudo em até {CLASS_S // 60} min: {br(total / 60)} min": total <= CLASS_S,
        f"nenhum notebook acima de {NOTEBOOK_S} s: {longest.notebook}, {br(longest.seconds)} s": (
            longest.seconds <= NOTEBOOK_S
        ),
        "nenhum acima de 1,2 GB, com os processos que inicia: "
        f"{heaviest.notebook}, {br(heaviest.peak_bytes / 1e9)} GB": heaviest.peak_bytes <= PEAK_BYTES,
    }
    return "\n".join(f"{'✔' if kept else '✘'} {text}" for text, kept in checks.items())
