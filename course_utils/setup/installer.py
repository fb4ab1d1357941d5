"""O andamento na tela e os programas que a preparação chama. Só biblioteca padrão."""

from __future__ import annotations

import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path


class SetupError(Exception):
    """Uma frase em português: o que houve e o que fazer."""


class Progress:
    """Uma linha que se reescreve (terminal), ou linhas simples e raras (arquivo, CI). Só caracteres ASCII."""

    def __init__(self, stream=None):
        self.stream = stream or sys.stdout
        self.live = self.stream.isatty()
        self.started = time.monotonic()
        self.last_time, self.last_step = 0.0, ""

    def show(self, text: str) -> None:
        now = time.monotonic()
        text = f"{text}  [{duration(now - self.started)}]"
        if self.live:
            width = shutil.get_terminal_size().columns - 1
            self.stream.write("\r" + text[:width].ljust(width))
        elif text[:3] != self.last_step or now - self.last_time > 20:
            self.stream.write(text + "\n")
            self.last_time, self.last_step = now, text[:3]
        self.stream.flush()

    def clear(self) -> None:
        """Deixa a linha livre para outro programa escrever."""
        if self.live:
            self.stream.write("\r" + " " * (shutil.get_terminal_size().columns - 1) + "\r")
            self.stream.flush()

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_) -> None:
        self.clear()


def duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"


def gigabytes(size: float) -> str:
    return f"{size / 1e9:.1f} GB".replace(".", ",")


def die_with_parent() -> None:
    """No Linux, o programa chamado morre com quem o chamou: nunca se escreve em .venv às escondidas."""
    if sys.platform == "linux":
        import ctypes
        import signal

        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # 1: PR_SET_PDEATHSIG


BOUND = {"preexec_fn": die_with_parent} if sys.platform == "linux" else {}


def run_logged(command: list[str], log, tick, env: dict | None = None) -> None:
    """Roda um comando com a saída no log, chamando `tick(linhas)` enquanto ele trabalha.

    Levanta `SetupError`, que diz onde está a saída, se ele termina mal.
    """
    lines: list[str] = []
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        encoding="utf-8", errors="replace", env=env, **BOUND,
    )  # fmt: skip
    reader = threading.Thread(target=lines.extend, args=(process.stdout,), daemon=True)
    reader.start()
    try:
        while reader.is_alive():
            tick(lines)
            reader.join(0.3)
        process.wait()
    finally:
        process.kill()
        log.writelines(lines)
        log.flush()
    if process.returncode:
        path = Path(log.name)
        raise SetupError(
            f"A preparação parou num passo que não deu certo: o porquê está em {path.parent.name}/{path.name}; "
            "depois de resolver, rode de novo."
        )
