"""`python -m course_utils bench [banco …]`: mede e junta tudo num só relatório, em artifacts/bench/.

Sem nada, roda os cinco bancos, cerca de meia hora. Um banco sozinho atualiza a parte dele no relatório.
"""

import argparse
import importlib
import sys
import traceback
from time import perf_counter

from course_utils.bench import goals, published, readme, report
from course_utils.bench.clock import Clock
from course_utils.classroom import state
from course_utils.measure.latency import machine
from course_utils.model import artifacts


def main(arguments=None):
    """Roda os bancos pedidos; devolve 0, 1 se algum falhou, ou 130 se foi interrompido."""
    parser = argparse.ArgumentParser(prog=report.COMMAND, description=__doc__)
    parser.add_argument("benches", nargs="*", metavar="banco", help=", ".join(goals.BENCHES))
    parser.add_argument("--readme", action="store_true", help="só refaz a tabela do README, de data/bench.json")
    parser.add_argument(
        "--publish", action="store_true", help="leva o relatório completo para data/bench.json e o README"
    )
    options = parser.parse_args(arguments)
    if unknown := [name for name in options.benches if name not in goals.BENCHES]:
        parser.error(f"não há o banco {', '.join(unknown)}; escolha entre {', '.join(goals.BENCHES)}")
    if options.readme or options.publish:
        return _publish(options.publish)
    chosen = [name for name in goals.BENCHES if name in options.benches] or list(goals.BENCHES)
    failed = {}
    try:
        with Clock(len(chosen)) as clock:
            for name in chosen:
                clock.start(name)
                clock.finish(measure(name, " ".join([report.COMMAND, *options.benches]), failed))
    except KeyboardInterrupt:
        report.write(failed)
        print("\nInterrompido: o que já tinha terminado está no relatório, em artifacts/bench/.", file=sys.stderr)
        return 130
    print(f"\n{report.summary(report.write(failed))}\n\nRelatório: artifacts/bench/report.md e report.json")
    return 1 if failed else 0


def measure(name, command, failed):
    """Roda um banco, grava o JSON dele e devolve o texto; se ele falha, anota em `failed` e diz por quê."""
    start = perf_counter()
    try:
        # Importado só agora: um banco que carrega um framework não pesa na memória dos que vêm antes.
        bench = importlib.import_module(f"course_utils.bench.{name}")
        result = {"machine": machine(), "date": report.now(), "command": command} | bench.run()
        result |= {"seconds": perf_counter() - start, "text": bench.text(result)}
        state.write(report.FOLDER / f"{name}.json", result)
    except Exception as error:  # um banco que falha não leva consigo o resultado dos outros
        first, *_ = str(error).strip().splitlines() or ["sem mensagem"]
        failed[name] = f"{type(error).__name__}: {first}"
        log = report.FOLDER / f"{name}.log"
        state.write_text(log, traceback.format_exc())
        return f"✘ O banco {name} falhou ({failed[name]}); o relato completo está em artifacts/bench/{log.name}"
    return f"{result['text']}\n"


def _publish(whole):
    """Refaz a tabela do README; com `whole`, antes leva o relatório para data/bench.json."""
    try:
        if whole:
            published.write(state.read(report.FOLDER / "report.json"))
        readme.rewrite()
    except (published.IncompleteError, readme.MarksError, artifacts.CorruptedFileError) as problem:
        print(problem, file=sys.stderr)
        return 1
    print("Tabela do README refeita com os números de data/bench.json.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
