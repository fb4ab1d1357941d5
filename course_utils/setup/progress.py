"""O que a preparação mostra na tela, e como ela roda outros programas: a saída deles vai para um registro."""

from __future__ import annotations

import shutil
import subprocess
import sys

from course_utils.processes import BOUND


class SetupError(Exception):
    """Uma frase em português: o que houve e o que fazer."""


class Progress:
    """Uma linha que se reescreve (terminal), ou linhas simples (arquivo, CI)."""

    def __init__(self):
        self.live = sys.stdout.isatty()

    def show(self, text: str) -> None:
        if self.live:
            self.clear()
            text = text[: shutil.get_terminal_size().columns - 1]
        print(text, end="" if self.live else "\n", flush=True)

    def clear(self) -> None:
        """Deixa a linha livre para outro programa escrever."""
        if self.live:
            print("\r" + " " * (shutil.get_terminal_size().columns - 1) + "\r", end="", flush=True)

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_) -> None:
        self.clear()


def gigabytes(size: float) -> str:
    return f"{size / 1e9:.1f} GB".replace(".", ",")


def require_space(folder, needed: int) -> None:
    """Levanta `SetupError` se no disco de `folder` não há `needed` bytes livres."""
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise SetupError(
            f"Falta espaço em disco: são precisos {gigabytes(needed)} em {folder} e há {gigabytes(free)}; "
            f"libere {gigabytes(needed - free)} e rode de novo."
        )


def run(command, log, env: dict | None = None, errors=None) -> int:
    """Roda `command` com a saída em `log` e os erros em `errors` (padrão: `log`); devolve o código de saída."""
    log.flush()
    return subprocess.run(
        [*map(str, command)], env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=errors or log, check=False,
        **BOUND,
    ).returncode  # fmt: skip
