"""Tamanho em disco, de arquivos e de pastas."""

from pathlib import Path

from course_utils.measure.numbers import br


def size_bytes(path):
    """Bytes de um arquivo, ou de tudo o que há numa pasta (int)."""
    path = Path(path)
    files = [path] if path.is_file() else [item for item in path.rglob("*") if item.is_file()]
    return sum(file.stat().st_size for file in files)


def megabytes(path):
    """O mesmo em MB (10⁶ bytes), como texto: `"7,4 MB"`."""
    return f"{br(size_bytes(path) / 1e6)} MB"
