"""Servidores iniciados de uma célula: processo próprio, porta livre, espera até a prontidão, fim garantido.

O servidor vigia a própria entrada padrão, um cano cuja outra ponta é do kernel: quando o kernel termina,
mesmo com `kill -9`, o cano fecha e o servidor se encerra. Vale para Linux, macOS e Windows.
"""

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import weakref

from tqdm.auto import tqdm

from course_utils.model import artifacts
from course_utils.model.predictor import MODEL


class ServerError(RuntimeError):
    """O servidor não ficou pronto; a mensagem traz o fim do seu registro."""


class Server:
    """Um servidor no ar. `url` serve ao Python; `page_url`, ao navegador (também no Binder)."""

    def __init__(self, process, port, log):
        self.process, self.log = process, log
        self.url = f"http://127.0.0.1:{port}/"
        prefix = os.environ.get("JUPYTERHUB_SERVICE_PREFIX")
        self.page_url = f"{prefix}proxy/{port}/" if prefix else self.url
        # Refazer a célula solta o objeto antigo, e com ele o processo antigo; o fim do kernel, também.
        self._finalizer = weakref.finalize(self, _stop, process)

    def stop(self):
        """Encerra o processo com educação (SIGTERM) e, se ele não sair em 5 s, à força."""
        self._finalizer()

    def log_tail(self, lines=15):
        """As últimas linhas do registro do servidor."""
        return "\n".join(self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])


def start(model=MODEL, *, deadline=30):
    """Inicia o servidor FastAPI do curso com o arquivo ONNX `model` e devolve um `Server` pronto.

    Espera até `GET health/ready` responder 200, com uma barra de progresso. Levanta `ServerError`, com o
    fim do registro, se o processo morrer ou se passarem `deadline` segundos.
    """
    port = free_port()
    folder = artifacts.ARTIFACTS / "logs"
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / f"server-{port}.log"
    command = [sys.executable, "-m", "course_utils.serving", "--model", str(model)]
    command += ["--port", str(port), "--watch-stdin"]
    with open(log, "wb") as output:
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=output, stderr=subprocess.STDOUT, cwd=artifacts.ROOT
        )
    server = Server(process, port, log)
    _wait_until_ready(server, deadline)
    return server


def free_port():
    """Uma porta TCP livre em 127.0.0.1, escolhida pelo sistema."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _wait_until_ready(server, deadline):
    """Pergunta pela prontidão a cada décimo de segundo, até o prazo."""
    with tqdm(total=deadline * 10, desc="iniciando o servidor", bar_format="{desc} {elapsed}", leave=False) as bar:
        limit = time.monotonic() + deadline
        while time.monotonic() < limit:
            if server.process.poll() is not None:
                raise ServerError(f"O servidor terminou antes de ficar pronto:\n{server.log_tail()}")
            if _answers(server.url + "health/ready"):
                return
            time.sleep(0.1)
            bar.update()
    server.stop()
    raise ServerError(f"O servidor não ficou pronto em {deadline} s:\n{server.log_tail()}")


def _answers(url):
    """Verdadeiro se a URL responde 200."""
    try:
        with urllib.request.urlopen(url, timeout=1) as response:
            return response.status == 200
    except (urllib.error.URLError, OSError):
        return False


def _stop(process):
    """SIGTERM, cinco segundos de paciência, SIGKILL."""
    process.stdin.close()
    process.terminate()
    try:
        process.wait(timeout=5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
