"""O kit: o que uma turma precisa para preparar o ambiente sem internet, numa pasta. Só biblioteca padrão.

`python -m course_utils kit PASTA` baixa uma vez os pacotes de requirements.lock (e o uv), para os sistemas e os
Pythons pedidos, e os motores do navegador; `python -m course_utils --kit PASTA` prepara uma máquina com eles.
O kit.json, escrito no fim, diz o que a pasta tem de conter: por ele se nota uma cópia interrompida ou estragada.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import platform
import shutil
import sys
from pathlib import Path
from typing import NamedTuple

from course_utils.setup import engines, gather, lock, sources
from course_utils.setup.gather import SYSTEMS, Wheel
from course_utils.setup.installer import Progress, SetupError

MANIFEST = "kit.json"
HERE = {("linux", "x86_64"): "linux", ("win32", "amd64"): "windows", ("darwin", "arm64"): "macos"}
PYTHONS = ("3.11", "3.12", "3.13")
ENGINES_BYTES = 70_000_000  # uma estimativa, e se diz que é: o npm não dá o tamanho antes de baixar


class Kit(NamedTuple):
    """Um kit conferido: a pasta dos pacotes do Python e a dos pacotes do npm."""

    wheels: Path
    engines: Path


def open_kit(root: Path, folder: Path) -> Kit:
    """Confere o que esta máquina vai usar de `folder`; levanta `SetupError` se ele não serve ou está estragado."""
    manifest, target = read(folder), this_machine()
    if manifest is None:
        raise SetupError(f"Em {folder} não há um kit do curso, ou a cópia não terminou: copie a pasta de novo.")
    if manifest["locks"] != digests(root):
        raise SetupError(
            f"O kit em {folder} é de outra versão do curso: use o projeto que veio com ele ou refaça-o."
        )
    if target not in manifest["targets"]:
        raise SetupError(
            f"O kit em {folder} serve a {listed(manifest['targets'])}, e esta máquina é {listed([target])}: "
            "use um Python que ele tenha ou complete-o numa máquina com internet."
        )
    files = manifest["files"]
    wanted = [*manifest["targets"][target], *(name for name in files if name.startswith("engines/"))]
    with Progress() as progress:
        progress.show("Conferindo o kit")
        wrong = [name for name in wanted if not intact(folder / name, **files[name])]
    if wrong:
        raise SetupError(
            f"O kit em {folder} está incompleto ou estragado: {wrong[0]} não confere "
            f"({len(wrong)} de {len(wanted)} arquivos). Copie a pasta de novo."
        )
    return Kit(folder / "wheels", folder / "engines")


def read(folder: Path) -> dict | None:
    """O que kit.json diz, ou None se ele falta ou está pela metade."""
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        return {key: dict(manifest[key]) for key in ("locks", "targets", "files")}
    except (OSError, ValueError, LookupError, TypeError):
        return None


def intact(path: Path, size: int, sha256: str) -> bool:
    """O arquivo está lá, inteiro? Um `size` de 0 não se compara."""
    try:
        return (not size or path.stat().st_size == size) and sha256_of(path) == sha256
    except OSError:
        return False


def sha256_of(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digests(root: Path) -> dict[str, str]:
    """O SHA-256 do que fixa as versões."""
    return {name: lock.digest(root / name) for name in (lock.BASE, lock.CPU, engines.LOCK)}


def this_machine() -> str:
    """`linux-3.11`; levanta `SetupError` num sistema para o qual não se fazem kits."""
    here = sys.platform, platform.machine().lower()
    if here not in HERE:
        raise SetupError(
            "Há kits para Linux e Windows (processador x86-64) e macOS (Apple); esta máquina é outra."
        )
    return "{}-{}.{}".format(HERE[here], *sys.version_info)


def listed(targets) -> str:
    """`linux (Python 3.11, 3.12) e windows (Python 3.12)`."""
    versions: dict[str, list[str]] = {}
    for system, version in sorted(target.split("-") for target in targets):
        versions.setdefault(system, []).append(version)
    return " e ".join(f"{system} (Python {', '.join(found)})" for system, found in versions.items())


# ---------------------------------------------------------------- fazer um kit, ou completá-lo


def make(root: Path, folder: Path, targets: list[str]) -> None:
    """Deixa em `folder` um kit para `targets` e para o que já houvesse nele; levanta `SetupError` se não deu."""
    where, old = sources.read(sys.executable), read(folder)
    if old and old["locks"] == digests(root):
        targets = sorted({*targets, *old["targets"]})
    print(f"Kit para {listed(targets)}, em {folder}.", flush=True)
    (root / "artifacts").mkdir(exist_ok=True)
    (folder / "wheels").mkdir(parents=True, exist_ok=True)
    with open(root / "artifacts" / "kit.log", "w", encoding="utf-8") as log, Progress() as progress:
        chosen = {}
        for target in targets:
            progress.show(f"Escolhendo os pacotes para {listed([target])}")
            chosen[target] = gather.choose(root, *target.split("-"), where, log)
        progress.show("Conferindo o que já está na pasta")
        wheels = {wheel.path: wheel for found in chosen.values() for wheel in found}
        missing = {path for path, wheel in wheels.items() if not intact(folder / path, wheel.size, wheel.sha256)}
        progress.clear()
        rest = ENGINES_BYTES if engines.absent(root, folder / "engines") else 0
        say_sizes(chosen, wheels, missing, rest)
        check_disk(folder, [wheels[path].size for path in missing], rest)
        engines.download(root, folder / "engines", Path(sys.executable), progress)
        gather.download(plan(chosen, missing), folder, where, log, progress)
        progress.show("Conferindo o kit")
        files = seal(root, folder, chosen, wheels)
    for name in set(old["files"] if old else ()) - set(files):  # só se apaga o que um kit anterior trouxe
        (folder / name).unlink(missing_ok=True)
    print(f"Kit pronto: {len(files)} arquivos, {megabytes(file['size'] for file in files.values())}.")


def seal(root: Path, folder: Path, chosen: dict[str, list[Wheel]], wheels: dict[str, Wheel]) -> dict[str, dict]:
    """Relê tudo do disco e escreve kit.json, de uma vez só; devolve o tamanho e o SHA-256 de cada arquivo."""
    files = {}
    for name in [*wheels, *(f"engines/{engines.archive(*pin)}" for pin in engines.packages(root).items())]:
        files[name] = {"size": (folder / name).stat().st_size, "sha256": sha256_of(folder / name)}
        if name in wheels and files[name]["sha256"] != wheels[name].sha256:
            raise SetupError(f"{name} se estragou ao ser gravado em {folder}: confira o disco e rode de novo.")
    targets = {target: sorted(wheel.path for wheel in found) for target, found in chosen.items()}
    content = {"locks": digests(root), "targets": targets, "files": files}
    temporary = folder / (MANIFEST + ".tmp")
    temporary.write_text(json.dumps(content, indent=1), encoding="utf-8")
    temporary.replace(folder / MANIFEST)
    return files


def plan(chosen: dict[str, list[Wheel]], missing: set[str]) -> dict[str, list[Wheel]]:
    """O que baixar para cada alvo; o que serve a vários vem uma vez só."""
    waiting, found = set(missing), {}
    for target, wheels in chosen.items():
        found[target] = [wheel for wheel in wheels if wheel.path in waiting]
        waiting -= {wheel.path for wheel in wheels}
    return found


def say_sizes(chosen: dict[str, list[Wheel]], wheels: dict[str, Wheel], missing: set[str], npm: int) -> None:
    """O que se vai baixar, antes de baixar."""
    rest = [wheels[path] for path in missing]
    print(
        f"Pacotes do Python: {megabytes(wheel.size for wheel in wheels.values())} em {len(wheels)} arquivos; "
        f"faltam {megabytes(wheel.size for wheel in rest)} em {len(rest)}."
    )
    silent = sum(not wheel.size for wheel in rest)
    if silent:
        print(f"O índice não diz o tamanho de {silent} deles, que fica fora da conta.")
    if npm:
        print(f"Faltam também os motores do navegador: cerca de {megabytes([npm])} (uma estimativa).")
    sys.stdout.flush()
    for target, found in chosen.items():
        gpu = lock.gpu_only({wheel.package for wheel in found})
        cuda = [wheel.size for wheel in found if wheel.package in gpu]
        if cuda:
            print(f"Para {listed([target])} só há o PyTorch com CUDA: {megabytes(cuda)} que a aula não usa.")


def check_disk(folder: Path, sizes: list[int], npm: int) -> None:
    # O maior arquivo conta duas vezes: o pip o baixa e depois o copia.
    needed, free = sum(sizes) + max(sizes, default=0) + npm, shutil.disk_usage(folder).free
    if free < needed:
        raise SetupError(f"Falta espaço em {folder}: o kit pede {megabytes([needed])} e há {megabytes([free])}.")


def megabytes(sizes) -> str:
    return f"{sum(sizes) / 1e6:.0f} MB"


def main(arguments: list[str] | None = None) -> int:
    """Devolve 0, ou 1 e uma frase se o kit não ficou pronto."""
    parser = argparse.ArgumentParser(prog="python -m course_utils kit", description=__doc__.splitlines()[0])
    parser.add_argument("folder", metavar="PASTA", help="a pasta do kit: um pendrive, um disco dividido")
    parser.add_argument("--for", dest="systems", nargs="+", choices=SYSTEMS, help="os sistemas (padrão: este)")
    parser.add_argument("--python", dest="versions", nargs="+", choices=PYTHONS, help="os Pythons (padrão: este)")
    asked = parser.parse_args(arguments)
    root = Path(__file__).resolve().parents[2]
    try:
        if asked.systems is None or asked.versions is None:
            system, version = this_machine().split("-")
        targets = [f"{one}-{other}" for one in asked.systems or [system] for other in asked.versions or [version]]
        make(root, Path(asked.folder).resolve(), targets)
    except SetupError as problem:
        print(problem, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
