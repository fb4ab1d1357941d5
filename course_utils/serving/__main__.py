"""Põe um servidor do curso no ar: `python -m course_utils serve` (ou `python -m course_utils.serving`)."""

import argparse
import logging
import os
import runpy
import shutil
import signal
import sys
import tempfile
import time
from contextlib import contextmanager, nullcontext
from multiprocessing import get_context
from pathlib import Path
from pkgutil import resolve_name

from course_utils.model.artifacts import CorruptedFileError
from course_utils.model.predictor import MODEL
from course_utils.processes import HOST, is_free, when_parent_ends
from course_utils.serving.store import ModelStore

FASTAPI = "course_utils.serving.fastapi_app:create_app"
WATCHED = "course_utils.serving.watchers:create_app"
SERVERS = ("uvicorn", *(["gunicorn"] if os.name == "posix" else []), "waitress", "werkzeug")
GRACE_S, STUCK_S = 10, 20  # o prazo do fim educado; quando já se sabe que travou
IDLE_S = 10  # em quanto tempo o waitress fecha uma conexão parada
HTTP = {"http": "course_utils.serving.protocol:Protocol", "ws": "none"}  # o que o uvicorn fala


def load_app(target):
    """`pacote.modulo:nome` ou `pasta/arquivo.py:nome` → a aplicação; se o nome é uma fábrica, chama-a."""
    place, _, name = target.rpartition(":")
    app = runpy.run_path(place)[name] if place.endswith(".py") else resolve_name(target)
    return app() if name.startswith("create_") else app


def create_asgi():
    """A aplicação ASGI de AULA_TARGET, em cada processo do uvicorn, que a reimporta."""
    from course_utils.serving.service import log_to_stdout

    log_to_stdout()
    return load_app(os.environ["AULA_TARGET"])


def serve(options):
    """Atende com `options.server` até o SIGTERM ou o Ctrl-C."""
    place = {"host": HOST, "port": options.port}
    match options.server:
        case "uvicorn":  # ASGI
            import uvicorn

            os.environ["AULA_TARGET"] = options.target
            uvicorn.run(
                "course_utils.serving.__main__:create_asgi", factory=True, workers=options.workers,
                access_log=False, log_level="warning", timeout_graceful_shutdown=GRACE_S, **place, **HTTP,
            )  # fmt: skip
        case "gunicorn":  # WSGI de produção, com processos; não existe no Windows
            serve_gunicorn(options)
        case "waitress":  # WSGI de produção, com threads; é o que se usa no Windows
            import waitress

            threads = max(options.threads, 4)
            waitress.serve(load_app(options.target), threads=threads, channel_timeout=IDLE_S, **place)
        case "werkzeug":  # o de desenvolvimento do Flask: uma thread por requisição, sem nenhuma proteção
            from werkzeug.serving import run_simple

            logging.getLogger("werkzeug").setLevel(logging.ERROR)
            run_simple(HOST, options.port, load_app(options.target), threaded=True)


def serve_gunicorn(options):
    """O gunicorn, sem ler a linha de comando nem um arquivo de configuração."""
    from gunicorn.app.base import BaseApplication

    settings = {
        "bind": f"{HOST}:{options.port}", "workers": options.workers, "threads": options.threads,
        "graceful_timeout": GRACE_S, "loglevel": "warning", "control_socket_disable": True,
    }  # fmt: skip

    class Application(BaseApplication):
        def load_config(self):
            for name, value in settings.items():
                self.cfg.set(name, value)

        def load(self):
            return load_app(options.target)

    Application().run()


class Parser(argparse.ArgumentParser):
    """O `argparse` que recusa numa frase só."""

    def error(self, message):
        self.exit(2, f"Não entendi o comando ({message}). As opções: {self.prog} --help\n")


def up_to(highest):
    """O tipo de uma opção: um inteiro de 1 a `highest`."""

    def read(text):
        if not text.isdecimal() or not 1 <= int(text) <= highest:
            raise argparse.ArgumentTypeError(f"recebi {text}; esperava um inteiro de 1 a {highest}")
        return int(text)

    return read


