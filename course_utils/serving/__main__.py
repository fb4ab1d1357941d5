"""Põe um servidor do curso no ar: `python -m course_utils serve` (ou `python -m course_utils.serving`)."""

import argparse
import importlib.util
import logging
import os
import signal
import socket
import sys
import threading
import time
from pathlib import Path
from pkgutil import resolve_name

from course_utils.model.artifacts import CorruptedFileError
from course_utils.serving.service import log_to_stdout, model_path
from course_utils.serving.store import require_version

FASTAPI = "course_utils.serving.fastapi_app:create_app"
HOST = "127.0.0.1"
STUCK_S = 20  # mais que o prazo do fim educado (10 s)


def load_app(target):
    """`pacote.modulo:nome` ou `pasta/arquivo.py:nome` → a aplicação; se o nome é uma fábrica, chama-a."""
    place, _, name = target.rpartition(":")
    if place.endswith(".py"):
        spec = importlib.util.spec_from_file_location(Path(place).stem, place)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        app = getattr(module, name)
    else:
        app = resolve_name(target)
    return app() if name.startswith("create_") else app


def serve_uvicorn(options):
    """ASGI. Com mais de um processo, o uvicorn reimporta a aplicação em cada um: daí as variáveis de ambiente."""
    import uvicorn

    os.environ["AULA_TARGET"] = options.target
    uvicorn.run(
        "course_utils.serving.__main__:create_asgi", factory=True, host=HOST, port=options.port,
        workers=options.workers, access_log=False, log_level="warning", timeout_graceful_shutdown=10,
    )  # fmt: skip


def create_asgi():
    """A aplicação ASGI de AULA_TARGET, em cada processo do uvicorn."""
    log_to_stdout()
    return load_app(os.environ["AULA_TARGET"])


def serve_gunicorn(options):
    """WSGI de produção, com processos; não existe no Windows."""
    from gunicorn.app.base import BaseApplication

    class Application(BaseApplication):
        def load_config(self):
            self.cfg.set("bind", f"{HOST}:{options.port}")
            self.cfg.set("workers", options.workers)
            self.cfg.set("threads", options.threads)
            self.cfg.set("graceful_timeout", 10)
            self.cfg.set("loglevel", "warning")
            self.cfg.set("control_socket_disable", True)

        def load(self):
            return load_app(options.target)

    Application().run()


def serve_waitress(options):
    """WSGI de produção, com threads; é o que se usa no Windows."""
    import waitress

    limits = {"threads": max(options.threads, 4), "channel_timeout": 10}
    waitress.serve(load_app(options.target), host=HOST, port=options.port, **limits)


def serve_werkzeug(options):
    """O servidor de desenvolvimento do Flask: uma thread por requisição, sem nenhuma proteção."""
    from werkzeug.serving import run_simple

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    run_simple(HOST, options.port, load_app(options.target), threaded=True)


SERVERS = {
    "uvicorn": serve_uvicorn,
    "gunicorn": serve_gunicorn,
    "waitress": serve_waitress,
    "werkzeug": serve_werkzeug,
}


def stop_when_stdin_closes():
    """Encerra este processo quando quem o iniciou fecha o cano da entrada padrão (ou morre)."""

    def watch():
        # os.read, e não sys.stdin: este guarda uma trava, que travaria o fim dos processos filhos do gunicorn.
        while os.read(0, 4096):
            pass
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(STUCK_S)  # quem ainda está aqui depois disto travou: sai à força, com os filhos
        if hasattr(os, "killpg") and os.getpgrp() == os.getpid():
            os.killpg(0, signal.SIGKILL)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def require_watchers():
    """Confere a sombra e a linha de base pedidas; levanta `CorruptedFileError` ou `BaselineError`."""
    if "AULA_SHADOW" in os.environ:
        require_version(os.environ["AULA_SHADOW"])
    if "AULA_BASELINE" in os.environ:
        from course_utils.measure.drift import load_baseline

        load_baseline(os.environ["AULA_BASELINE"])


def is_free(port):
    """Dá para atender em 127.0.0.1, nesta porta?"""
    with socket.socket() as probe:
        if os.name != "nt":  # no Windows esta opção deixaria dois servidores na mesma porta
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def main(arguments=None):
    """Lê a linha de comando e serve, só em 127.0.0.1, até receber SIGTERM ou Ctrl-C."""
    parser = argparse.ArgumentParser(prog="python -m course_utils serve", description=__doc__)
    parser.add_argument("target", nargs="?", default=FASTAPI, help=f"aplicação ou fábrica (padrão: {FASTAPI})")
    parser.add_argument("--server", choices=SERVERS, default="uvicorn", help="quem atende (padrão: uvicorn)")
    parser.add_argument("--workers", type=int, default=1, help="processos (uvicorn e gunicorn)")
    parser.add_argument("--threads", type=int, default=1, help="threads por processo (gunicorn e waitress)")
    parser.add_argument("--port", type=int, default=8000, help="porta em 127.0.0.1 (padrão: 8000)")
    parser.add_argument("--model", type=Path, help="arquivo ONNX ou pasta de versões (padrão: o de referência)")
    parser.add_argument("--baseline", type=Path, help="linha de base (JSON) do vigia de deriva (padrão: nenhum)")
    parser.add_argument("--shadow", type=Path, help="modelo que recebe uma cópia do tráfego (padrão: nenhum)")
    parser.add_argument("--watch-stdin", action="store_true", help="encerra quando a entrada padrão fecha")
    options = parser.parse_args(arguments)
    for variable in ("model", "baseline", "shadow"):
        if path := getattr(options, variable):
            os.environ[f"AULA_{variable.upper()}"] = str(path.resolve())
    if options.watch_stdin:
        stop_when_stdin_closes()
    try:
        require_version(model_path())  # um modelo que não serve é dito já, numa frase, antes de abrir a porta
        require_watchers()
    except (CorruptedFileError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    if not is_free(options.port):
        other = f"outra com --port, por exemplo --port {options.port + 1}"
        print(f"A porta {options.port} está em uso ou é reservada: escolha {other}.", file=sys.stderr)
        return 1
    log_to_stdout()
    print(f"Servindo em http://{HOST}:{options.port}/ (Ctrl-C encerra)", flush=True)
    SERVERS[options.server](options)
    return 0


if __name__ == "__main__":
    sys.exit(main())
