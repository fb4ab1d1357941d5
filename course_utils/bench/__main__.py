"""`python -m course_utils bench [parte …]`: mede o que o curso promete; o relatório fica em artifacts/bench/.

Sem nada, roda as três partes, cerca de vinte minutos; uma sozinha renova o que é dela. Uma parte é um módulo com
`run()`, que devolve um dicionário pronto para o JSON: em `"values"`, o que se publica; em `"text"`, o que se lê.
"""

import argparse
import importlib
import sys
from datetime import datetime
from time import perf_counter

from course_utils import files
from course_utils.bench import table
from course_utils.classroom import state
from course_utils.measure import machine

FOLDER = files.ARTIFACTS / "bench"
COMMAND = "python -m course_utils bench"
PARTS = ("notebooks", "serving", "optimization")  # as mais curtas antes


def main(arguments=None):
    """Roda as partes pedidas; devolve 0. O que uma interrupção ou uma falha encontra pronto fica no relatório."""
    parser = argparse.ArgumentParser(prog=COMMAND, description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="parte", help=", ".join(PARTS))
    parser.add_argument("--publish", action="store_true", help="leva o que se mediu a data/bench.json e ao README")
    options = parser.parse_args(arguments)
    if unknown := [name for name in options.parts if name not in PARTS]:
        parser.error(f"não há a parte {', '.join(unknown)}; escolha entre {', '.join(PARTS)}")
    if options.publish:
        table.publish(measured())
        return 0
    chosen = [name for name in PARTS if name in options.parts or not options.parts]
    try:
        for number, name in enumerate(chosen, start=1):
            print(f"[{number} de {len(chosen)}] {name}", flush=True)
            print(f"\n{measure(name, ' '.join([COMMAND, *options.parts]))['text']}\n")
    finally:
        files.write_text(FOLDER / "report.md", report())
    print("Relatório: artifacts/bench/report.md")
    return 0


def measure(name, command):
    """Roda uma parte e grava o JSON dela, com a máquina, o dia, o comando e as nossas metas; devolve-o."""
    start = perf_counter()
    date = datetime.now().astimezone().isoformat(timespec="minutes")
    result = {"machine": machine.machine(), "described": machine.sentences(), "date": date, "command": command}
    # Importada só agora: uma parte que carrega um framework não pesa na memória das que vêm antes.
    result |= importlib.import_module(f"course_utils.bench.{name}").run()
    result |= table.judge(result["values"]) | {"seconds": perf_counter() - start}
    state.write(FOLDER / f"{name}.json", result)
    return result


def measured():
    """`{parte: resultado}` do que há em artifacts/bench/; um JSON estragado vale como não medido."""
    found = {name: state.read(FOLDER / f"{name}.json") for name in PARTS}
    return {name: result for name, result in found.items() if result}


def report():
    """O relatório em Markdown: cada parte com a máquina, o dia e o comando."""
    lines = ["# Relatório das medidas"]
    for name, result in measured().items():
        when = f"Medido em {table.day(result['date'])} com `{result['command']}`, nesta máquina:"
        lines += ["", f"## {name}", "", when]
        lines += ["", *(f"- {line}" for line in result["described"]), "", "```text", result["text"], "```"]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
