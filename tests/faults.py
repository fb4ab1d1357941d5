"""Estragos de propósito: um disco só nosso, um comando que recebe Ctrl-C, um Python de mau humor."""

import contextlib
import os
import signal
import subprocess
import sys
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
