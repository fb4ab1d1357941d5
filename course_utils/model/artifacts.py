"""Integridade dos arquivos: nenhum modelo é carregado sem que o seu SHA-256 confira.

Cada pasta com modelos tem um `SHA256SUMS` (o formato do comando `sha256sum`): `seal` escreve nele; `read` confere.
"""

import hashlib
import os
import re
from pathlib import Path

from course_utils.files import ARTIFACTS, DATA, ROOT, sha256, write_text  # noqa: F401 – daqui os pede quem usa modelos

SUMS = "SHA256SUMS"


class CorruptedFileError(RuntimeError):
    """O arquivo não é o que foi gravado (ou não está lá); a mensagem diz como restaurá-lo."""


def read_sums(folder):
    """`{nome do arquivo: SHA-256}` da pasta; vazio se ela não tem `SHA256SUMS`, ou se não se lê."""
    try:
        text = (Path(folder) / SUMS).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return {}
    lines = re.findall(r"^([0-9a-f]{64}) [ *](.+)$", text, re.MULTILINE)  # "*": o modo binário do sha256sum
    return {name: digest for digest, name in lines}


def seal(path):
    """Anota a impressão digital de `path` e a dos pesos que o exportador de ONNX põe à parte (`path` + ".data").

    Devolve `path` (Path).
    """
    path = Path(path)
    weights = path.with_name(f"{path.name}.data")
    files = (path, weights) if weights.is_file() else (path,)
    sums = read_sums(path.parent) | {file.name: sha256(file) for file in files}
    write_text(path.parent / SUMS, "".join(f"{digest}  {name}\n" for name, digest in sorted(sums.items())))
    return path


def verify(path):
    """Confere `path` como `read` e devolve o próprio (Path)."""
    read(path)
    return Path(path)


def read(path):
    """O conteúdo de `path` (bytes), com o SHA-256 conferido: o que se confere é o que se usa.

    Entre conferir um arquivo no disco e abri-lo, outro programa poderia trocá-lo. Levanta `CorruptedFileError` se
    ele falta, se ninguém anotou sua impressão digital ou se ela não confere; a mensagem diz como restaurá-lo.
    """
    path = Path(path)
    cure = f"git checkout -- data/{path.name} (ou baixe o projeto de novo)"
    if DATA not in Path(os.path.realpath(path)).parents:  # resolve() levanta num laço de links
        cure = "rode de novo a célula que o grava"
    if not path.is_file():
        raise CorruptedFileError(f"Falta o arquivo {path.name}. Para restaurar: {cure}.")
    expected = read_sums(path.parent).get(path.name)
    if expected is None:
        raise CorruptedFileError(
            f"{path.name} não tem SHA-256 anotado em {path.parent / SUMS}: não sei de onde veio e não o carrego. "
            f"Se foi você que o gravou, chame artifacts.seal(caminho) logo depois de gravar."
        )
    content = path.read_bytes()
    received = hashlib.sha256(content).hexdigest()
    if received != expected:
        raise CorruptedFileError(
            f"{path.name} está corrompido: esperava SHA-256 {expected[:12]}…, recebi {received[:12]}…. "
            f"Para restaurar: {cure}."
        )
    return content
