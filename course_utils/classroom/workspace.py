"""Onde um notebook escreve: a pasta dele, vazia e só deste kernel, e o registro das bibliotecas em C++."""

import itertools
import logging
import os
import shutil
from functools import cache

from course_utils import files
from course_utils.classroom import state
from course_utils.model import artifacts

NEEDED_BYTES = 200_000_000  # o que mais escreve, o 01, grava 130 MB


class WorkspaceError(RuntimeError):
    """Não há onde escrever; a mensagem diz por quê e o que fazer."""


def empty(name):
    """Esvazia (ou cria) artifacts/`name` para este kernel e devolve a pasta (Path).

    Se outro kernel está com ela, a deste é artifacts/`name`-2, -3…; um kernel a solta quando termina.
    Levanta `WorkspaceError` se a pasta não pode ser escrita ou se falta espaço no disco.
    """
    try:
        artifacts.ARTIFACTS.mkdir(exist_ok=True)
        free = shutil.disk_usage(artifacts.ARTIFACTS).free
        if free < NEEDED_BYTES:
            left, needed = (f"{size / 1e6:.0f} MB" for size in (free, NEEDED_BYTES))
            raise WorkspaceError(
                f"Falta espaço em disco: restam {left}, e um notebook pode gravar quase {needed}. "
                "Libere espaço e rode esta célula de novo."
            )
        numbered = (f"{name}-{number}" for number in itertools.count(2))
        places = map(artifacts.ARTIFACTS.joinpath, itertools.chain([name], numbered))
        folder = next(filter(_claim, places))
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True, exist_ok=True)
        return folder
    except OSError as error:
        raise WorkspaceError(
            f"Não consigo escrever em artifacts/ {files.explain(error)} e rode esta célula de novo."
        ) from error


def divert_native_logs():
    """Desvia o que as bibliotecas em C++ escrevem na saída de erro para artifacts/logs/native.log.

    Chame antes de importar o TensorFlow. Do `logging` do Python ficam só os erros; exceções e `warnings` continuam
    no notebook, porque o kernel os envia por outro caminho.
    """
    logging.disable(logging.WARNING)  # níveis por nome não bastam: o TensorFlow os refaz ao ser importado
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    folder = artifacts.ARTIFACTS / "logs"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        log = open(folder / "native.log", "ab")  # noqa: SIM115 – fechado logo abaixo
    except OSError:  # sem onde escrever perde-se o registro, não a aula
        log = open(os.devnull, "ab")  # noqa: SIM115
    with log:
        os.dup2(log.fileno(), 2)


@cache  # a trava fica até o kernel terminar, e ele volta sempre à mesma pasta
def _claim(folder):
    """O arquivo da trava da pasta, aberto e travado; falso se outro kernel a tem."""
    lock = state.open_lock(folder.name)
    return files.try_lock(lock) and lock
