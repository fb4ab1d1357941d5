"""O ritmo da aula: quanto demora e pesa cada notebook, e se cabe no que se prometeu a quem dá a aula."""

from dataclasses import dataclass

from course_utils.measure.latency import number

CLASS_S, NOTEBOOK_S, PEAK_BYTES = 180, 60, 1.2e9


@dataclass(frozen=True)
class Cell:
    """Uma célula executada: o número que o JupyterLab mostra e os segundos."""

    number: int = 0
    seconds: float = 0.0


@dataclass(frozen=True)
class Run:
    """O que custou executar um notebook: segundos, pico de memória (bytes) com o que ele iniciou, e as células."""

    notebook: str
    seconds: float
    peak_bytes: int
    cells: tuple = ()

    def slowest(self):
        """A célula mais demorada."""
        return max(self.cells, key=lambda cell: cell.seconds, default=Cell())


def table(runs):
    """Tabela de texto: tempo, célula mais demorada e pico de memória de cada notebook, e o total."""
    width = max(len(run.notebook) for run in runs)
    lines = [f"{'notebook':{width}}     tempo  célula mais demorada  pico de memória"]
    for run in runs:
        cell = run.slowest()
        slowest = f"[{cell.number}]{number(cell.seconds, 7, 1)} s"
        peak = f"{run.peak_bytes / 1e6:12.0f} MB"
        lines.append(f"{run.notebook:{width}}  {number(run.seconds, 6, 1)} s  {slowest:>20}  {peak}")
    total = sum(run.seconds for run in runs)
    return "\n".join([*lines, f"{'total':{width}}  {number(total, 6, 1)} s"])


def worst(runs):
    """O pior caso de cada meta, em segundos e bytes: `{"total_s": …, "notebook_s": …, …}`."""
    return {
        "total_s": sum(run.seconds for run in runs),
        "notebook_s": max(run.seconds for run in runs),
        "peak_bytes": max(run.peak_bytes for run in runs),
    }


def goals(runs):
    """As metas, uma por linha, com ✔ ou ✘ e o pior caso medido."""
    values = worst(runs)
    longest = max(runs, key=lambda run: run.seconds)
    heaviest = max(runs, key=lambda run: run.peak_bytes)
    checks = [
        (
            values["total_s"] <= CLASS_S,
            f"tudo em até {CLASS_S // 60} min: {number(values['total_s'] / 60, 0, 1)} min",
        ),
        (
            values["notebook_s"] <= NOTEBOOK_S,
            f"nenhum notebook acima de {NOTEBOOK_S} s: {longest.notebook}, {number(longest.seconds, 0, 1)} s",
        ),
        (
            values["peak_bytes"] <= PEAK_BYTES,
            f"nenhum acima de 1,2 GB, com os processos que inicia: "
            f"{heaviest.notebook}, {number(values['peak_bytes'] / 1e9, 0, 1)} GB",
        ),
    ]
    return "\n".join(f"{'✔' if kept else '✘'} {text}" for kept, text in checks)
