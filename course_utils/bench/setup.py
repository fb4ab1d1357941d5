"""A preparação: quanto demorou a criação de `.venv`, quanto ele ocupa e os pacotes de mais de 100 MB."""

import re
import sys
from importlib import metadata
from pathlib import Path

from course_utils.bench import goals, report
from course_utils.classroom import state
from course_utils.measure.latency import number
from course_utils.measure.size import size_bytes
from course_utils.model import artifacts

MARK = "course_utils.json"  # a marca que a preparação deixa no ambiente
BIG_BYTES = 100_000_000


def run(environment_folder=None):
    """Mede o ambiente que está rodando; o tempo vem da marca que a preparação deixa, e nunca é inventado."""
    folder = Path(environment_folder or sys.prefix)
    mark = state.read(folder / MARK)
    size = size_bytes(folder)
    values = {"disk_share": size / goals.DISK_BYTES, "disk_gb": size / 1e9}
    result = {
        "bytes": size,
        "creation_seconds": mark.get("seconds"),
        "made": mark.get("made"),
        "packages": big_packages(),
    }
    return result | goals.judge(values, goals.SETUP)


def big_packages():
    """`[(nome, bytes, para que serve)]` dos pacotes grandes, do maior ao menor."""
    text = (artifacts.ROOT / "requirements.txt").read_text(encoding="utf-8")
    why = dict(re.findall(r"^([\w-]+)\S*.*  # (.+)$", text, re.M))
    rows = []
    for package in metadata.distributions():
        size = sum(file.size or 0 for file in package.files or ())
        if size > BIG_BYTES:
            rows.append((package.name, size, why.get(package.name, "dependência de outro")))
    return sorted(rows, key=lambda row: -row[1])


def text(result):
    """O resultado como texto."""
    spent = result["creation_seconds"]
    took = "não medido (este ambiente não foi feito pelo comando do curso, ou é de uma versão anterior dele)"
    if spent is not None:
        day = report.day(result["made"]) if result["made"] else "data não anotada"
        took = f"{number(spent, 0, 0)} s, em {day}"
    lines = [
        f"{result['machine']}",
        "",
        f"Criação do ambiente: {took}",
        f"Ocupa {number(result['bytes'] / 1e9, 0, 1)} GB; pacotes com mais de 100 MB:",
    ]
    width = max((len(name) for name, *_ in result["packages"]), default=0)
    for name, size, why in result["packages"]:
        lines.append(f"  {name:{width}} {number(size / 1e6, 6, 0)} MB  {why}")
    return "\n".join(lines)
