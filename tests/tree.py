"""Os arquivos do projeto, com ou sem Git: quem baixa o ZIP não o tem."""

import os
import shutil
from pathlib import Path

from course_utils.model import artifacts

# O que não é do projeto: o Git, o ambiente e o que rodar o curso e as suas ferramentas escrevem.
LEFT_OUT = {
    ".git", "artifacts", "__pycache__", ".pytest_cache", ".ruff_cache", ".hypothesis", ".schemathesis",
    ".ipynb_checkpoints", ".virtual_documents",
}  # fmt: skip


def _left_out(folder, names):
    return {name for name in names if name in LEFT_OUT or name.startswith(".venv")}


def files(root=artifacts.ROOT):
    """Os arquivos do projeto que está em `root` (lista de Path), em ordem."""
    found = []
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(set(folders) - _left_out(folder, folders))
        found += [Path(folder, name) for name in sorted(set(names) - _left_out(folder, names))]
    return found


def copy_into(folder):
    """Copia o projeto para `folder`, que ainda não existe, e a devolve."""
    return shutil.copytree(artifacts.ROOT, folder, ignore=_left_out)


def snapshot(root):
    """`{arquivo: SHA-256}` do projeto em `root`, para ver o que mudou (menos `.jupyter`, que é do JupyterLab)."""
    return {path: artifacts.sha256(path) for path in files(root) if ".jupyter" not in path.parts}
