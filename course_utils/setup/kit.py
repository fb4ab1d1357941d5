"""O kit: o que uma turma precisa para preparar o ambiente sem internet, numa pasta.

`python -m course_utils kit PASTA` baixa uma vez os pacotes de requirements.lock (e o uv), para os sistemas e os
Pythons pedidos; `python -m course_utils --kit PASTA` prepara uma máquina com eles.
O kit.json, escrito no fim, diz o que a pasta tem de conter: por ele se nota uma cópia interrompida ou estragada.
"""

from __future__ import annotations

import argparse
import http.client
import json
import platform
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from urllib.parse import unquote, urlsplit

from course_utils import files
from course_utils.setup import failures, lock, sources
from course_utils.setup.failures import SetupError, gigabytes, require_space
from course_utils.setup.packages import WITHOUT_CUDA, Environment, torch_places

MANIFEST = "kit.json"
HERE = {"win32": "windows", "darwin": "macos"}.get(sys.platform, sys.platform)
SYSTEMS = {  # como o uv chama cada um
    "linux": "x86_64-manylinux_2_28",
    "windows": "x86_64-pc-windows-msvc",
    "macos": "aarch64-apple-darwin",
}
PROCESSORS = {"linux": "x86_64", "macos": "arm64"}  # no Windows, um Python x86-64 roda também num ARM
PYTHONS = ("3.11", "3.12", "3.13")
PATCHES = (0, 99)  # há pacotes em duas versões, uma até o 3.11.4 e outra a partir do 3.11.5: vão as duas
MACOS = "14.0"  # o mais antigo em que o PyTorch roda
NO_GOOD = (
    "O kit em {} não serve ({}): copie a pasta de novo ou, numa máquina com internet, refaça-o com este projeto."
)
ABSENT = (
    "O índice de pacotes não tem tudo para {}, Python {}: confira os índices configurados no pip "
    "(`python -m pip config list`); os nomes estão em artifacts/kit.log."
)


def open_kit(root: str | Path, folder: str | Path) -> Path:
    """Confere o que esta máquina vai usar de `folder`, e a devolve; levanta `SetupError` se o kit não serve."""
    folder = Path(folder)
    manifest, target, problem = read(folder), this_machine(), None
    if manifest is None:
        problem = f"falta o {MANIFEST}"
    elif manifest["locks"] != digests(Path(root)):
        problem = "é de outra versão do curso"
    elif target not in manifest["targets"]:
        problem = f"é para {', '.join(manifest['targets'])}, e esta máquina é {target}"
    elif platform.machine() != PROCESSORS.get(HERE, platform.machine()):
        problem = f"é para processadores {PROCESSORS[HERE]}, e o desta máquina é {platform.machine()}"
    else:
        print("Conferindo o kit", flush=True)
        wanted = manifest["targets"][target].items()
        problem = next((f"{name} não confere" for name, sha in wanted if not intact(folder / name, sha)), None)
    if problem:
        raise SetupError(NO_GOOD.format(folder, problem))
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
    """Como um kit a chama: `linux-3.11`."""
    return "{}-{}.{}".format(HERE, *sys.version_info)


def intact(path: Path, sha256: str) -> bool:
    """O arquivo está lá, inteiro, e é o que se espera?"""
    return path.is_file() and files.sha256(path) == sha256


def make(root: Path, folder: Path, targets: list[str]) -> None:
    """Deixa em `folder` um kit para `targets` e para o que já houvesse nele; levanta `SetupError` se não deu.

    O que vier antes de uma falha fica: a chamada seguinte só traz o que falta.
    """
    env, old = sources.read(sys.executable), read(folder)
    if old and old["locks"] == digests(root):
        targets = sorted({*targets, *old["targets"]})
    print(f"Kit para {', '.join(targets)}, em {folder}.", flush=True)
    for place in (root / "artifacts", folder / "wheels"):
        place.mkdir(parents=True, exist_ok=True)
    chosen = {target: choose(root, *target.split("-"), env) for target in targets}
    whole = {path: wheel for found in chosen.values() for path, wheel in found.items()}
    missing = {path: wheel for path, wheel in whole.items() if not intact(folder / path, wheel["sha256"])}
    total, rest = (sum(wheel["size"] for wheel in group.values()) for group in (whole, missing))
    print(f"Tamanho: {gigabytes(total)}, {len(whole)} arquivos; faltam {gigabytes(rest)}, {len(missing)}.")
    require_space(folder, rest)
    for number, (path, wheel) in enumerate(missing.items(), 1):
        print(f"Baixando {number} de {len(missing)}: {path}", flush=True)
        fetch(wheel["url"], wheel["sha256"], folder / path, env)
    sums = {target: {path: wheel["sha256"] for path, wheel in found.items()} for target, found in chosen.items()}
    files.write_text(folder / MANIFEST, json.dumps({"locks": digests(root), "targets": sums}, indent=1))
    print("Kit pronto.")


