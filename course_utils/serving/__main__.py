"""Põe um servidor do curso no ar: `python -m course_utils serve` (ou `python -m course_utils.serving`)."""

import argparse
import importlib.util
import logging
import os
import re
import shutil
import signal
import sys
import tempfile
import time
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path
from pkgutil import resolve_name

from course_utils.model.artifacts import CorruptedFileError
from course_utils.model.predictor import MODEL
from course_utils.processes import HOST, is_free, when_parent_ends
from course_utils.serving.store import require_model

FASTAPI = "course_utils.serving.fastapi_app:create_app"
WATCHED = "course_utils.serving.watchers:create_app"
STUCK_S = 20  # mais que o prazo do fim educado (10 s)
HTTP = {"http": "course_utils.serving.protocol:Protocol", "ws": "none"}  # o que o uvicorn fala
WITH_WORKERS = ("uvicorn", "gunicorn")


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
        workers=options.workers, access_log=False, log_level="warning", timeout_graceful_shutdown=10, **HTTP,
    )  # fmt: skip


def create_asgi():
    """A aplicação ASGI de AULA_TARGET, em cada processo do uvicorn."""
    from course_utils.serving.service import log_to_stdout

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


def leave():
    """Encerra este processo: com educação e, se ele travou, à força, com os filhos."""
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(STUCK_S)
    if hasattr(os, "killpg") and os.getpgrp() == os.getpid():
        os.killpg(0, signal.SIGKILL)
    os._exit(1)


def check(options):
    """Confere o modelo, a sombra e a linha de base pedidos: o que não serve é dito numa frase. Devolve 0 ou 1."""
    try:
        for path in filter(None, (options.model or MODEL, options.shadow)):
            require_model(path)
        if options.baseline:
            from course_utils.measure.drift import load_baseline

            load_baseline(options.baseline)
    except (CorruptedFileError, ValueError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def check_apart(options):
    """O mesmo, noutro processo: uma sessão do ONNX Runtime aberta antes de o gunicorn se dividir o travaria."""
    child = get_context("fork").Process(target=lambda: sys.exit(check(options)))
    child.start()
    child.join()
    return child.exitcode


@contextmanager
def shared_metrics(workers):
    """Com mais de um processo, uma pasta em que o prometheus_client soma as métricas de todos; some no fim.

    Quem importa `service` depois disto a usa: o prometheus_client só a procura ao ser importado.
    """
    if workers == 1:
        yield
        return
    owner, folder = os.getpid(), tempfile.mkdtemp(prefix="aula32-metricas-")
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder
    try:
        yield
    finally:
        if os.getpid() == owner:  # um filho do gunicorn que termina também passa por aqui
            shutil.rmtree(folder, ignore_errors=True)


ENGLISH = {  # o que o argparse diz
    "ignored explicit argument": "não leva valor:", "argument ": "", "expected one argument": "faltou o valor",
    "unrecognized arguments:": "não conheço", "invalid choice:": "não existe", "choose from": "escolha entre",
}  # fmt: skip


class Parser(argparse.ArgumentParser):
    """As frases do argparse, numa linha e em português."""

    def error(self, message):
        for theirs, ours in ENGLISH.items():
            message = message.replace(theirs, ours)
        self.exit(2, f"{message}. As opções: {self.prog} --help\n")


def between(lowest, highest):
    """O tipo de uma opção: um inteiro de `lowest` a `highest`."""

    def read(text):
        if not re.fullmatch("[0-9]{1,9}", text) or not lowest <= int(text) <= highest:
            raise argparse.ArgumentTypeError(f"recebi {text}; esperava um inteiro de {lowest} a {highest}")
        return int(text)

    return read


def read_options(arguments):
    """As opções da linha de comando (`Namespace`); o que não serve encerra o processo com uma frase."""
    parser = Parser(prog="python -m course_utils serve", description=__doc__, allow_abbrev=False)
    parser.add_argument("target", nargs="?", help=f"aplicação ou fábrica (padrão: {FASTAPI})")
    for name, options in {
        "server": {"choices": SERVERS, "default": "uvicorn", "help": "quem atende (padrão: uvicorn)"},
        "workers": {"type": between(1, 64), "default": 1, "help": "processos (uvicorn e gunicorn)"},
        "threads": {"type": between(1, 512), "default": 1, "help": "threads por processo (gunicorn e waitress)"},
        "port": {"type": between(1, 65535), "default": 8000, "help": "porta em 127.0.0.1 (padrão: 8000)"},
        "model": {"type": Path, "help": "arquivo ONNX ou pasta de versões (padrão: o de referência)"},
        "baseline": {"type": Path, "help": "linha de base (JSON) do vigia de deriva (padrão: nenhum)"},
        "shadow": {"type": Path, "help": "modelo que recebe uma cópia do tráfego (padrão: nenhum)"},
    }.items():
        parser.add_argument(f"--{name}", **options)
    parser.add_argument("--watch-stdin", action="store_true", help="encerra quando a entrada padrão fecha")
    options = parser.parse_args(arguments)
    for variable in ("model", "baseline", "shadow"):
        if value := getattr(options, variable) or os.environ.get(f"AULA_{variable.upper()}"):
            setattr(options, variable, Path(value).absolute())  # resolve() levanta num laço de links
            os.environ[f"AULA_{variable.upper()}"] = str(Path(value).absolute())
    if options.workers > 1 and options.server not in WITH_WORKERS:
        parser.error(f"--workers só vale com --server {' ou '.join(WITH_WORKERS)}")
    watched = options.baseline or options.shadow
    if watched and (options.workers > 1 or options.target or options.server != "uvicorn"):
        parser.error("--baseline e --shadow são do servidor FastAPI do curso, com --workers 1")
    options.target = options.target or (WATCHED if watched else FASTAPI)
    return options


def main(arguments=None):
    """Lê a linha de comando e serve, só em 127.0.0.1, até receber SIGTERM ou Ctrl-C."""
    options = read_options(arguments)
    if options.watch_stdin:
        when_parent_ends(leave)
    if check_apart(options) if options.server == "gunicorn" else check(options):
        return 1
    if not is_free(options.port):
        other = f"outra com --port, por exemplo --port {options.port % 65535 + 1}"
        print(f"A porta {options.port} está em uso ou é reservada: escolha {other}.", file=sys.stderr)
        return 1
    with shared_metrics(options.workers):
        from course_utils.serving.service import log_to_stdout

        log_to_stdout()
        print(f"Servindo em http://{HOST}:{options.port}/ (Ctrl-C encerra)", flush=True)
        SERVERS[options.server](options)
    return 0


if __name__ == "__main__":
    sys.exit(main())
