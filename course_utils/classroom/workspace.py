"""A pasta de trabalho de um notebook, vazia e só deste kernel: dois kernels ao mesmo tempo não se atrapalham."""

import itertools
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
        names = itertools.chain([name], (f"{name}-{number}" for number in itertools.count(2)))
        folder = next(folder for folder in map(artifacts.ARTIFACTS.joinpath, names) if _claim(folder))
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True, exist_ok=True)
        return folder
    except OSError as error:
        raise WorkspaceError(
            f"Não consigo escrever em artifacts/ {files.explain(error)} e rode esta célula de novo."
        ) from error


@cache  # a trava fica até o kernel terminar, e ele volta sempre à mesma pasta
def _claim(folder):
    """O arquivo da trava da pasta, tomada e aberta; None se outro kernel a tem."""
    lock = state.open_lock(folder.name)
    if files.try_lock(lock):
        return lock
    lock.close()
    return None
