"""Onde um notebook escreve: a pasta dele, vazia e só deste kernel; e o silêncio das bibliotecas em C++."""

import itertools
import logging
import os
import shutil
from functools import cache

from course_utils import files
from course_utils.classroom import state

NEEDED_BYTES = 200_000_000  # o que mais escreve, o 01, grava 130 MB


class WorkspaceError(RuntimeError):
    """Não há onde escrever; a mensagem diz por quê e o que fazer."""


def empty(name):
    """Esvazia (ou cria) artifacts/`name` para este kernel e devolve a pasta (Path).

    Se outro kernel está com ela, a deste é artifacts/`name`-2, -3…; um kernel a solta quando termina.
    Levanta `WorkspaceError` se a pasta não pode ser escrita ou se falta espaço no disco.
    """
    try:
        files.ARTIFACTS.mkdir(exist_ok=True)
        free = shutil.disk_usage(files.ARTIFACTS).free
        if free < NEEDED_BYTES:
            left, needed = (f"{size / 1e6:.0f} MB" for size in (free, NEEDED_BYTES))
            raise WorkspaceError(
                f"Falta espaço em disco: restam {left}, e um notebook pode gravar quase {needed}. "
                "Libere espaço e rode esta célula de novo."
            )
        numbered = (f"{name}-{number}" for number in itertools.count(2))
        places = map(files.ARTIFACTS.joinpath, itertools.chain([name], numbered))
        folder = next(filter(_claim, places))
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True, exist_ok=True)
        return folder
    except OSError as error:
        raise WorkspaceError(
            f"Não consigo escrever em artifacts/ {files.explain(error)} e rode esta célula de novo."
        ) from error


def divert_native_logs():
    """Cala o que as bibliotecas em C++ escrevem na saída de erro.

    Chame antes de importar o TensorFlow. Do `logging` do Python ficam só os erros; exceções e `warnings` continuam
    no notebook, porque o kernel os envia por outro caminho.
    """
    logging.disable(logging.WARNING)  # níveis por nome não bastam: o TensorFlow os refaz ao ser importado
    with open(os.devnull, "wb") as nowhere:
        os.dup2(nowhere.fileno(), 2)


@cache  # a trava fica até o kernel terminar, e ele volta sempre à mesma pasta
def _claim(folder):
    """O arquivo da trava da pasta, aberto e travado; falso se outro kernel a tem."""
    lock = state.open_lock(folder.name)
    return files.try_lock(lock) and lock
