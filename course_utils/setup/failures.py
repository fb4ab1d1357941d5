"""Por que uma instalação parou: o disco e a rede, que se experimentam aqui, ou um arquivo que não confere.

`explain` devolve uma frase com o que fazer. Só biblioteca padrão.
"""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from pathlib import Path

from course_utils import files
from course_utils.setup import network
from course_utils.setup.sources import Sources

PROBE_BYTES = 64_000_000  # menos do que isto livre, nenhum pacote grande cabe
NO_EXECUTION = (
    "O disco desta pasta não deixa executar programas (foi montado com noexec): copie o projeto para outro "
    "lugar, como a sua pasta pessoal, e rode de novo."
)
NO_LINKS = (
    "O disco desta pasta não aceita links simbólicos (pendrives em FAT, por exemplo): copie o projeto para "
    "o disco do sistema e rode de novo."
)
HASH = (
    "{what} não confere com requirements.lock e não foi instalado: o download se corrompeu ou o índice traz outro "
    "arquivo; rode de novo e, se repetir, use outro índice."
)
UNKNOWN = (
    "A instalação falhou: o porquê (em inglês) está em artifacts/setup.log; depois de resolver, rode de novo."
)

# O único lugar em que se lê o que os instaladores escrevem: nem um código de saída diz que um arquivo não confere.
MISMATCH = re.compile(r"Hash mismatch for `([^`]+)`|DO NOT MATCH THE HASHES[^\n]*")


def explain(sources: Sources, folder: Path, log) -> str:
    """O fato que explica a falha ao instalar em `folder`, ou que o porquê está no `log` (arquivo aberto)."""
    return disk(folder) or mismatch(Path(log.name)) or network.explain(sources) or UNKNOWN


def mismatch(log: Path) -> str | None:
    found = MISMATCH.search(log.read_text(encoding="utf-8", errors="replace"))
    return HASH.format(what=found[1] or "O uv") if found else None


def disk(folder: Path) -> str | None:
    """O que há de errado com o disco de `folder`, que existe: cheio, só de leitura, sem links ou sem execução."""
    try:
        with tempfile.TemporaryDirectory(dir=folder) as place:
            with open(Path(place, "probe"), "wb") as file:
                for _ in range(PROBE_BYTES // 1_000_000):
                    file.write(bytes(1_000_000))
            return None if os.name == "nt" else programs(Path(place))
    except OSError as problem:
        return f"Não consegui gravar em .venv {files.explain(problem)} e rode de novo."


def programs(place: Path) -> str | None:
    """Um programa gravado em `place`, e chamado por um link, roda? É assim que uma `.venv` chama o Python."""
    program, link = place / "program", place / "link"
    program.write_text("#!/bin/sh\nexit 0\n", encoding="utf-8")
    program.chmod(0o755)
    try:
        link.symlink_to(program)
    except OSError:
        return NO_LINKS
    try:
        subprocess.run([link], check=False)
    except PermissionError:
        return NO_EXECUTION
    return None
