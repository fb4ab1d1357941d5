"""data/bench.json: o essencial de uma rodada inteira, de onde sai a tabela do README.

data/elsewhere.json traz, à parte, o que se mediu em máquinas de outro tipo: é escrito à mão, com a fonte.
"""

import json

from course_utils.bench import goals
from course_utils.bench.report import COMMAND
from course_utils.classroom import state
from course_utils.model import artifacts

FILE = artifacts.DATA / "bench.json"
ELSEWHERE = artifacts.DATA / "elsewhere.json"
PROVENANCE = artifacts.DATA / "README.md"
KEPT = ("machine", "date", "command", "seconds", "values", "goals", "met")


class IncompleteError(RuntimeError):
    """O relatório não serve para publicar; a mensagem diz o que falta."""


def essentials(report):
    """De um relatório (o dicionário de report.json), só o que se publica."""
    missing = [name for name in goals.BENCHES if name not in report.get("benches", {})]
    if missing or report["failed"]:
        lacking = ", ".join(dict.fromkeys([*missing, *report.get("failed", {})]))
        raise IncompleteError(f"O relatório não está completo ({lacking}): rode antes `{COMMAND}`.")
    benches = {name: {key: report["benches"][name][key] for key in KEPT} for name in goals.BENCHES}
    if len({bench["machine"] for bench in benches.values()}) > 1:
        raise IncompleteError("Os bancos foram medidos em máquinas diferentes: rode todos na mesma.")
    return {"date": report["date"], "machine": report["machine"], "benches": benches}


def write(report, file=FILE, provenance=PROVENANCE):
    """Grava o essencial em `file`, sela-o e põe a nova impressão digital em `provenance` (o README dos dados)."""
    old = artifacts.read_sums(file.parent).get(file.name)
    state.write(file, essentials(report))
    artifacts.seal(file)
    text = provenance.read_text(encoding="utf-8")
    if old is not None:
        state.write_text(provenance, text.replace(old, artifacts.sha256(file)))


def read(file=FILE):
    """O que está publicado; levanta `CorruptedFileError` se alguém mexeu no arquivo."""
    return json.loads(artifacts.verify(file).read_text(encoding="utf-8"))


def elsewhere(file=ELSEWHERE):
    """As medidas de outras máquinas: lista de dicts (`bench`, `measure`, `value`, `machine`, `date`, `source`)."""
    return json.loads(file.read_text(encoding="utf-8"))
