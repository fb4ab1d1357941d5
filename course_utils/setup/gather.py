"""Os arquivos que uma máquina qualquer instalaria, escolhidos pelo uv e baixados pelo pip. Só biblioteca padrão.

O pip decide as condições (`sys_platform != "win32"`) pelo sistema em que roda, mesmo com `--platform`; o uv, pelo
sistema pedido, e ainda diz o endereço, o tamanho e o SHA-256 de cada arquivo (em pylock.toml). Baixar fica com o
pip: os proxies, as senhas e os certificados são os dele.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote, urlsplit
from urllib.request import url2pathname

from course_utils.setup import engines, failures, lock, packages
from course_utils.setup.installer import Progress, SetupError, run_logged
from course_utils.setup.sources import Sources

# Como o uv chama cada sistema.
SYSTEMS = {
    "linux": "x86_64-manylinux_2_28",
    "windows": "x86_64-pc-windows-msvc",
    "macos": "aarch64-apple-darwin",
}
PATCHES = (0, 99)  # há pacotes em duas versões, uma até o 3.11.4 e outra a partir do 3.11.5: vão as duas
MACOS = "14.0"  # o mais antigo em que o PyTorch roda
BATCH_BYTES = 50_000_000  # o que uma interrupção faz perder, salvo num arquivo maior que isto


class Wheel(NamedTuple):
    """Um arquivo a baixar; `size`, em bytes, é 0 se o índice não o diz."""

    package: str
    url: str
    size: int
    sha256: str

    @property
    def path(self) -> str:
        """O lugar dele no kit."""
        return "wheels/" + unquote(urlsplit(self.url).path).rsplit("/", 1)[-1]


def choose(root: Path, system: str, version: str, where: Sources, log) -> list[Wheel]:
    """Tudo o que o Python `version` aceita em `system`, nas versões de requirements.lock; nada é baixado.

    No Linux, o PyTorch sem CUDA, onde puder ser obtido. Levanta `SetupError` se não há tudo para essa máquina, ou
    se um SHA-256 não está nos locks.
    """
    # As mesmas tentativas da preparação: os lugares configurados, o índice do PyTorch, e só então o que traz CUDA.
    attempts = [(True, []), (True, ["--torch-backend", "cpu"])][: 1 if where.offline else 2]
    for cpu, options in [*(attempts if system == "linux" else []), (False, [])]:
        texts = [resolve(root, system, f"{version}.{patch}", cpu, options, where, log) for patch in PATCHES]
        if all(texts):
            break
    else:
        absent = failures.ABSENT.format(what=f"tudo para {system}, Python {version}", log="artifacts/kit.log")
        raise SetupError(failures.network(where) or absent)
    locked = "".join((root / name).read_text(encoding="utf-8") for name in (lock.BASE, lock.CPU))
    found = {}
    for package in (package for text in texts for package in tomllib.loads(text)["packages"]):
        for wheel in package["wheels"]:
            url, sha256 = wheel["url"], wheel["hashes"]["sha256"]
            if sha256 not in locked:
                raise SetupError(failures.HASH.format(what=package["name"]))
            found[sha256] = Wheel(package["name"], url, wheel.get("size") or local_size(url), sha256)
    return list(found.values())


def resolve(root: Path, system: str, version: str, cpu: bool, options: list[str], where: Sources, log) -> str:
    """O pylock.toml do uv; "" se não há como."""
    command = [str(packages.uv_of(Path(sys.prefix))), "pip", "compile", "--quiet", "--no-config", "--no-deps"]
    command += ["--python", sys.executable, "--python-version", version, "--python-platform", SYSTEMS[system]]
    command += ["--only-binary", ":all:", "--format", "pylock.toml", "--no-header", "--no-annotate", *where.uv]
    command += [*options, str(root / lock.BASE)]
    env = where.environment | {"MACOSX_DEPLOYMENT_TARGET": MACOS} | ({"UV_HTTP_RETRIES": "0"} if options else {})
    with tempfile.TemporaryDirectory() as place:
        if cpu:
            excluded = Path(place, "gpu.txt")
            excluded.write_text("\n".join(lock.gpu_only(lock.read(root))) + "\n", encoding="utf-8")
            command += [str(root / lock.CPU), "--excludes", str(excluded)]
        log.flush()
        done = subprocess.run(command, env=env, stdout=subprocess.PIPE, stderr=log, encoding="utf-8", check=False)
    return "" if done.returncode else done.stdout


def local_size(url: str) -> int:
    parts = urlsplit(url)
    return Path(url2pathname(parts.path)).stat().st_size if parts.scheme == "file" else 0


def download(plan: dict[str, list[Wheel]], folder: Path, where: Sources, log, progress: Progress) -> None:
    """Traz a `folder`, conferidos, os arquivos de cada alvo (`linux-3.11`); o que vier antes de uma falha fica."""
    total, done = sum(wheel.size for wheels in plan.values() for wheel in wheels), 0
    for target, wheels in plan.items():
        for batch in batches(wheels):
            size = sum(wheel.size for wheel in batch)
            with engines.scratch(folder / "wheels" / "pip.tmp") as work:

                def tick(_lines, work=work, done=done, size=size):
                    here = min(engines.size_of(work), size)  # o pip copia no fim: não se conta duas vezes
                    progress.show(f"Baixando: {(done + here) / 1e6:.0f} de {total / 1e6:.0f} MB")

                pip(batch, target.split("-")[1], work, where, log, tick)
                for wheel in batch:
                    (work / Path(wheel.path).name).replace(folder / wheel.path)
            done += size


def batches(wheels: list[Wheel]) -> list[list[Wheel]]:
    """Lotes de até `BATCH_BYTES`, nenhum com o mesmo pacote duas vezes: o pip não aceita."""
    found: list[dict[str, Wheel]] = []
    for wheel in sorted(wheels, key=lambda wheel: wheel.size):
        for batch in found:
            if wheel.package not in batch and wheel.size + sum(w.size for w in batch.values()) <= BATCH_BYTES:
                batch[wheel.package] = wheel
                break
        else:
            found.append({wheel.package: wheel})
    return [list(batch.values()) for batch in found]


def pip(batch: list[Wheel], version: str, work: Path, where: Sources, log, tick) -> None:
    lines = [f"{wheel.package} @ {wheel.url} --hash=sha256:{wheel.sha256}\n" for wheel in batch]
    (work / "batch.txt").write_text("".join(lines), encoding="utf-8")
    command = [sys.executable, "-I", "-X", "utf8", "-m", "pip", "download", "--isolated", "--no-input", *where.pip]
    command += ["--disable-pip-version-check", "--progress-bar", "off", "--no-cache-dir", "--no-deps"]
    command += [
        "--only-binary",
        ":all:",
        "--require-hashes",
        "--python-version",
        version,
        "--implementation",
        "cp",
    ]
    command += ["--ignore-requires-python"]  # um pacote dos locks se diz velho demais para estes Pythons, e serve
    # O pip só baixa o que serviria à máquina pedida: dizem-se a ele as etiquetas dos próprios arquivos.
    tags = [wheel.path.removesuffix(".whl").rsplit("-", 2)[1:] for wheel in batch]
    for option, position in (("--abi", 0), ("--platform", 1)):
        for tag in sorted({tag for both in tags for tag in both[position].split(".")}):
            command += [option, tag]
    command += ["--dest", str(work), "-r", str(work / "batch.txt")]
    try:
        run_logged(
            command, log, tick, where.environment | {"TMPDIR": str(work), "TEMP": str(work), "TMP": str(work)}
        )
    except SetupError:
        raise SetupError(failures.explain(where, work, Path(log.name))) from None
