"""O chão da casa: processos que não sobrevivem a quem os iniciou, e portas de 127.0.0.1.

Há dois jeitos de um filho não ficar órfão, mesmo com um `kill -9` no pai. Um programa do curso, iniciado por
`start`, vigia a própria entrada padrão, um cano do pai que fecha com ele (`when_parent_ends`). Um programa alheio
não vigia nada: no Linux o sistema o mata (`BOUND`). O `psutil` só é importado por quem o usa: a preparação do
ambiente, que também usa este arquivo, roda antes de haver qualquer pacote.
"""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import threading

from course_utils.files import ROOT

HOST = "127.0.0.1"
PATIENCE_S = 5
# Opções de `subprocess.Popen`: um filho longe do Ctrl-C deste processo (0x200: CREATE_NEW_PROCESS_GROUP).
ALONE = {"creationflags": 0x200} if os.name == "nt" else {"start_new_session": True}


def _die_with_parent():
    import ctypes
    import signal

    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # 1: PR_SET_PDEATHSIG


# Opções de `subprocess.Popen`: um filho que morre com este processo (só no Linux).
BOUND = {"preexec_fn": _die_with_parent} if sys.platform == "linux" else {}


def for_python():
    """As variáveis (dict) com que um Python filho escreve em UTF-8 e acha o pacote do curso, em qualquer pasta."""
    paths = filter(None, [str(ROOT), os.environ.get("PYTHONPATH")])
    utf8 = {"PYTHONUTF8": "1", "PYTHONIOENCODING": "utf-8"}
    return os.environ | utf8 | {"PYTHONPATH": os.pathsep.join(paths)}


def start(command, **options):
    """Inicia `command` (lista de textos ou caminhos), longe do Ctrl-C deste processo; devolve o `Popen`.

    A entrada padrão dele é um cano que fecha quando este processo termina. `options`: as outras do `Popen`.
    """
    return subprocess.Popen([*map(str, command)], stdin=subprocess.PIPE, **ALONE, **options)


def when_parent_ends(act):
    """Chama `act()`, noutra thread, quando a entrada padrão fecha: quem nos iniciou terminou, ou nos soltou."""

    def watch():
        # os.read, e não sys.stdin: este guarda uma trava, que travaria o fim dos processos filhos do gunicorn.
        while os.read(0, 4096):
            pass
        act()

    threading.Thread(target=watch, daemon=True).start()


def tree(process):
    """O processo (`Popen`) e os seus descendentes, lista de `psutil.Process`; vazia se ele já terminou."""
    import psutil

    try:
        root = psutil.Process(process.pid) if process.poll() is None else None
        return [root, *root.children(recursive=True)] if root else []
    except psutil.NoSuchProcess:
        return []


def stop(process):
    """SIGTERM (no Windows, à força), `PATIENCE_S` segundos de paciência, SIGKILL; nenhum descendente fica."""
    import psutil

    children = tree(process)[1:]
    process.terminate()
    try:
        process.wait(timeout=PATIENCE_S)
    except subprocess.TimeoutExpired:
        children += [child for child in tree(process)[1:] if child not in children]
        process.kill()
        process.wait()
    left = psutil.wait_procs(children, timeout=1)[1]
    for child in left:
        with contextlib.suppress(psutil.NoSuchProcess):
            child.kill()
    psutil.wait_procs(left, timeout=PATIENCE_S)
    if process.stdin:
        process.stdin.close()


def listens(process, port):
    """Quem atende na porta é `process` (`Popen`) ou um descendente, e não outro que a tomou antes?

    Verdadeiro também onde o sistema não deixa ver (o macOS).
    """
    import psutil

    try:
        sockets = [item for one in tree(process) for item in one.net_connections("tcp")]
    except psutil.Error:
        return True
    return any(item.status == psutil.CONN_LISTEN and item.laddr.port == port for item in sockets)


def free_port():
    """Uma porta TCP livre em 127.0.0.1, escolhida pelo sistema."""
    with socket.create_server((HOST, 0)) as probe:
        return probe.getsockname()[1]


def is_free(port):
    """Pode-se atender nesta porta de 127.0.0.1?"""
    try:
        socket.create_server((HOST, port)).close()
    except OSError:
        return False
    return True
