"""Instala num ambiente o que os locks fixam: o pip traz o uv, com a impressão digital conferida; o uv, o resto."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from course_utils.setup import failures, lock
from course_utils.setup.progress import Progress, SetupError, run
from course_utils.setup.sources import Sources

# Importados de verdade no fim, em dois processos ao mesmo tempo: instalado não quer dizer que funcione.
PROBED = (
    ("tensorflow", "keras"),
    ("torch", "onnxruntime", "ai-edge-litert", "jupyterlab", "fastapi", "flask", "ray", "xllamacpp"),
)
PROBE = "import importlib, sys\nfor name in sys.argv[1:]: importlib.import_module(name.replace('-', '_'))"
CANNOT_IMPORT = (
    "Os pacotes foram instalados, mas não funcionam: o porquê está em artifacts/setup.log; depois de resolver, "
    "rode de novo."
)
PIP = ("-I", "-X", "utf8", "-m", "pip", "install", "--isolated", "--disable-pip-version-check", "--no-input")
LOCKED = ("--no-deps", "--require-hashes", "--only-binary", ":all:")  # só o que o lock diz, já compilado


def uv_of(prefix: Path) -> Path:
    """O uv do ambiente da pasta `prefix`."""
    return prefix / ("Scripts/uv.exe" if os.name == "nt" else "bin/uv")


def uv_install(prefix: Path, python: Path, *options) -> list[str]:
    """O comando com que o uv instala em `python`, sem ler as configurações de ninguém."""
    return [str(uv_of(prefix)), "pip", "install", "--python", str(python), "--no-config", *LOCKED, *options]


def whole(root: Path, prefix: Path, python: Path, locks: list[str], cpu: bool) -> bool:
    """Está tudo o que os `locks` fixam, nas versões certas? O uv confere, sem rede e sem mexer em nada."""
    try:
        with selection(root, locks, cpu) as wanted:
            command = uv_install(prefix, python, "--quiet", "--no-cache", "--offline", "--check", *wanted)
            done = subprocess.run(command, env=Sources().environment, capture_output=True, check=False)
    except OSError:
        return False
    return done.returncode == 0


@contextlib.contextmanager
def selection(root: Path, locks: list[str], cpu: bool):
    """As opções do uv que dizem o que instalar: os `locks`; com `cpu`, o PyTorch sem CUDA no lugar do outro."""
    options = []
    for name in [*locks, *([lock.CPU] if cpu else [])]:
        options += ["--requirements", str(root / name)]
    with tempfile.TemporaryDirectory() as place:
        yield options + (without_cuda(root, place) if cpu else [])


def without_cuda(root: Path, place: str) -> list[str]:
    """A opção do uv que deixa de fora o que só o PyTorch com CUDA usa; escreve em `place` a lista que ela pede."""
    excluded = Path(place, "gpu.txt")
    excluded.write_text("\n".join(lock.gpu_only(lock.read(root))) + "\n", encoding="utf-8")
    return ["--excludes", str(excluded)]


def install(
    root: Path, prefix: Path, python: Path, locks: list[str], where: Sources, log, progress: Progress
) -> bool:
    """Deixa em `prefix` tudo o que os `locks` fixam; verdadeiro se o PyTorch é o sem CUDA.

    Levanta `SetupError`, com o fato que explica a falha.
    """
    forget_half_installed(prefix)
    progress.show("1/3 Trazendo o instalador (uv)")
    bring_uv(root, prefix, python, where, log)
    progress.show("2/3 Instalando os pacotes de requirements.lock")
    torch = torch_options(root, prefix, python, where, log)
    with selection(root, locks, torch is not None) as wanted:
        progress.clear()
        run_uv(uv_install(prefix, python, *where.uv, *(torch or []), *wanted), prefix, where, log)
    return torch is not None


def bring_uv(root: Path, prefix: Path, python: Path, where: Sources, log) -> None:
    """O pip instala o uv fixado no lock, e nenhum outro: as impressões digitais têm de conferir."""
    pin = lock.read(root)["uv"]
    whole = pin.split()[0].replace("==", "-") + ".dist-info"
    if uv_of(prefix).exists() and whole in [info.name for info in installed(prefix)]:
        return
    requirement = prefix / "uv.txt"
    requirement.write_text(pin, encoding="utf-8")
    command = [python, *PIP, *LOCKED, "--force-reinstall", *where.pip, "-r", requirement]
    failed = run(command, log, where.environment)
    requirement.unlink(missing_ok=True)
    if failed:
        raise SetupError(failures.explain(where, prefix, log))


def torch_options(root: Path, prefix: Path, python: Path, where: Sources, log) -> list[str] | None:
    """As opções do uv com que se obtém o PyTorch sem CUDA (no Linux); None se ele não é preciso ou não se acha.

    Procura-se nos lugares configurados e, depois, no índice do próprio PyTorch, que o uv conhece.
    """
    if sys.platform != "linux" or not (root / lock.CPU).exists():
        return None
    env = {**where.environment, "UV_HTTP_RETRIES": "0", "UV_HTTP_TIMEOUT": "8"}
    command = uv_install(prefix, python, "--quiet", "--dry-run", "-r", str(root / lock.CPU), *where.uv)
    found = (options for options in torch_places(where) if run([*command, *options], log, env) == 0)
    return next(found, None)


def torch_places(where: Sources) -> list[list[str]]:
    """As opções do uv de cada lugar em que se procura o PyTorch sem CUDA, em ordem."""
    return [[], *([] if where.offline else [["--torch-backend", "cpu"]])]


def run_uv(command: list[str], prefix: Path, where: Sources, log) -> None:
    """Roda o uv: num terminal, o andamento que se vê é o dele; fora de um, tudo vai para o log."""
    shown = sys.stderr.isatty()
    done = run(command, log, where.environment, sys.stderr if shown else log)
    if done and shown:  # o terminal viu o que houve, mas o log não: uma segunda vez, que também pode dar certo
        done = run(command, log, where.environment)
    if done:
        raise SetupError(failures.explain(where, prefix, log))


def try_imports(root: Path, prefix: Path, python: Path, locks: list[str], log) -> None:
    """Importa de verdade, no Python do ambiente, os pacotes principais que os `locks` trazem."""
    present = {name for one in locks for name in lock.read(root, one)}
    log.flush()
    running = [
        subprocess.Popen([str(python), "-I", "-X", "utf8", "-c", PROBE, *names], stdout=log, stderr=log)
        for group in PROBED
        if (names := [name for name in group if name in present])
    ]
    codes = [process.wait() for process in running]  # espera todos
    if any(codes):
        raise SetupError(failures.disk(prefix) or CANNOT_IMPORT)


def installed(prefix: Path) -> list[Path]:
    """As pastas `pacote-versão.dist-info` do ambiente, em ordem."""
    places = ("lib/python3*/site-packages", "Lib/site-packages")
    return sorted(info for place in places for info in prefix.glob(f"{place}/*.dist-info"))


def forget_half_installed(prefix: Path) -> None:
    """O RECORD é o último arquivo de uma instalação: sem ele o pacote ficou pela metade, e passaria por pronto."""
    for info in installed(prefix):
        if not (info / "RECORD").exists():
            shutil.rmtree(info, ignore_errors=True)
