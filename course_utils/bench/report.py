"""O relatório único: junta o JSON de cada banco em report.json e report.md, com a data de cada parte."""

from datetime import datetime

from course_utils.bench import goals
from course_utils.classroom import state
from course_utils.measure import machine
from course_utils.measure.latency import number
from course_utils.model import artifacts

FOLDER = artifacts.ARTIFACTS / "bench"
COMMAND = "python -m course_utils bench"


def now():
    """A data e a hora de agora, com o fuso (texto ISO)."""
    return datetime.now().astimezone().isoformat(timespec="minutes")


def write(failed):
    """Refaz o relatório, e o devolve, com o que há em artifacts/bench/; `failed`: `{banco: por quê}` de agora."""
    parts = {name: state.read(FOLDER / f"{name}.json") for name in goals.BENCHES}
    content = {
        "date": now(),
        "machine": machine.describe(),
        # Um JSON estragado, ou de quando as metas eram outras, vale como não medido: refaz-se rodando o banco.
        "benches": {
            name: part
            for name, part in parts.items()
            if part.get("values", {}).keys() == goals.BENCHES[name][1].keys()
        },
        "failed": failed,
    }
    state.write(FOLDER / "report.json", content)
    state.write_text(FOLDER / "report.md", markdown(content))
    return content


def markdown(content):
    """O relatório inteiro em Markdown."""
    lines = [
        "# Relatório das medidas",
        "",
        f"Refeito em {day(content['date'])}. Cada parte diz quando e com que comando foi medida.",
        "",
        *[f"- {line}" for line in machine.sentences(content["machine"])],
    ]
    for name, (title, bench_goals) in goals.BENCHES.items():
        lines += ["", f"## {title} (`{name}`)", "", *_part(content, name, bench_goals)]
    return "\n".join(lines) + "\n"


def _part(content, name, bench_goals):
    """As linhas de um banco: quando, como, as metas e as tabelas dele."""
    lines = []
    if name in content["failed"]:
        lines += [f"**Falhou nesta rodada:** {content['failed'][name]}", ""]
    result = content["benches"].get(name)
    if result is None:
        return [*lines, f"Não medido. Para medir: `{COMMAND} {name}`."]
    lines += [f"Medido em {day(result['date'])}, em {minutes(result['seconds'])}, com `{result['command']}`.", ""]
    lines += ["| Medida | Valor | Meta | |", "|---|--:|--:|:-:|"]
    for label, value, bound, mark, further in goals.rows(result, bench_goals):
        lines.append(f"| {label} | {value} | {' '.join([bound, further]).strip()} | {mark} |")
    return [*lines, "", "```text", result["text"], "```"]


def summary(content):
    """O resumo que se imprime no fim: as metas de cada banco e o que falhou."""
    lines = machine.sentences(content["machine"])[:3]
    for name, (title, bench_goals) in goals.BENCHES.items():
        result = content["benches"].get(name)
        if result is not None:
            lines += ["", f"{title}, {day(result['date'])}", goals.table(result, bench_goals)]
    lines += [f"\n✘ O banco {name} falhou: {reason}" for name, reason in content["failed"].items()]
    missing = [name for name in goals.BENCHES if name not in content["benches"]]
    if missing:
        lines += ["", f"Ainda não medido: {', '.join(missing)}."]
    return "\n".join(lines)


def day(date):
    """`"2026-11-23T14:05+00:00"` → `"23/11/2026"`."""
    return f"{datetime.fromisoformat(date):%d/%m/%Y}"


def minutes(seconds):
    """Uma duração que se lê: `"42 s"` ou `"16,2 min"`."""
    return f"{seconds:.0f} s" if seconds < 100 else f"{number(seconds / 60, 0, 1)} min"
