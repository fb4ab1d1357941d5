"""O extra: o que só um notebook à parte usa (requirements-extra.txt), no mesmo `.venv`, com a biblioteca padrão.

O pip recebe, como limite, as versões de tudo de que a série precisa e que já está instalado: ele só acrescenta.
Assim um extra que falha ou para no meio deixa a série como estava, e a chamada seguinte o completa.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from course_utils.setup.environment import (
    EXTRA,
    ask,
    check_disk,
    digest,
    disk_problems_in_a_sentence,
    gigabytes,
    missing_packages,
    only_one,
    read_mark,
    started_to_install,
    venv_python,
    write_mark,
)
from course_utils.setup.installer import Progress, SetupError, duration, install

BYTES = 1_500_000_000  # o instalado e os arquivos baixados, com folga

ADDING = "Acrescentando o extra ao ambiente em .venv (só desta vez; precisa de internet)."
FOREIGN = (
    "O ambiente em uso não foi feito por este comando, e nele falta {missing}: "
    "acrescente-o com {python} -m pip install -r " + EXTRA + " e rode de novo."
)
NO_WHEEL = "Não há um pacote pronto de {missing} para o Python {version} neste sistema."
WITHOUT = "Os notebooks da série não precisam deste extra."


def ensure_extra(root: str | Path, python: str) -> None:
    """Deixa completo, com requirements-extra.txt, o ambiente de `python` (o que `environment.ensure` devolveu)."""
    root = Path(root)
    missing = missing_packages(Path(python), root, EXTRA)
    mark = read_mark(root / ".venv") if Path(python) == venv_python(root) else None
    if mark is None:
        if missing != []:
            what = ", ".join(missing or [EXTRA])
            raise SetupError(FOREIGN.format(missing=what, python=python))
        return
    if missing == [] and mark.get("extra") == digest(root, EXTRA):
        return
    with disk_problems_in_a_sentence(), only_one(root):
        try:
            add(root, missing)
        except SetupError as problem:
            if "No matching distribution" in str(problem):
                version = "{}.{}".format(*sys.version_info)
                problem = NO_WHEEL.format(missing=", ".join(missing or [EXTRA]), version=version)
            raise SetupError(f"{problem} {WITHOUT}") from None


def add(root: Path, missing: list[str]) -> None:
    """Chama o pip, a menos que só comentários tenham mudado, e anota o resultado na marca."""
    venv, python = root / ".venv", venv_python(root)
    mark = read_mark(venv)
    done = {**mark, "extra": digest(root, EXTRA)}
    if missing == [] and mark.get("extra"):
        write_mark(venv, **done)
        return
    check_disk(root, BYTES)
    print(ADDING, flush=True)
    started, before = time.monotonic(), size(venv)
    # Vazio: começado. Quem atualizar o ambiente a partir daqui atualiza também o extra.
    write_mark(venv, **{**mark, "extra": ""})
    with open(root / "artifacts" / "extra.log", "w", encoding="utf-8") as log, Progress() as progress:
        try:
            limits = venv / "limits.txt"
            limits.write_text("\n".join(ask(python, "frozen", root) or []) + "\n", encoding="utf-8")
            install(root, venv, python, log, progress, [EXTRA], limits)
        except SetupError:
            if not started_to_install(log):
                write_mark(venv, **mark)
            raise
    write_mark(venv, **done)
    print(
        f"Extra pronto em {duration(time.monotonic() - started)}; ocupa {gigabytes(size(venv) - before)}.",
        flush=True,
    )


def size(folder: Path) -> int:
    return sum(entry.stat().st_size for entry in folder.rglob("*") if not entry.is_symlink())
