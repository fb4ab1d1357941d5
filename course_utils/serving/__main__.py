"""Põe um servidor do curso no ar: `python -m course_utils serve` (ou `python -m course_utils.serving`)."""

import argparse
import os
import signal
import sys
import threading
from functools import partial
from pathlib import Path
from pkgutil import resolve_name

import uvicorn

from course_utils.model.predictor import MODEL

APP = "course_utils.serving.fastapi_app:create_app"


def stop_when_stdin_closes():
    """Encerra este processo quando quem o iniciou fecha o cano da entrada padrão (ou morre)."""

    def watch():
        sys.stdin.buffer.read()
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, daemon=True).start()


def main(arguments=None):
    """Lê a linha de comando e serve até receber SIGTERM ou Ctrl-C, só em 127.0.0.1."""
    parser = argparse.ArgumentParser(prog="python -m course_utils serve", description=__doc__)
    parser.add_argument("app", nargs="?", default=APP, help=f"fábrica da aplicação (padrão: {APP})")
    parser.add_argument("--model", type=Path, default=MODEL, help=f"arquivo ONNX (padrão: {MODEL.name})")
    parser.add_argument("--port", type=int, default=8000, help="porta em 127.0.0.1 (padrão: 8000)")
    parser.add_argument("--watch-stdin", action="store_true", help="encerra quando a entrada padrão fecha")
    options = parser.parse_args(arguments)
    if options.watch_stdin:
        stop_when_stdin_closes()
    create_app = partial(resolve_name(options.app), model=options.model)
    uvicorn.run(create_app, factory=True, host="127.0.0.1", port=options.port)


if __name__ == "__main__":
    main()