def read_options(arguments):
    """As opções da linha de comando (`Namespace`); o que não serve encerra o processo com uma frase.

    O modelo, a linha de base e a sombra vão também para as variáveis AULA_*, que cada processo lê.
    """
    parser = Parser(prog="python -m course_utils serve", description=__doc__, allow_abbrev=False)
    add = parser.add_argument
    add("target", nargs="?", help=f"aplicação ou fábrica (padrão: {FASTAPI})")
    add("--server", choices=SERVERS, default="uvicorn", help="quem atende (padrão: uvicorn)")
    add("--workers", type=up_to(64), default=1, help="processos (uvicorn e gunicorn)")
    add("--threads", type=up_to(512), default=1, help="threads por processo (gunicorn e waitress)")
    add("--port", type=up_to(65535), default=8000, help="porta em 127.0.0.1 (padrão: 8000)")
    add("--model", help="arquivo ONNX ou pasta de versões (padrão: o de referência)")
    add("--baseline", help="linha de base (JSON) do vigia de deriva (padrão: nenhum)")
    add("--shadow", help="modelo que recebe uma cópia do tráfego (padrão: nenhum)")
    add("--watch-stdin", action="store_true", help="encerra quando a entrada padrão fecha")
    options = parser.parse_args(arguments)
    for name in ("model", "baseline", "shadow"):
        variable = f"AULA_{name.upper()}"
        if value := getattr(options, name) or os.environ.get(variable):
            os.environ[variable] = str(Path(value).absolute())  # resolve() levanta num laço de links
            setattr(options, name, os.environ[variable])
    if options.workers > 1 and options.server not in ("uvicorn", "gunicorn"):
        parser.error("--workers só vale com --server uvicorn ou gunicorn")
    watched = options.baseline or options.shadow
    if watched and (options.workers > 1 or options.target or options.server != "uvicorn"):
        parser.error("--baseline e --shadow são do servidor FastAPI do curso, com --workers 1")
    options.target = options.target or (WATCHED if watched else FASTAPI)
    return options


def check(options):
    """Confere o modelo, a sombra e a linha de base pedidos; o que não serve encerra o processo com uma frase."""
    try:
        for path in filter(None, (options.model or MODEL, options.shadow)):
            ModelStore(path)
        if options.baseline:
            from course_utils.measure.drift import load_baseline

            load_baseline(options.baseline)
    except (CorruptedFileError, ValueError, OSError) as error:
        sys.exit(str(error))


def leave():
    """Encerra este processo: com educação e, se ele travou, à força, com os filhos."""
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(STUCK_S)
    if hasattr(os, "killpg") and os.getpgrp() == os.getpid():
        os.killpg(0, signal.SIGKILL)
    os._exit(1)


@contextmanager
def shared_metrics():
    """A pasta em que o prometheus_client soma as métricas de vários processos; some no fim.

    Quem importa `service` depois disto a usa: o prometheus_client só a procura ao ser importado.
    """
    owner, folder = os.getpid(), tempfile.mkdtemp(prefix="aula32-metricas-")
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder
    try:
        yield
    finally:
        if os.getpid() == owner:  # um filho do gunicorn que termina também passa por aqui
            shutil.rmtree(folder, ignore_errors=True)


def main(arguments=None):
    """Lê a linha de comando e serve, só em 127.0.0.1, até receber SIGTERM ou Ctrl-C."""
    options = read_options(arguments)
    if options.watch_stdin:
        when_parent_ends(leave)
    if options.server == "gunicorn":
        # Noutro processo: uma sessão do ONNX Runtime aberta antes de o gunicorn se dividir o travaria.
        checking = get_context("fork").Process(target=check, args=(options,))
        checking.start()
        checking.join()
        if checking.exitcode:
            sys.exit(1)
    else:
        check(options)
    if not is_free(options.port):
        other = f"outra com --port, por exemplo --port {options.port % 65535 + 1}"
        sys.exit(f"A porta {options.port} está em uso ou é reservada: escolha {other}.")
    with shared_metrics() if options.workers > 1 else nullcontext():
        from course_utils.serving.service import log_to_stdout

        log_to_stdout()
        print(f"Servindo em http://{HOST}:{options.port}/ (Ctrl-C encerra)", flush=True)
        serve(options)


if __name__ == "__main__":
    main()
