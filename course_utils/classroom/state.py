"""O que o curso lembra do aluno: pequenos arquivos JSON em artifacts/, que um arquivo estragado nunca derruba.

A variável AULA_STATE põe esses arquivos em outra pasta: os testes a usam para não mexer no progresso de ninguém.
"""

import contextlib
import json
import os
import time
from pathlib import Path

from course_utils import files

PATIENCE_S = 5
FOLDER = Path(os.environ.get("AULA_STATE", files.ARTIFACTS))


def read(file):
    """O dicionário guardado em `file`; vazio se o arquivo falta ou estragou."""
    try:
        kept = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return kept if isinstance(kept, dict) else {}


def write(file, content):
    """Grava o dicionário `content` por troca atômica: quem lê nunca vê meio arquivo."""
    files.write_text(file, json.dumps(content, ensure_ascii=False, indent=2) + "\n")


def update(file, change):
    """Grava `change(o que estava guardado)`; dois kernels que anotam ao mesmo tempo esperam um pelo outro."""
    limit = time.monotonic() + PATIENCE_S
    with open_lock(file.name) as lock:
        while not files.try_lock(lock) and time.monotonic() < limit:  # quem a tem é breve; depois, vai sem
            time.sleep(0.01)
        write(file, change(read(file)))


def note(file, change):
    """O mesmo que `update`, para o que se pode perder: sem disco perde-se a anotação, não a aula."""
    with contextlib.suppress(OSError):
        update(file, change)


def add(file, name, **fields):
    """Anota `fields` no que `file` guarda com o nome `name`; o resto fica como estava."""
    note(file, lambda saved: saved | {name: saved.get(name, {}) | fields})


def open_lock(name):
    """O arquivo em que se trava `name`, aberto."""
    place = files.ARTIFACTS / "locks"
    place.mkdir(parents=True, exist_ok=True)
    return open(place / f"{name}.lock", "ab")
