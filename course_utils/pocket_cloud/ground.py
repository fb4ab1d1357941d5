"""O chão das duas nuvens: onde os contêineres vivem e acabam, e como se fala com eles."""

import contextlib
import http.client
import os
import shutil
import signal
import uuid

import psutil

from course_utils.classroom import servers
from course_utils.files import ARTIFACTS
from course_utils.processes import HOST

FOLDER = ARTIFACTS / "pocket_cloud"
CONTROL_BYTES = 2**20  # um pedido do plano de controle tem poucos quilobytes
CHUNK_BYTES = 2**16


class NoAnswerError(RuntimeError):
    """O contêiner não respondeu: morreu, ou passou do prazo (`timed_out`)."""

    def __init__(self, timed_out):
        super().__init__("sem resposta")
        self.timed_out = timed_out


class Ground:
    """A máquina em que uma nuvem põe os seus contêineres: eles e as suas pastas acabam com ela.

    Depois de um `kill -9`, que não deixa ninguém limpar, os contêineres se encerram sozinhos, e a próxima nuvem
    apaga as pastas que ficaram.
    """

    def __init__(self):
        self.folder, self._started = FOLDER / str(os.getpid()), []
        for old in FOLDER.glob("*"):
            if not (old.name.isdigit() and psutil.pid_exists(int(old.name))):
                shutil.rmtree(old, ignore_errors=True)
        # Quem iniciou a nuvem pode ter escolhido um modelo e rotas: o contêiner só vê o que é dele.
        for name in [name for name in os.environ if name.startswith(("AULA_", "AIP_"))]:
            del os.environ[name]
        signal.signal(signal.SIGTERM, self._leave)

    def new_folder(self):
        """Uma pasta vazia, para um modelo (Path)."""
        folder = self.folder / uuid.uuid4().hex
        folder.mkdir(parents=True)
        return folder

    def start(self, environment, health="/ping"):
        """Um contêiner no ar (`servers.Server`), quando `GET health` responde. Levanta `servers.ServerError`."""
        container = servers.start_container(environment, ready=health)
        self._started.append(container)
        return container

    def _leave(self, *_):
        for container in self._started:  # primeiro avisa todos: eles saem ao mesmo tempo
            container.terminate()
        for container in self._started:
            container.stop()
        shutil.rmtree(self.folder, ignore_errors=True)
        os._exit(0)  # sem esperar pelas threads: um contêiner que ainda inicia morre com o cano da sua entrada


def ask(container, route, body, kind, timeout_s):
    """`POST route` ao contêiner: `(status, tipo, corpo)`. `kind`: o Content-Type. Levanta `NoAnswerError`."""
    connection = http.client.HTTPConnection(HOST, container.port, timeout=timeout_s)
    with contextlib.closing(connection):
        try:
            connection.request("POST", route, body, {"Content-Type": kind} if kind else {})
            response = connection.getresponse()
            return response.status, response.headers["Content-Type"], response.read()
        except (OSError, http.client.HTTPException) as error:
            raise NoAnswerError(timed_out=isinstance(error, TimeoutError)) from None


def read_body(request, limit):
    """O corpo (bytes), ou None se passa de `limit` bytes.

    Lê até o fim mesmo o que vai recusar: fechar a conexão no meio esconderia o erro do cliente.
    """
    body, size = bytearray(), 0
    while chunk := request.stream.read(CHUNK_BYTES):
        size += len(chunk)
        if size <= limit:
            body += chunk
    return bytes(body) if size <= limit else None
