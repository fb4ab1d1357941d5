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


def kill_holders(folder, owner):
    """Encerra os processos, fora o dono, que têm um arquivo aberto em `folder`: os do cluster. Diz se havia."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):  # os de outros usuários não se deixam ver
            paths = [item.path for item in process.open_files()]
            if process.pid != owner and any(path.startswith(folder) for path in paths):
                process.kill()
                found.append(process)
    psutil.wait_procs(found, timeout=1)
    return bool(found)


if __name__ == "__main__":
    owner, folder = os.getppid(), os.path.realpath(sys.argv[1])  # no macOS, /tmp é um atalho
    sys.stdin.buffer.read()
    limit = time.monotonic() + PATIENCE_S
    while kill_holders(folder, owner) and time.monotonic() < limit:
        pass
    shutil.rmtree(folder, ignore_errors=True)
