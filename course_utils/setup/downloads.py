"""Arquivos com impressão digital: o que já está numa pasta e o que falta baixar. Só biblioteca padrão."""

from __future__ import annotations

import hashlib
import http.client
import urllib.error
from pathlib import Path
from typing import NamedTuple

from course_utils import files
from course_utils.setup import network
from course_utils.setup.progress import Progress, SetupError
from course_utils.setup.sources import Sources

ATTEMPTS, PIECE_BYTES = 3, 1 << 20
CORRUPT = "{what} não confere com a sua impressão digital: o download se corrompeu; rode de novo."


class File(NamedTuple):
    """`path`: o lugar dele na pasta; `digest`: "sha256:…", em hexadecimal; `size`, em bytes: 0 se não se sabe."""

    path: str
    url: str
    digest: str
    size: int = 0


def intact(path: Path, digest: str) -> bool:
    """O arquivo está lá, inteiro, e é o que se espera?"""
    algorithm, _, expected = digest.partition(":")
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, algorithm).hexdigest() == expected
    except OSError:
        return False


def absent(wanted: list[File], folder: Path) -> list[File]:
    """Os que faltam em `folder`, ou não conferem."""
    return [file for file in wanted if not intact(folder / file.path, file.digest)]


def fetch(wanted: list[File], folder: Path, where: Sources, progress: Progress, doing: str) -> None:
    """Baixa para `folder` cada um dos `wanted`, conferido; o que vier antes de uma falha fica.

    `doing` é o que se mostra, com os MB que vieram. Levanta `SetupError`, ou o `OSError` do disco.
    """
    done, total = 0, sum(file.size for file in wanted)

    def tick(size: int) -> None:
        nonlocal done
        done += size
        progress.show(f"{doing}: {done / 1e6:.0f}" + (f" de {total / 1e6:.0f} MB" if total else " MB"))

    for file in wanted:
        for _ in range(ATTEMPTS):
            problem = fetch_one(file, folder / file.path, where, tick)
            if not problem:
                break
        else:
            raise SetupError(problem)


def fetch_one(file: File, path: Path, where: Sources, tick) -> str:
    """Uma tentativa: "" se deu certo, ou uma frase; levanta `SetupError` se repetir não adianta."""
    path.parent.mkdir(parents=True, exist_ok=True)
    sketch = path.with_name(path.name + ".part")  # o que um processo morto deixou se reescreve
    try:
        with network.open_url(file.url, where) as answer, open(sketch, "wb") as part:
            while piece := answer.read(PIECE_BYTES):
                part.write(piece)
                tick(len(piece))
        if not intact(sketch, file.digest):
            return CORRUPT.format(what=path.name)
        sketch.replace(path)
    except (OSError, http.client.HTTPException) as error:
        if getattr(error, "errno", None) in files.REASONS:  # o disco
            raise
        if isinstance(error, urllib.error.HTTPError) and error.code < 500:
            raise SetupError(network.sentence(error, file.url)) from None
        return network.sentence(error, file.url)
    finally:
        sketch.unlink(missing_ok=True)
    return ""
