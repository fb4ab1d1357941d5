"""A pasta `.venv`: o Python dela, a marca que diz de quem é e se está pronta, esvaziar e guardar."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sysconfig
from pathlib import Path

from course_utils import files

MARK = "course_utils.json"


def venv_python(root: str | Path) -> Path:
    return Path(root) / ".venv" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def answers(python: Path) -> bool:
    """O Python funciona?"""
    try:
        command = [python, "-I", "-c", ""]
        return subprocess.run(command, capture_output=True, timeout=60, check=False).returncode == 0
    except (OSError, subprocess.SubprocessError):
        return False


def read_mark(prefix: Path) -> dict | None:
    """None se a pasta não é nossa; uma marca ilegível é nossa e está por terminar."""
    if not (prefix / MARK).is_file():
        return None
    try:
        return dict(json.loads((prefix / MARK).read_text(encoding="utf-8")))
    except ValueError:
        return {"finished": False}


def write_mark(prefix: Path, **content) -> None:
    files.write_text(prefix / MARK, json.dumps(content, indent=1))


def set_aside(folder: Path) -> str:
    """Guarda uma `.venv` alheia com outro nome: nunca se apaga o que não fizemos."""
    number, other = 1, folder.with_name(".venv.anterior")
    while os.path.lexists(other):
        number += 1
        other = folder.with_name(f".venv.anterior-{number}")
    folder.rename(other)
    return other.name


def empty(folder: Path) -> None:
    """Apaga tudo, menos a marca: mesmo que isto seja interrompido, a pasta continua reconhecida como nossa."""
    for path in folder.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        elif path.name != MARK:
            path.unlink()


def link_package(root: str | Path, folder: str | Path | None = None) -> None:
    """Faz `import course_utils` funcionar em qualquer pasta: um .pth de caminho relativo, sem acentos."""
    scheme = {"scheme": "venv", "vars": {"base": str(folder)}} if folder else {}
    site = os.path.realpath(sysconfig.get_path("purelib", **scheme))
    relative = Path(os.path.relpath(os.path.realpath(root), site)).as_posix()
    Path(site, "course_utils.pth").write_text(relative + "\n", encoding="utf-8")


def size(folder: Path) -> int:
    """Bytes em `folder`, sem os links."""
    total = 0
    for parent, _, names in os.walk(folder):
        total += sum(os.lstat(os.path.join(parent, name)).st_size for name in names)  # noqa: PTH118
    return total
