"""Uma trava que o sistema solta mesmo que o processo seja morto. Só biblioteca padrão."""

from __future__ import annotations

import os


def try_lock(file) -> bool:
    """Toma a trava do arquivo aberto `file`, até ele ser fechado; falso se outro processo já a tem."""
    try:
        if os.name == "nt":
            import msvcrt

            file.seek(0)  # trava-se um byte, sempre o mesmo
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    return True
