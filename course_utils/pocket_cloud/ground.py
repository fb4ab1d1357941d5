"""O chão das duas nuvens: onde os modelos ficam, como a nuvem acaba, como se lê um pedido."""

import os
import shutil
import signal

import psutil

from course_utils.files import ARTIFACTS
from course_utils.settings import APPLIED

FOLDER = ARTIFACTS / "pocket_cloud"
CONTROL_BYTES = 2**20  # um pedido do plano de controle tem poucos quilobytes
CHUNK_BYTES = 2**16


def own_folder():
    """A pasta desta nuvem (Path), que acaba com ela."""
    return FOLDER / str(os.getpid())


def prepare():
    """Apaga o que outra nuvem deixou (um `kill -9` não deixa ninguém limpar) e combina o fim desta.

    Os contêineres acabam sozinhos: vigiam o cano da sua entrada, que fecha com este processo.
    """
    for old in FOLDER.glob("*"):
        if not (old.name.isdigit() and psutil.pid_exists(int(old.name))):
            shutil.rmtree(old, ignore_errors=True)
    # Quem iniciou a nuvem pode ter escolhido um modelo e rotas: o contêiner só vê o que é dele.
    for name in [name for name in os.environ if name.startswith(("AULA_", "AIP_")) and name != APPLIED]:
        del os.environ[name]

    def leave(*_):
        shutil.rmtree(own_folder(), ignore_errors=True)
        os._exit(0)  # sem esperar pelas threads

    signal.signal(signal.SIGTERM, leave)


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
