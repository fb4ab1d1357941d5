"""O chão da casa: as pastas, o SHA-256, gravar de uma vez só, a trava que o sistema solta sozinho.

Só biblioteca padrão: a preparação do ambiente também usa este arquivo.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
DATA = ROOT / "data"
ARTIFACTS = ROOT / "artifacts"

FULL = "o disco está cheio", "libere espaço"
READ_ONLY = "a pasta só deixa ler", "copie o projeto para uma pasta sua"
DENIED = "sem permissão", "confira as permissões da pasta do projeto"
REASONS = {errno.ENOSPC: FULL, errno.EDQUOT: FULL, errno.EROFS: READ_ONLY, errno.EACCES: DENIED}
REASONS[errno.EPERM] = DENIED


def sha256(path: str | Path) -> str:
    """Impressão digital do arquivo: 64 dígitos hexadecimais minúsculos."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextlib.contextmanager
def draft(path: str | Path):
    """Um rascunho (Path) ao lado de `path`: toma o lugar dele, de uma vez, se o bloco termina; se não, some."""
    path = Path(path)
    sketch = path.with_name(f".{os.getpid()}.{path.name}")  # o fim do nome fica: há quem grave conforme a extensão
    try:
        yield sketch
        sketch.replace(path)
    finally:
        sketch.unlink(missing_ok=True)


def write_text(path: str | Path, text: str) -> None:
    """Grava `text` em `path`, e cria a pasta se preciso, de uma vez só: quem lê nunca vê meio arquivo."""
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    with draft(path) as sketch:
        sketch.write_text(text, encoding="utf-8", newline="\n")


def how_to_restore(path: str | Path) -> str:
    """A frase que diz como voltar a ter o original de um arquivo de data/."""
    return f"Para restaurar o original: git checkout -- data/{Path(path).name} (ou baixe o projeto de novo)."


def try_lock(file) -> bool:
    """Toma a trava do arquivo aberto `file`, até ele ser fechado; falso se outro processo já a tem.

    O sistema a solta mesmo que o processo seja morto.
    """
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


def explain(problem: OSError) -> str:
    """`(o disco está cheio): libere espaço`: o fim de uma frase que começa pelo que não deu certo."""
    what, cure = REASONS.get(problem.errno, (problem.strerror or str(problem), DENIED[1]))
    return f"({what}): {cure}"
