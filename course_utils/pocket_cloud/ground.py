"""O chão das duas nuvens: onde os modelos ficam e acabam, e como se fala com um contêiner."""

import contextlib
import http.client
import os
import shutil
import signal

import psutil

from course_utils.files import ARTIFACTS
from course_utils.processes import HOST

FOLDER = ARTIFACTS / "pocket_cloud"
CONTROL_BYTES = 2**20  # um pedido do plano de controle tem poucos quilobytes
CHUNK_BYTES = 2**16


class NoAnswerError(RuntimeError):
    """O contêiner não respondeu: morreu, ou passou do prazo."""


def prepare():
    """A pasta desta nuvem (Path), que acaba com ela; os contêineres, que vigiam o seu pai, também.

    Depois de um `kill -9`, que não deixa ninguém limpar, a próxima nuvem apaga a pasta que ficou.
    """
    folder = FOLDER / str(os.getpid())
    for old in FOLDER.glob("*"):
        if not (old.name.isdigit() and psutil.pid_exists(int(old.name))):
            shutil.rmtree(old, ignore_errors=True)
    # Quem iniciou a nuvem pode ter escolhido um modelo e rotas: o contêiner só vê o que é dele.
    for name in [name for name in os.environ if name.startswith(("AULA_", "AIP_"))]:
        del os.environ[name]

    def leave(*_):
        shutil.rmtree(folder, ignore_errors=True)
        os._exit(0)  # sem esperar pelas threads: os contêineres acabam quando o cano da sua entrada fecha

    signal.signal(signal.SIGTERM, leave)
    return folder


def ask(container, route, body, kind, timeout_s):
    """`POST route` ao contêiner: `(status, tipo, corpo)`. `kind`: o Content-Type. Levanta `NoAnswerError`."""
    connection = http.client.HTTPConnection(HOST, container.port, timeout=timeout_s)
    with contextlib.closing(connection):
        try:
            connection.request("POST", route, body, {"Content-Type": kind} if kind else {})
            response = connection.getresponse()
            return response.status, response.headers["Content-Type"], response.read()
        except (OSError, http.client.HTTPException):
            raise NoAnswerError("O contêiner não respondeu.") from None


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
