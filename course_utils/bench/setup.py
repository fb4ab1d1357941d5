"""A preparação: quanto demorou a criação de `.venv`, quanto ele ocupa e os pacotes de mais de 100 MB."""

import sys
from pathlib import Path

from course_utils.bench import goals, report
from course_utils.measure.latency import number
from course_utils.measure.size import size_bytes
from course_utils.model import artifacts
from course_utils.setup import environment
from course_utils.setup.installer import duration


def run(environment_folder=None):
    """Mede o ambiente que está rodando; o tempo vem da marca que a preparação deixa, e nunca é inventado."""
    folder = Path(environment_folder or sys.prefix)
    mark = environment.read_mark(folder) or {}
    size = size_bytes(folder)
    values = {"disk_share": size / environment.NEW_BYTES, "disk_gb": size / 1e9}
    result = {
        "bytes": size,
        "creation_seconds": mark.get("seconds"),
        "made": mark.get("made"),
        "packages": environment.ask(sys.executable, "sizes", artifacts.ROOT) or [],
    }
    return result | goals.judge(values, goals.SETUP)


def text(result):
    """O resultado como texto."""
    spent = result["creation_seconds"]
    took = "não medido (este ambiente não foi feito pelo comando do curso, ou é de uma versão anterior dele)"
    if spent is not None:
        took = f"{duration(spent)}, em {report.day(result['made']) if result['made'] else 'data não anotada'}"
    lines = [
        f"{result['machine']}",
        "",
        f"Criação do ambiente: {took}",
        f"Ocupa {environment.gigabytes(result['bytes'])}; pacotes com mais de 100 MB:",
    ]
    width = max((len(name) for name, *_ in result["packages"]), default=0)
    for name, size, why in result["packages"]:
        lines.append(f"  {name:{width}} {number(size / 1e6, 6, 0)} MB  {why}")
    return "\n".join(lines)
