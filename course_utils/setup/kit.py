"""O kit: o que uma turma precisa para preparar o ambiente sem internet, numa pasta. Só biblioteca padrão.

`python -m course_utils kit PASTA` baixa uma vez os pacotes de requirements.lock (e o uv), para os sistemas e os
Pythons pedidos; `python -m course_utils --kit PASTA` prepara uma máquina com eles.
O kit.json, escrito no fim, diz o que a pasta tem de conter: por ele se nota uma cópia interrompida ou estragada.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
from pathlib import Path

from course_utils import files
from course_utils.setup import lock, sources, wheels
from course_utils.setup.progress import Progress, SetupError, gigabytes, require_space
from course_utils.setup.wheels import SYSTEMS

MANIFEST = "kit.json"
HERE = {("linux", "x86_64"): "linux", ("win32", "amd64"): "windows", ("darwin", "arm64"): "macos"}
PYTHONS = ("3.11", "3.12", "3.13")


def open_kit(root: str | Path, folder: str | Path) -> Path:
    """Confere o que esta máquina vai usar de `folder`, e a devolve; levanta `SetupError` se o kit não serve."""
    folder = Path(folder)
    manifest, target = read(folder), this_machine()
    if manifest is None:
        raise SetupError(f"Em {folder} não há um kit do curso, ou a cópia não terminou: copie a pasta de novo.")
    if manifest["locks"] != digests(Path(root)):
        raise SetupError(
            f"O kit em {folder} é de outra versão do curso: use o projeto que veio com ele ou refaça-o."
        )
    if target not in manifest["targets"]:
        raise SetupError(
            f"O kit em {folder} serve a {', '.join(manifest['targets'])}, e esta máquina é {target}: "
            "use um Python que ele tenha ou complete-o numa máquina com internet."
        )
    wanted = manifest["targets"][target]
    with Progress() as progress:
        progress.show("Conferindo o kit")
        wrong = [name for name, sha256 in wanted.items() if not wheels.intact(folder / name, sha256)]
    if wrong:
        raise SetupError(
            f"O kit em {folder} está incompleto ou estragado: {wrong[0]} não confere "
            f"({len(wrong)} de {len(wanted)} arquivos). Copie a pasta de novo."
        )
    return folder


def read(folder: Path) -> dict | None:
    """O que kit.json diz, ou None se ele falta ou está pela metade.

    `{"locks": {nome: SHA-256}, "targets": {"linux-3.11": {"wheels/x.whl": SHA-256}}}`.
    """
    try:
        return json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def digests(root: Path) -> dict[str, str]:
    """O SHA-256 do que fixa as versões."""
    return {name: lock.digest(root / name) for name in (lock.BASE, lock.CPU)}


def this_machine() -> str:
    """`linux-3.11`; levanta `SetupError` num sistema para o qual não se fazem kits."""
    here = sys.platform, platform.machine().lower()
    if here not in HERE:
        raise SetupError(
            "Há kits para Linux e Windows (processador x86-64) e macOS (Apple); esta máquina é outra."
        )
    return "{}-{}.{}".format(HERE[here], *sys.version_info)


def make(root: Path, folder: Path, targets: list[str]) -> None:
    """Deixa em `folder` um kit para `targets` e para o que já houvesse nele; levanta `SetupError` se não deu.

    O que vier antes de uma falha fica: a chamada seguinte só traz o que falta.
    """
    where, old = sources.read(sys.executable), read(folder)
    if old and old["locks"] == digests(root):
        targets = sorted({*targets, *old["targets"]})
    print(f"Kit para {', '.join(targets)}, em {folder}.", flush=True)
    (root / "artifacts").mkdir(exist_ok=True)
    (folder / "wheels").mkdir(parents=True, exist_ok=True)
    chosen = {}
    with open(root / "artifacts" / "kit.log", "w", encoding="utf-8") as log, Progress() as progress:
        for target in targets:
            progress.show(f"Escolhendo os pacotes para {target}")
            chosen[target] = wheels.choose(root, *target.split("-"), where, log)
        progress.show("Conferindo o que já está na pasta")
        whole = {wheel.path: wheel for found in chosen.values() for wheel in found}
        missing = [wheel for wheel in whole.values() if not wheels.intact(folder / wheel.path, wheel.sha256)]
        progress.clear()
        total, rest = (sum(wheel.size for wheel in group) for group in (whole.values(), missing))
        print(f"Tamanho: {gigabytes(total)}, {len(whole)} arquivos; faltam {gigabytes(rest)}, {len(missing)}.")
        require_space(folder, rest)
        for number, wheel in enumerate(missing, 1):
            progress.show(f"Baixando {number} de {len(missing)}: {wheel.path}")
            wheels.fetch(wheel, folder, where)
    content = {target: {wheel.path: wheel.sha256 for wheel in found} for target, found in chosen.items()}
    files.write_text(folder / MANIFEST, json.dumps({"locks": digests(root), "targets": content}, indent=1))
    print("Kit pronto.")


def main(arguments: list[str] | None = None) -> None:
    """Faz o kit pedido na linha de comando; levanta `SetupError` se ele não ficou pronto."""
    parser = argparse.ArgumentParser(prog="python -m course_utils kit", description=__doc__.splitlines()[0])
    parser.add_argument("folder", metavar="PASTA", help="a pasta do kit: um pendrive, um disco dividido")
    parser.add_argument("--for", dest="systems", nargs="+", choices=SYSTEMS, help="os sistemas (padrão: este)")
    parser.add_argument("--python", dest="versions", nargs="+", choices=PYTHONS, help="os Pythons (padrão: este)")
    asked = parser.parse_args(arguments)
    if asked.systems is None or asked.versions is None:
        system, version = this_machine().split("-")
    targets = [f"{one}-{other}" for one in asked.systems or [system] for other in asked.versions or [version]]
    make(files.ROOT, Path(asked.folder).resolve(), targets)


if __name__ == "__main__":
    main()
