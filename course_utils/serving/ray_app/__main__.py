"""Põe o leitor de CEP no ar num cluster Ray de um nó, até um SIGTERM ou Ctrl-C."""

import argparse
import signal
import sys
import threading
from pathlib import Path

from course_utils.serving import ray_app
from course_utils.serving.__main__ import stop_when_stdin_closes
from course_utils.serving.ray_app import cluster


def main(arguments=None):
    """Devolve 0, ou 1 se o Ray não está instalado ou a aplicação falha."""
    parser = argparse.ArgumentParser(prog="python -m course_utils.serving.ray_app", description=__doc__)
    parser.add_argument("config", nargs="?", type=Path, default=cluster.CONFIG, help="arquivo YAML do Ray Serve")
    parser.add_argument("--port", type=int, default=8000, help="porta em 127.0.0.1 (padrão: 8000)")
    parser.add_argument("--cpus", type=int, default=2, help="CPUs que o cluster reparte (padrão: 2)")
    parser.add_argument("--watch-stdin", action="store_true", help="encerra quando a entrada padrão fecha")
    options = parser.parse_args(arguments)
    if options.watch_stdin:
        stop_when_stdin_closes()
    over = threading.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: over.set())
    try:
        with cluster.start(cluster.read_config(options.config), port=options.port, cpus=options.cpus) as running:
            print(f"No ar em {running.url} (Ctrl-C encerra)", flush=True)
            over.wait()
    except (ray_app.MissingRayError, cluster.ClusterError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
