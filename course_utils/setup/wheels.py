"""Os pacotes que uma máquina qualquer instalaria, escolhidos pelo uv para o kit. Só biblioteca padrão.

O pip decide as condições (`sys_platform != "win32"`) pelo sistema em que roda, mesmo com `--platform`; o uv, pelo
sistema pedido, e ainda diz o endereço, o tamanho e o SHA-256 de cada arquivo (em pylock.toml).
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path
from urllib.parse import unquote, urlsplit
from urllib.request import url2pathname

from course_utils.setup import failures, lock, network, packages
from course_utils.setup.downloads import File
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
ABSENT = (
    "O índice de pacotes não tem tudo para {}, Python {}: confira os índices configurados no pip "
    "(`python -m pip config list`); os nomes estão em artifacts/kit.log."
)


def choose(root: Path, system: str, version: str, where: Sources, log) -> list[File]:
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
        raise SetupError(network.explain(where) or ABSENT.format(system, version))
    locked = "".join((root / name).read_text(encoding="utf-8") for name in (lock.BASE, lock.CPU))
    found = {}
    for package in (package for text in texts for package in tomllib.loads(text)["packages"]):
        for wheel in package["wheels"]:
            url, sha256 = wheel["url"], wheel["hashes"]["sha256"]
            if sha256 not in locked:
                raise SetupError(failures.HASH.format(what=package["name"]))
            name = unquote(urlsplit(url).path).rsplit("/", 1)[-1]
            found[sha256] = File(f"wheels/{name}", url, f"sha256:{sha256}", wheel.get("size") or local_size(url))
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
