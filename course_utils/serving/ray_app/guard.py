"""O vigia de um cluster: quando o dono termina, mesmo com `kill -9`, não deixa processo nem pasta.

O cano da sua entrada padrão é do dono, e fecha com ele. O Ray, avisado pelo Linux, já encerra quase tudo; ficam
dois processos à espera de um diretório que não existe mais, e a pasta temporária.
"""

import contextlib
import os
import shutil
import sys
import time

import psutil

PATIENCE_S = 20


def find_holders(folder, owner):
    """Os processos, fora o dono, que têm um arquivo aberto em `folder` (o registro de cada um): os do cluster."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):  # os de outros usuários não se deixam ver
            paths = [item.path for item in process.open_files()]
            if process.pid != owner and any(path.startswith(folder) for path in paths):
                found.append(process)
    return found


def main(folder):
    """Espera o fim da entrada padrão; encerra quem ainda usa `folder`, e a apaga."""
    owner, folder = os.getppid(), os.path.realpath(folder)  # no macOS, /tmp é um atalho
    sys.stdin.buffer.read()
    limit = time.monotonic() + PATIENCE_S
    while (left := find_holders(folder, owner)) and time.monotonic() < limit:
        for process in left:
            with contextlib.suppress(psutil.Error):
                process.kill()
        psutil.wait_procs(left, timeout=1)
    shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main(sys.argv[1])