def choose(root: Path, system: str, version: str, env: dict[str, str]) -> dict[str, dict]:
    """`{"wheels/x.whl": {"url", "sha256", "size": bytes}}`: o que o Python `version` instala em `system`.

    No Linux, o PyTorch sem CUDA, onde puder ser obtido. Levanta `SetupError` se não há tudo para essa máquina, ou
    se um SHA-256 não está nos locks.
    """
    places = [*torch_places(env), None] if system == "linux" else [None]  # None: o PyTorch que traz CUDA
    for torch in places:
        texts = [resolve(root, system, f"{version}.{patch}", torch, env) for patch in PATCHES]
        if all(texts):
            break
    else:
        raise SetupError(failures.network(env) or ABSENT.format(system, version))
    locked = "".join((root / name).read_text(encoding="utf-8") for name in (lock.BASE, lock.CPU))
    found = {}
    for package in [package for text in texts for package in tomllib.loads(text)["packages"]]:
        for wheel in package["wheels"]:
            url, sha256 = wheel["url"], wheel["hashes"]["sha256"]
            if sha256 not in locked:
                raise SetupError(failures.HASH.format(package["name"]))
            name = unquote(urlsplit(url).path).rsplit("/", 1)[-1]
            found[f"wheels/{name}"] = {"url": url, "sha256": sha256, "size": wheel.get("size", 0)}
    return found


def resolve(root: Path, system: str, version: str, torch: list[str] | None, env: dict[str, str]) -> str:
    """O pylock.toml do uv; "" se não há como. `torch`: as opções que acham o PyTorch sem CUDA; None, o outro.

    O pip decide as condições (`sys_platform != "win32"`) pelo sistema em que roda; o uv, pelo que se pede.
    """
    uv = Environment(root, Path(sys.prefix)).program("uv")
    command = [uv, "pip", "compile", "--quiet", "--no-deps", "--only-binary", ":all:", *sources.no_index(env)]
    command += ["--python", sys.executable, "--python-version", version, "--python-platform", SYSTEMS[system]]
    command += ["--format", "pylock.toml", "--no-header", "--no-annotate", root / lock.BASE]
    env = env | {"MACOSX_DEPLOYMENT_TARGET": MACOS}
    if torch is not None:
        command += [*torch, root / lock.CPU, *WITHOUT_CUDA]
    with open(root / "artifacts" / "kit.log", "wb") as log:
        done = subprocess.run([*map(str, command)], env=env, stdout=subprocess.PIPE, stderr=log, check=False)
    return "" if done.returncode else done.stdout.decode()


def fetch(url: str, sha256: str, path: Path, env: dict[str, str]) -> None:
    """Baixa `url` para `path`, conferido; levanta `SetupError`, ou o `OSError` do disco."""
    try:
        with files.draft(path) as part:
            with failures.open_url(url, env) as answer, open(part, "wb") as file:
                shutil.copyfileobj(answer, file)
            if not intact(part, sha256):
                raise SetupError(failures.HASH.format(path.name))
    except (OSError, http.client.HTTPException) as error:
        if getattr(error, "errno", None) in files.REASONS:
            raise
        raise SetupError(failures.sentence(error, url)) from None


def main(arguments: list[str] | None = None) -> None:
    """Faz o kit pedido na linha de comando; levanta `SetupError` se ele não ficou pronto."""
    parser = argparse.ArgumentParser(prog="python -m course_utils kit", description=__doc__.splitlines()[0])
    parser.add_argument("folder", metavar="PASTA", help="a pasta do kit: um pendrive, um disco compartilhado")
    system, version = this_machine().split("-")
    parser.add_argument("--for", dest="systems", nargs="+", choices=SYSTEMS, default=[system],
                        help="os sistemas (padrão: este)")  # fmt: skip
    parser.add_argument("--python", dest="versions", nargs="+", choices=PYTHONS, default=[version],
                        help="os Pythons (padrão: este)")  # fmt: skip
    asked = parser.parse_args(arguments)
    targets = [f"{system}-{version}" for system in asked.systems for version in asked.versions]
    make(files.ROOT, Path(asked.folder).resolve(), targets)


if __name__ == "__main__":
    main()
