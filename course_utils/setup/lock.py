"""O requirements.lock: o que a preparação lê nele, e o comando que o refaz (CONTRIBUTING.md, "Trocar versões").

No Linux há dois PyTorch: o que traz vários GB de CUDA está em requirements.lock; o que só usa o processador
(`+cpu`), em requirements-cpu.lock, e é o preferido. As impressões deste vêm do índice do PyTorch; se ele não
responde, ficam as que já se tinha (as de hoje: a do Python 3.11 x86-64 foi conferida no próprio arquivo; as outras
cinco, em duas cópias públicas da lista).
"""

from __future__ import annotations

import argparse
import hashlib
import re
import subprocess
import sys
from pathlib import Path

from course_utils import files
from course_utils.setup import sources

BASE, CPU = "requirements.lock", "requirements-cpu.lock"
EXTRAS = {"ray": "requirements-ray.lock", "llm": "requirements-llm.lock"}  # nome do extra: o lock dele
ONLY_CUDA = Path(__file__).with_name("only_cuda.txt")  # o que no lock só o PyTorch com CUDA usa: um nome por linha
UNUSED = Path(__file__).with_name("unused.txt")  # o que um pacote pede e o curso não usa
OLDEST_PYTHON = "3.11"
HEADER = "# Feito por `python -m course_utils.setup.lock`"


def entries(text: str) -> dict[str, str]:
    """`{"numpy": "numpy==2.4.6 …--hash=…"}` do texto de um lock; duas entradas do mesmo nome se somam."""
    found: dict[str, str] = {}
    for block in re.split(r"^(?=[a-z0-9])", text, flags=re.M)[1:]:
        name = re.match(r"[a-z0-9-]+", block)[0]
        found[name] = found.get(name, "") + block
    return found


def read(root: Path, name: str = BASE) -> dict[str, str]:
    return entries((Path(root) / name).read_text(encoding="utf-8"))


def digest(path: Path) -> str:
    """SHA-256 do texto (o mesmo com qualquer fim de linha)."""
    return hashlib.sha256(path.read_text(encoding="utf-8").encode()).hexdigest()


def compile_lock(root: Path, name: str, *options: str) -> None:
    """Refaz o lock `name` de `root` a partir do .txt de mesmo nome; levanta CalledProcessError se não dá."""
    source = name.replace(".lock", ".txt")
    header = f"{HEADER} a partir de {source}: não o edite.\n# SHA-256 de {source}: {digest(root / source)}\n"
    run_compile(root, name, header, source, "--excludes", str(UNUSED), *options)


def compile_cpu(root: Path) -> None:
    """Refaz requirements-cpu.lock; levanta CalledProcessError se o índice do PyTorch não responde."""
    version = re.search(r"^torch==([\w.]+)", (root / "requirements.txt").read_text(encoding="utf-8"), re.M)[1]
    wanted = f"torch=={version}+cpu ; sys_platform == 'linux'\n"
    run_compile(
        root, CPU, f"{HEADER}.\n", "-", "--no-deps", "--no-annotate", "--torch-backend", "cpu", said=wanted
    )


def run_compile(root: Path, name: str, header: str, *arguments: str, said: str | None = None) -> None:
    """Escreve no lock `name` de `root` `header` e o que o uv resolve com `arguments` (`said`: a entrada dele)."""
    env = sources.read(sys.executable)
    for extra in ("UV_INDEX", "UV_FIND_LINKS"):  # um índice ou uma pasta a mais pode só ter parte dos arquivos
        env.pop(extra, None)
    command = [sys.executable, "-m", "uv", "pip", "compile", "--quiet", "--universal", "--no-header"]
    command += ["--python-version", OLDEST_PYTHON, "--generate-hashes", "--only-binary", ":all:"]
    with files.draft(root / name) as draft:
        if (root / name).exists():  # o que já estava fixado assim continua, se ainda serve
            draft.write_bytes((root / name).read_bytes())
        command += ["--output-file", draft.name, *arguments]
        subprocess.run(command, cwd=root, env=env, input=said, encoding="utf-8", check=True)
        draft.write_text(header + draft.read_text(encoding="utf-8"), encoding="utf-8", newline="\n")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m course_utils.setup.lock")
    parser.add_argument("--upgrade", action="store_true", help="renova também as dependências")
    upgrade = ["--upgrade"] if parser.parse_args().upgrade else []
    try:
        compile_lock(files.ROOT, BASE, *upgrade)
        for name in EXTRAS.values():
            compile_lock(files.ROOT, name, *upgrade, "--constraints", BASE)
        only_cuda = [name for name in read(files.ROOT) if re.match(r"nvidia-|cuda-|triton$", name)]
        files.write_text(ONLY_CUDA, "\n".join(only_cuda) + "\n")
        compile_cpu(files.ROOT)
    except subprocess.CalledProcessError:
        return 1  # o uv já disse por quê
    return 0


if __name__ == "__main__":
    sys.exit(main())
