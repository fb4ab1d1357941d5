"""Os notebooks da aula, executados em ordem: segundos, célula mais demorada e pico de memória de cada um."""

from pathlib import Path

from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

from course_utils import lesson
from course_utils.bench import goals
from course_utils.measure import pace


class NotebookError(RuntimeError):
    """Um notebook parou; a mensagem diz qual, e em que erro."""


def run(paths=None):
    """Executa cada notebook num kernel só dele; levanta `NotebookError` se uma célula falha."""
    runs = [_execute(path) for path in (paths or lesson.find_notebooks())]
    worst = pace.worst(runs)
    values = {
        "total_share": worst["total_s"] / pace.CLASS_S,
        "longest_share": worst["notebook_s"] / pace.NOTEBOOK_S,
        "silent_cell_share": worst["silent_cell_s"] / pace.CELL_S,
        "peak_share": worst["peak_bytes"] / pace.PEAK_BYTES,
    }
    result = {"runs": [_row(item) for item in runs], "table": f"{pace.table(runs)}\n\n{pace.goals(runs)}"}
    return result | goals.judge(values, goals.NOTEBOOKS)


def text(result):
    """O resultado como tabela de texto."""
    return f"{result['machine']}\n\n{result['table']}"


def _execute(path):
    try:
        return lesson.execute(path)[1]
    except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
        reason = f"{error.ename}: {error.evalue}" if isinstance(error, CellExecutionError) else error
        raise NotebookError(f"o notebook {Path(path).name} parou: {reason}") from error


def _row(run):
    slowest = run.slowest()
    return {
        "notebook": run.notebook,
        "seconds": run.seconds,
        "slowest_cell": slowest.number,
        "slowest_cell_seconds": slowest.seconds,
        "slowest_silent_cell_seconds": run.slowest(silent=True).seconds,
        "peak_bytes": run.peak_bytes,
    }
