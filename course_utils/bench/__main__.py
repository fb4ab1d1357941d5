"""`python -m course_utils bench [serving|optimization]`: mede e grava o relatório em artifacts/bench/."""

import argparse
import json
import sys

from course_utils.bench import optimization, serving
from course_utils.measure.latency import machine
from course_utils.model import artifacts

FOLDER = artifacts.ARTIFACTS / "bench"
BENCHES = {"serving": serving, "optimization": optimization}


def main(arguments=None):
    """Roda os bancos pedidos (padrão: todos) e devolve 0."""
    parser = argparse.ArgumentParser(prog="python -m course_utils bench", description=__doc__)
    parser.add_argument("benches", nargs="*", default=list(BENCHES), metavar="banco", help=", ".join(BENCHES))
    names = parser.parse_args(arguments).benches
    if unknown := [name for name in names if name not in BENCHES]:
        parser.error(f"não há o banco {', '.join(unknown)}; escolha entre {', '.join(BENCHES)}")
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name in names:
        result = {"machine": machine()} | BENCHES[name].run()
        target = FOLDER / f"{name}.json"
        target.write_text(json.dumps(result, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
        print(f"{BENCHES[name].text(result)}\n\nGravado em artifacts/bench/{target.name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
