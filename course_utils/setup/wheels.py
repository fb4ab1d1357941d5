"""Os pacotes que uma máquina qualquer instalaria: o uv os escolhe para o kit, e eles se baixam um a um.

O pip decide as condições (`sys_platform != "win32"`) pelo sistema em que roda, mesmo com `--platform`; o uv, pelo
sistema pedido, e ainda diz o endereço, o tamanho e o SHA-256 de cada arquivo (em pylock.toml).
"""

from __future__ import annotations

import http.client
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote, urlsplit
from urllib.request import url2pathname

from course_utils import files
from course_utils.setup import failures, lock, packages
from course_utils.setup.progress import SetupError
from course_utils.setup.sources import Sources

# Como o uv chama cada sistema.
SYSTEMS = {
    "linux": "x86_64-manylinux_2_28",
    "windows": "x86_64-pc-windows-msvc",
    "macos": "aarch64-apple-darwin",
}
PATCHES = (0, 99)  # há pacotes em duas versões, uma até o 3.11.4 e outra a partir do 3.11.5: vão as duas
MACOS = "14.0"  # o mais antigo em que o PyTorch roda
PIECE_BYTES = 1 << 20
CORRUPT = "{} não confere com a sua impressão digital: o download se corrompeu; rode de novo."
ABSENT = (
    "O índice de pacotes não tem tudo para {}, Python {}: confira os índices configurados no pip "
    "(`python -m pip config list`); os nomes estão em artifacts/kit.log."
)


class Wheel(NamedTuple):
    """`path`: o lugar dele no kit; `size`, em bytes: 0 se não se sabe."""

    path: str
    url: str
    sha256: str
    size: int


def choose(root: Path, system: str, version: str, where: Sources, log) -> list[Wheel]:
    """Tudo o que o Python `version` aceita em `system`, nas versões de requirements.lock; nada é baixado.

    No Linux, o PyTorch sem CUDA, onde puder ser obtido. Levanta `SetupError` se não há tudo para essa máquina, ou
    se um SHA-256 não está nos locks.
    """
    cpu_places = packages.torch_places(where) if system == "linux" else []
    for options in [*cpu_places, None]:  # por último, o PyTorch que traz CUDA
        texts = [resolve(root, system, f"{version}.{patch}", options, where, log) for patch in PATCHES]
        if all(texts):
            break
    else:
        raise SetupError(failures.network(where) or ABSENT.format(system, version))
    locked = "".join((root / name).read_text(encoding="utf-8") for name in (lock.BASE, lock.CPU))
    found = {}
    for package in (package for text in texts for package in tomllib.loads(text)["packages"]):
        for wheel in package["wheels"]:
            url, sha256 = wheel["url"], wheel["hashes"]["sha256"]
            if sha256 not in locked:
                raise SetupError(failures.HASH.format(what=package["name"]))
            name = unquote(urlsplit(url).path).rsplit("/", 1)[-1]
            found[sha256] = Wheel(f"wheels/{name}", url, sha256, wheel.get("size") or local_size(url))
    return list(found.values())


def resolve(root: Path, system: str, version: str, cpu: list[str] | None, where: Sources, log) -> str:
    """O pylock.toml do uv; "" se não há como. `cpu`: as opções que acham o PyTorch sem CUDA; None, o outro."""
    command = [str(packages.uv_of(Path(sys.prefix))), "pip", "compile", "--quiet", "--no-config", "--no-deps"]
    command += ["--python", sys.executable, "--python-version", version, "--python-platform", SYSTEMS[system]]
    command += ["--only-binary", ":all:", "--format", "pylock.toml", "--no-header", "--no-annotate", *where.uv]
    env = where.environment | {"MACOSX_DEPLOYMENT_TARGET": MACOS} | ({"UV_HTTP_RETRIES": "0"} if cpu else {})
    with tempfile.TemporaryDirectory() as place:
        if cpu is not None:
            command += [*cpu, str(root / lock.CPU), *packages.without_cuda(root, place)]
        log.flush()
        done = subprocess.run(
            [*command, str(root / lock.BASE)], env=env, stdout=subprocess.PIPE, stderr=log, encoding="utf-8",
            check=False,
        )  # fmt: skip
    return "" if done.returncode else done.stdout


def local_size(url: str) -> int:
    parts = urlsplit(url)
    return Path(url2pathname(parts.path)).stat().st_size if parts.scheme == "file" else 0


def intact(path: Path, sha256: str) -> bool:
    """O arquivo está lá, inteiro, e é o que se espera?"""
    return path.is_file() and files.sha256(path) == sha256


def fetch(wheel: Wheel, folder: Path, where: Sources) -> None:
    """Baixa `wheel` para a pasta do kit, conferido; levanta `SetupError`, ou o `OSError` do disco."""
    try:
        with files.draft(folder / wheel.path) as part:
            with failures.open_url(wheel.url, where) as answer, open(part, "wb") as file:
                shutil.copyfileobj(answer, file, PIECE_BYTES)
            if not intact(part, wheel.sha256):
                raise SetupError(CORRUPT.format(wheel.path))
    except (OSError, http.client.HTTPException) as error:
        if getattr(error, "errno", None) in files.REASONS:
            raise
        raise SetupError(failures.sentence(error, wheel.url)) from None
