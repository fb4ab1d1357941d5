"""Instala num ambiente o que os locks fixam: o pip traz o uv, com a impressão digital conferida; o uv, o resto."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from course_utils.processes import BOUND
from course_utils.setup import failures, lock, sources
from course_utils.setup.failures import SetupError

# Importados de verdade no fim, como num notebook do curso: instalado não quer dizer que funcione.
PROBED = (
    "tensorflow", "keras", "torch", "onnxruntime", "ai-edge-litert", "jupyterlab", "fastapi", "flask", "ray",
    "xllamacpp",
)  # fmt: skip
PROBE = """
import importlib, sys
sys.path.append(sys.argv[1])
for name in ["course_utils", *sys.argv[2:]]:
    importlib.import_module(name.replace("-", "_"))
"""
PIP = ("-I", "-X", "utf8", "-m", "pip", "install", "--disable-pip-version-check", "--no-input")
LOCKED = ("--no-deps", "--require-hashes", "--only-binary", ":all:")  # só o que o lock diz, já compilado
WITHOUT_CUDA = ("--excludes", lock.ONLY_CUDA)  # o que só o PyTorch com CUDA usa


@dataclass(frozen=True)
class Environment:
    """O ambiente Python da pasta `prefix`, com o que fixam os locks do projeto `root`."""

    root: Path
    prefix: Path

    def program(self, name: str) -> Path:
        return self.prefix / (f"Scripts/{name}.exe" if os.name == "nt" else f"bin/{name}")

    @property
    def log(self) -> Path:
        return self.root / "artifacts" / "setup.log"

    @property
    def installed(self) -> list[Path]:
        """As pastas `pacote-versão.dist-info`."""
        places = ("lib/python3*/site-packages", "Lib/site-packages")
        return [info for place in places for info in self.prefix.glob(f"{place}/*.dist-info")]

    @property
    def half_installed(self) -> list[Path]:
        """As de pacotes que ficaram pela metade: o RECORD é o último arquivo de uma instalação."""
        return [info for info in self.installed if not (info / "RECORD").exists()]

    def run(self, command, env: dict[str, str], errors=None) -> int:
        """Roda `command` com a saída no log, e os erros em `errors` (padrão: o log); devolve o código de saída."""
        options = {"env": env, "stdin": subprocess.DEVNULL, "check": False, **BOUND}
        with open(self.log, "ab") as log:
            try:
                return subprocess.run([*map(str, command)], stdout=log, stderr=errors or log, **options).returncode
            except PermissionError:  # o programa está lá, e o disco não o deixa rodar
                raise SetupError(failures.BAD_DISK) from None

    def uv(self, env: dict[str, str], *options) -> list:
        """O comando com que o uv instala aqui."""
        command = [self.program("uv"), "pip", "install", "--python", self.program("python")]
        return [*command, *LOCKED, *sources.no_index(env), *options]

    def whole(self, locks: list[str]) -> bool:
        """Está tudo o que os `locks` fixam, nas versões certas? O uv confere, sem rede e sem mexer em nada."""
        cpu = any(info.name.startswith("torch-") and "+cpu" in info.name for info in self.installed)
        env = sources.environment()
        command = self.uv(env, "--quiet", "--no-cache", "--offline", "--check", *self.selection(locks, cpu))
        return succeeds(command, env) and not self.half_installed

    def selection(self, locks: list[str], cpu: bool) -> list:
        """As opções do uv que dizem o que instalar; com `cpu`, o PyTorch sem CUDA no lugar do outro."""
        names = [*locks, lock.CPU] if cpu else locks
        return [f"--requirements={self.root / name}" for name in names] + [*(WITHOUT_CUDA if cpu else ())]

    def install(self, locks: list[str], env: dict[str, str]) -> None:
        """Deixa em `prefix` o que os `locks` fixam; levanta `SetupError`, com o fato que explica a falha."""
        for info in self.half_installed:  # senão passariam por prontos
            shutil.rmtree(info, ignore_errors=True)
        print("2/3 Instalando os pacotes de requirements.lock", flush=True)
        self.bring_uv(env)
        torch = self.torch_options(env)
        command = self.uv(env, *(torch or []), *self.selection(locks, torch is not None))
        # Num terminal, o andamento que se vê é o do uv; se ele falha, roda de novo para o log, e pode dar certo.
        shown = sys.stderr.isatty() and self.run(command, env, sys.stderr) == 0
        if not shown and self.run(command, env):
            raise SetupError(failures.explain(env, self.prefix, self.log))

    def bring_uv(self, env: dict[str, str]) -> None:
        """O pip instala o uv fixado no lock, e nenhum outro."""
        pin = lock.read(self.root)["uv"]
        info = pin.split()[0].replace("==", "-") + ".dist-info"
        if self.program("uv").exists() and info in [path.name for path in self.installed]:
            return
        requirement = self.log.with_name("uv.txt")
        requirement.write_text(pin, encoding="utf-8")
        if self.run([self.program("python"), *PIP, *LOCKED, "--force-reinstall", "-r", requirement], env):
            raise SetupError(failures.explain(env, self.prefix, self.log))

    def torch_options(self, env: dict[str, str]) -> list[str] | None:
        """As opções do uv que acham o PyTorch sem CUDA (no Linux); None se ele não é preciso ou não se acha."""
        if sys.platform != "linux" or not (self.root / lock.CPU).exists():
            return None
        quick = env | {"UV_HTTP_RETRIES": "0", "UV_HTTP_TIMEOUT": "8"}
        command = self.uv(env, "--quiet", "--dry-run", f"--requirements={self.root / lock.CPU}")
        return next((found for found in torch_places(env) if self.run([*command, *found], quick) == 0), None)

    def try_imports(self, locks: list[str]) -> None:
        """Importa os pacotes principais que os `locks` trazem; levanta `SetupError` se um não funciona."""
        present = {name for one in locks for name in lock.read(self.root, one)}
        names = [name for name in PROBED if name in present]
        if self.run(
            [self.program("python"), "-I", "-X", "utf8", "-c", PROBE, self.root, *names], dict(os.environ)
        ):
            raise SetupError(failures.disk(self.prefix) or failures.UNKNOWN)


def succeeds(command, env: dict[str, str] | None = None) -> bool:
    """O comando existe, roda e termina bem? Nada do que ele diz aparece."""
    try:
        return subprocess.run([*map(str, command)], env=env, capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def torch_places(env: dict[str, str]) -> list[list[str]]:
    """As opções do uv de onde se procura o PyTorch sem CUDA: os lugares configurados; depois, o índice dele."""
    return [[]] if sources.no_index(env) else [[], ["--torch-backend", "cpu"]]
