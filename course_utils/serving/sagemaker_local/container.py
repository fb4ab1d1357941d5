"""Um contêiner sem Docker: o mesmo programa da imagem, num processo e numa pasta só dele."""

import atexit
import http.client
import io
import os
import shutil
import signal
import socket
import subprocess
import sys
import tarfile
import threading
import time
import zlib

import psutil

from course_utils.model import artifacts

HOST = "127.0.0.1"
COMMAND = (sys.executable, "-m", "course_utils.serving.container", "serve", "--watch-stdin")
PING_S = 2  # o prazo de cada GET /ping
ATTEMPTS = 3  # portas
PATIENCE_S = 5


class StartError(RuntimeError):
    """O contêiner não ficou pronto; a mensagem é o `FailureReason` que o cliente vê."""


class NoAnswerError(RuntimeError):
    """O contêiner não respondeu: morreu, ou passou do prazo (`timed_out`)."""

    def __init__(self, timed_out):
        super().__init__("sem resposta")
        self.timed_out = timed_out


def unpack(archive, folder, uri):
    """Desempacota `archive` (um model.tar.gz, em bytes) em `folder`; nada sai dela. Levanta `StartError`."""
    try:
        with tarfile.open(fileobj=io.BytesIO(archive), mode="r:gz") as package:
            package.extractall(folder, filter="data")
    except (tarfile.TarError, zlib.error, EOFError, OSError) as error:
        raise StartError(
            f'Failed to extract model data archive from URL "{uri}". Please ensure that the object located at the '
            f"URL is a valid tar.gz archive. ({error})"
        ) from None


class Container:
    """O processo que obedece ao contrato: `GET /ping` e `POST /invocations` numa porta de 127.0.0.1.

    `command`: o que executar; `folder`: onde está o modelo desempacotado (Path); `environment`: as variáveis do
    modelo, como `PrimaryContainer["Environment"]`.
    """

    health = "/ping"
    sick = "The primary container did not pass the ping health check. Please check the logs for this endpoint: "

    def __init__(self, folder, *, command=COMMAND, environment=()):
        self.folder, self.command, self.environment = folder, command, dict(environment)
        self.process, self.port = None, None
        self._closed, self._lock = False, threading.Lock()

    def start(self, deadline_s=60):
        """Inicia o processo e espera o primeiro `/ping` 200. Levanta `StartError`."""
        for _ in range(ATTEMPTS):
            with self._lock:
                if not self._closed:
                    self._launch()
            if self._becomes_healthy(deadline_s):
                return
            if self._closed:
                raise StartError("The container was stopped before it was ready.")
            if self.process.poll() is None or not self._answers():
                break  # não foi outro processo que tomou a porta: tentar de novo não adianta
        lines = self._log().read_text(encoding="utf-8", errors="replace").strip().splitlines()
        self.stop()
        raise StartError(self.sick + " ".join(lines[-3:])[-600:])

    def _becomes_healthy(self, deadline_s):
        limit = time.monotonic() + deadline_s
        while not self._closed and self.process.poll() is None and time.monotonic() < limit:
            if self._answers() and self._listens():
                return True
            time.sleep(0.05)
        return False

    def _answers(self):
        try:
            return self.request("GET", self.health, timeout_s=PING_S)[0] == 200
        except NoAnswerError:
            return False

    def _listens(self):
        """Quem respondeu é o nosso processo, e não outro que tomou a porta antes dele?"""
        try:
            sockets = psutil.Process(self.process.pid).net_connections("tcp")
        except psutil.Error:
            return True  # o macOS pode não deixar ver
        return any(item.status == psutil.CONN_LISTEN and item.laddr.port == self.port for item in sockets)

    def _launch(self):
        # Quem iniciou a AWS de bolso pode ter escolhido um modelo e rotas: o contêiner só vê o que é dele.
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("AULA_", "AIP_"))}
        self.port = _free_port()
        own = self._platform_settings() | {"PYTHONUTF8": "1"}
        alone = {"creationflags": 0x200} if os.name == "nt" else {"start_new_session": True}
        with open(self._log(), "wb") as output:
            # A entrada padrão é um cano nosso: se este processo morrer, ela fecha e o contêiner se encerra.
            self.process = subprocess.Popen(
                self.command, stdin=subprocess.PIPE, stdout=output, stderr=output, cwd=artifacts.ROOT,
                env=inherited | self.environment | own, **alone,
            )  # fmt: skip

    def _platform_settings(self):
        """As variáveis que a nuvem define: a porta, e onde está o modelo."""
        return {"SM_MODEL_DIR": str(self.folder), "SAGEMAKER_BIND_TO_PORT": str(self.port)}

    def _log(self):
        return self.folder.with_suffix(".log")

    def request(self, method, route, body=None, headers=(), timeout_s=60):
        """Uma requisição ao contêiner: `(status, cabeçalhos, corpo)`. Levanta `NoAnswerError`."""
        connection = http.client.HTTPConnection(HOST, self.port, timeout=timeout_s)
        try:
            connection.request(method, route, body, dict(headers))
            response = connection.getresponse()
            return response.status, response.headers, response.read()
        except TimeoutError:
            raise NoAnswerError(timed_out=True) from None
        except (OSError, http.client.HTTPException):
            raise NoAnswerError(timed_out=False) from None
        finally:
            connection.close()

    def stop(self):
        """Encerra o processo (SIGTERM; depois de 5 s, à força) e apaga a pasta."""
        with self._lock:
            self._closed = True
        if self.process:
            self.process.terminate()
            try:
                self.process.wait(PATIENCE_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
            self.process.stdin.close()
        shutil.rmtree(self.folder, ignore_errors=True)
        self._log().unlink(missing_ok=True)


def close_at_exit(close):
    """Chama `close` quando este processo termina, também por SIGTERM; depois de um `kill -9`, os canos o fazem."""
    atexit.register(close)

    def leave(*_):
        close()
        os._exit(0)  # sem esperar pelas threads (a fila assíncrona)

    signal.signal(signal.SIGTERM, leave)


def _free_port():
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return probe.getsockname()[1]
