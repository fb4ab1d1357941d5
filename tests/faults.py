"""Estragos de propósito: um disco só nosso, um comando sem rede ou que recebe Ctrl-C, um servidor que mente."""

import contextlib
import http.client
import os
import shlex
import shutil
import signal
import socketserver
import subprocess
import sys
import threading
import time

import psutil
from needs import miss
from waiting import PATIENCE_S

from course_utils.model import artifacts

END = "Encerrado. Para voltar, rode o mesmo comando."


@contextlib.contextmanager
def disk(folder, options):
    """Monta em `folder` um disco na memória: `"ro"` só deixa ler; `"size=64k"` enche logo."""
    if sys.platform != "linux" or os.geteuid() != 0:
        miss("montar um disco na memória exige ser root no Linux")
    folder.mkdir(exist_ok=True)
    if subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder], check=False).returncode:
        miss("este sistema não deixa montar um disco na memória")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def fill(folder):
    """Escreve até o disco de `folder` encher."""
    with contextlib.suppress(OSError), open(folder / "enchimento", "wb", buffering=0) as file:
        while file.write(bytes(4096)):
            pass


def call(arguments, *, cwd=artifacts.ROOT, **variables):
    """Roda `python …arguments` com estas variáveis a mais; devolve o `CompletedProcess`, com a saída em bytes."""
    env = os.environ | {"PYTHONPATH": str(cwd)} | variables
    command = [sys.executable, *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, env=env, capture_output=True, timeout=PATIENCE_S, check=False)


def offline(command):
    """O comando (lista) num namespace em que só existe o 127.0.0.1; fora do Linux, ele mesmo."""
    if not shutil.which("unshare"):
        return command
    inside = "ip link set lo up && exec " + shlex.join(map(str, command))
    return ["unshare", "--net", "--map-root-user", "sh", "-c", inside]


def interrupt(arguments, sign, *, cwd=artifacts.ROOT):
    """Roda o comando do curso e, quando `sign` aparece no que ele diz, tecla Ctrl-C no grupo inteiro.

    Devolve `(código de saída, o que ele disse até acabar, os processos que ele tinha)`.
    """
    env = os.environ | {"PYTHONPATH": str(cwd), "PYTHONUNBUFFERED": "1"}
    env.pop("TQDM_DISABLE", None)  # é pela barra de progresso que se vê que o trabalho começou
    command = subprocess.Popen(
        [sys.executable, "-m", "course_utils", *arguments], cwd=cwd, start_new_session=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=env,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )  # fmt: skip
    said, limit = b"", time.monotonic() + PATIENCE_S
    os.set_blocking(command.stdout.fileno(), False)
    try:
        while sign.encode() not in said:
            assert command.poll() is None and time.monotonic() < limit, said.decode(errors="replace")
            said += command.stdout.read() or b""
            time.sleep(0.02)
        tree = [process.pid for process in psutil.Process(command.pid).children(recursive=True)]
        os.killpg(command.pid, signal.SIGINT)  # o terminal manda o Ctrl-C ao grupo inteiro
        os.set_blocking(command.stdout.fileno(), True)
        said += command.communicate(timeout=PATIENCE_S)[0]
    except BaseException:
        os.killpg(command.pid, signal.SIGKILL)  # para não pesar nas provas seguintes
        raise
    return command.returncode, said.decode(errors="replace"), tree


@contextlib.contextmanager
def raw_server(answer):
    """O endereço de um servidor que lê cada pedido, envia `answer` (bytes; vazio: fica calado) e fecha."""

    class Handler(socketserver.StreamRequestHandler):
        def handle(self):
            with contextlib.suppress(OSError):
                self.rfile.readline()
                headers = http.client.parse_headers(self.rfile)
                # Até o fim: fechar com bytes por ler derrubaria também a resposta.
                self.rfile.read(int(headers.get("Content-Length", 0)))
                self.wfile.write(answer)
                while not answer and self.rfile.read(1):
                    pass  # até o cliente desistir

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/"
        finally:
            server.shutdown()


def sketches(*folders):
    """Os rascunhos que alguma gravação deixou para trás."""
    return [path for folder in folders for path in folder.rglob("*") if _is_draft(path)]


def _is_draft(path):
    return path.name[0] == "." and path.name[1:].split(".")[0].isdigit()


def python(code, *arguments):
    """Outro Python, com a entrada e a saída em canos."""
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.Popen(
        command, cwd=artifacts.ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8"
    )
