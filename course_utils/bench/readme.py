"""A tabela de números do README, feita de data/bench.json e data/elsewhere.json: nela nada se digita."""

from course_utils.bench import goals, published
from course_utils.bench.report import day
from course_utils.classroom import state
from course_utils.measure import machine
from course_utils.model import artifacts

FILE = artifacts.ROOT / "README.md"
BEGIN, END = "<!-- números: início -->", "<!-- números: fim -->"


class MarksError(RuntimeError):
    """O README perdeu as marcas entre as quais a tabela fica."""


def table(content):
    """A tabela em Markdown: as metas que são razões, a promessa da aula, o valor, e de onde tudo saiu.

    Uma medida que muda com o tipo de processador traz, ao lado, o valor de outra máquina, com uma nota.
    """
    others = list(enumerate(published.elsewhere(), start=1))
    lines = ["| O que se mediu | A aula promete | A nossa meta | Medido | |", "|---|--:|--:|--:|:-:|"]
    for name, (_, bench_goals) in goals.BENCHES.items():
        kept = {key: goal for key, goal in bench_goals.items() if goal.ratio}
        for (measure, goal), row in zip(kept.items(), goals.rows(content["benches"][name], kept)):
            label, value, bound, mark, _ = row
            for number, other in others:
                if (other["bench"], other["measure"]) == (name, measure):
                    value += f"; {goal.shown(other['value'])} em [{number}]"
                    mark += f" [{number}] {goals.MARKS[goal.meets(other['value'])]}"
            lines.append(f"| {label} | {goal.promise or '–'} | {bound} | {value} | {mark} |")
    notes = [f"\n[{number}] {other['machine']}: {other['source']}, {other['date']}." for number, other in others]
    return "\n".join([*lines, "", _source(content), *notes])


def _source(content):
    """Onde, quando e com que comandos: os bancos podem ter sido medidos um a um, em dias diferentes."""
    days = sorted({bench["date"][:10] for bench in content["benches"].values()})
    when = " e ".join(day(date) for date in days)
    commands = dict.fromkeys(f"`{bench['command']}`" for bench in content["benches"].values())
    where = "; ".join(machine.sentences(content["machine"])[:3])
    return f"*Medido em {when} com {', '.join(commands)}, nesta máquina:* `{where}`."


def replaced(text, content):
    """`text` com a tabela nova entre as duas marcas."""
    if text.count(BEGIN) != 1 or text.count(END) != 1:
        raise MarksError(f"O README precisa ter, uma vez cada, as marcas {BEGIN} e {END}.")
    before, rest = text.split(BEGIN)
    return f"{before}{BEGIN}\n\n{table(content)}\n\n{END}{rest.split(END)[1]}"


def rewrite(file=FILE):
    """Refaz a tabela no README."""
    state.write_text(file, replaced(file.read_text(encoding="utf-8"), published.read()))
