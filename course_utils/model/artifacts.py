"""Pastas do curso e integridade dos arquivos: nenhum modelo é carregado sem que seu SHA-256 confira.

Cada pasta com modelos tem um `SHA256SUMS` (o formato do comando `sha256sum`). `seal` escreve nele a
impressão digital de um arquivo recém-gravado; `verify` a confere antes de carregar.
"""

import contextlib
import hashlib
import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT / "data"
ARTIFACTS = ROOT / "artifacts"
SUMS = "SHA256SUMS"


class CorruptedFileError(RuntimeError):
    """O arquivo não é o que foi gravado (ou não está lá); a mensagem diz como restaurá-lo."""


def sha256(path):
    """Impressão digital do arquivo: 64 dígitos hexadecimais minúsculos (str)."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_sums(folder):
    """`{nome do arquivo: SHA-256}` da pasta; vazio se ela não tem `SHA256SUMS`."""
    path = Path(folder) / SUMS
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return {name: digest for digest, name in (line.split("  ", 1) for line in lines if line)}


def seal(path):
    """Anota no `SHA256SUMS` da pasta a impressão digital de `path` e devolve `path` (Path)."""
    path = Path(path)
    sums = read_sums(path.parent) | {path.name: sha256(path)}
    text = "".join(f"{digest}  {name}\n" for name, digest in sorted(sums.items()))
    with draft(path.parent / SUMS) as sheet:
        sheet.write_text(text, encoding="utf-8", newline="\n")
    return path


@contextlib.contextmanager
def draft(path):
    """Um rascunho (Path) ao lado de `path`: toma o lugar dele, de uma vez, se o bloco termina; se não, some."""
    path = Path(path)
    sketch = path.with_name(f".{os.getpid()}.{path.name}")  # o fim do nome fica: há quem grave conforme a extensão
    try:
        yield sketch
        sketch.replace(path)
    finally:
        sketch.unlink(missing_ok=True)


def verify(path):
    """Confere o SHA-256 de `path` e devolve `path` (Path).

    Levanta `CorruptedFileError` se o arquivo falta, se ninguém anotou sua impressão digital ou se ela
    não confere; a mensagem diz o nome do arquivo e como restaurá-lo.
    """
    path = Path(path)
    if not path.exists():
        raise CorruptedFileError(f"Falta o arquivo {path.name}. {_how_to_restore(path)}")
    expected = read_sums(path.parent).get(path.name)
    if expected is None:
        raise CorruptedFileError(
            f"{path.name} não tem SHA-256 anotado em {path.parent / SUMS}: não sei de onde veio e não o carrego. "
            f"Se foi você que o gravou, chame artifacts.seal(caminho) logo depois de gravar."
        )
    received = sha256(path)
    if received != expected:
        raise CorruptedFileError(
            f"{path.name} está corrompido: esperava SHA-256 {expected[:12]}…, recebi {received[:12]}…. "
            f"{_how_to_restore(path)}"
        )
    return path


def _how_to_restore(path):
    """A frase que ensina a recuperar o arquivo: do repositório (data/) ou de quem o gravou (artifacts/)."""
    if DATA in path.resolve().parents:
        return f"Para restaurar: git checkout -- data/{path.name} (ou baixe o projeto de novo)."
    return "Para restaurar: rode de novo a célula que o grava."
