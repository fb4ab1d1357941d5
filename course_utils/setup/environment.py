"""Prepara o ambiente do curso (a pasta `.venv`) usando só a biblioteca padrão.

`ensure` olha o que existe, faz apenas o que falta e devolve o Python a usar. A marca dentro do ambiente nasce com
`finished: false` e só muda no fim de tudo: assim a chamada seguinte reconhece um trabalho interrompido. Uma
atualização não a apaga: a marca diz outros locks até que termine, e o que já havia continua valendo.

`python -m course_utils.setup.environment` prepara o próprio Python que o roda (é o que o Binder faz).
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import sysconfig
import time
from pathlib import Path

from course_utils import files
from course_utils.setup import failures, lock, packages, sources
from course_utils.setup.progress import Progress, SetupError, gigabytes, require_space, run

MARK = "course_utils.json"  # na .venv: de quem ela é, e se está pronta
NEEDED_BYTES = 6_000_000_000  # o instalado e os arquivos baixados, com folga

SAY = {
    "absent": "Preparando o ambiente do curso em .venv (só desta vez; precisa de internet).",
    "unfinished": "O ambiente em .venv está pela metade ou com defeito: refazendo; aproveita-se o que já veio.",
    "outdated": "As versões do curso mudaram, ou faltam pacotes em .venv: atualizando o ambiente.",
    "foreign": "A pasta .venv não é deste curso: foi guardada como {}, e uma nova será criada.",
}
ANEW = ("absent", "unfinished", "foreign")
SEPARATOR = (
    "A pasta do curso está em {}, e o Python não cria ambientes num caminho com «{}»: mude o nome dessa "
    "pasta e rode de novo."
)
NO_VENV = (
    "Este Python não tem o módulo venv completo: instale-o (no Debian e no Ubuntu, com: "
    "sudo apt install python3-venv) e rode de novo."
)
BAD_LINK = (
    "A pasta .venv aponta para {}, que não existe ou tem outras coisas: ligue o disco dela, ou aponte-a para uma "
    "pasta vazia, e rode de novo."
)
BUSY = "Outra janela já está preparando o ambiente: espere ela terminar e rode de novo."


def ensure(root: str | Path, extras=(), kit=None) -> str:
    """Devolve o Python de um ambiente completo para `root`, criando ou consertando `.venv` se preciso.

    `extras`: os nomes dos `lock.EXTRAS` pedidos. `kit`: a pasta que `kit.open_kit` conferiu, para preparar sem
    internet. Levanta `SetupError`.
    """
    root = Path(root)
    locks = [lock.BASE, *(lock.EXTRAS[name] for name in extras)]
    try:
        state = diagnose(root, locks)
        if state in ("absent", "foreign") and is_complete(root, Path(sys.prefix), Path(sys.executable), locks):
            # Este Python já tem tudo (o do Binder, o de quem chamou), mas talvez outro course_utils.
            os.environ["PYTHONPATH"] = str(root)
            return sys.executable
        if state != "ready":
            with only_one(root):
                state = diagnose(root, locks)
                if state != "ready":  # outra chamada pode ter terminado entre o primeiro exame e a trava
                    prepare(root, state, locks, kit)
    except OSError as problem:
        raise SetupError(
            f"Não consegui preparar a pasta do curso {files.explain(problem)}, feche os programas que a usam "
            "e rode de novo."
        ) from problem
    return str(venv_python(root))


def diagnose(root: Path, locks: list[str]) -> str:
    """Uma das chaves de `SAY`, ou "ready"."""
    folder, python = root / ".venv", venv_python(root)
    if not os.path.lexists(folder) or (folder.is_dir() and not any(folder.iterdir())):
        return "absent"
    mark = read_mark(folder)
    if mark is None:
        return "foreign"
    if not mark.get("finished") or not answers(python):
        return "unfinished"
    return "ready" if is_complete(root, folder, python, locks) else "outdated"


def is_complete(root: Path, prefix: Path, python: Path, locks: list[str]) -> bool:
    """O ambiente da pasta `prefix` foi preparado com estes mesmos locks, e continua inteiro?"""
    mark = read_mark(prefix) or {}
    made_with = mark.get("locks", {})  # um ambiente de quando era o pip não os tem
    if not mark.get("finished") or any(made_with.get(name) != digest(root, name) for name in locks):
        return False
    return packages.whole(root, prefix, python, locks, mark["cpu"])


def digest(root: Path, name: str) -> str:
    """Muda quando muda o lock `name` ou o do PyTorch sem CUDA."""
    return "-".join(lock.digest(root / one)[:32] for one in (name, lock.CPU) if (root / one).exists())


@contextlib.contextmanager
def only_one(root: Path):
    """Uma preparação por vez; o sistema solta a trava mesmo que o processo seja morto."""
    (root / "artifacts").mkdir(exist_ok=True)
    with open(root / "artifacts" / "setup.lock", "a+b") as file:
        if not files.try_lock(file):
            raise SetupError(BUSY)
        yield


def prepare(root: Path, state: str, locks: list[str], kit) -> None:
    """Cria, refaz ou atualiza `.venv`, conforme `state`, e conta o resultado."""
    folder, python, started = root / ".venv", venv_python(root), time.monotonic()
    refuse_a_bad_place(root)
    said = SAY[state].format(set_aside(folder)) if state == "foreign" else SAY[state]
    print(said.replace("; precisa de internet", "; sem internet, com o kit") if kit else said, flush=True)
    with open(root / "artifacts" / "setup.log", "w", encoding="utf-8") as log, Progress() as progress:
        if state in ANEW:
            create(root, log, progress)
        where = sources.only(kit / "wheels") if kit else sources.read(python)
        kept = [name for name in read_mark(folder).get("locks", {}) if (root / name).exists()]
        locks = sorted({*locks, *kept})  # o extra que já veio continua
        fill(root, folder, python, locks, where, log, progress)
        progress.clear()
        taken = time.monotonic() - started
        print(f"Ambiente pronto em {taken:.0f} s; ocupa {gigabytes(size(folder))} em .venv.", flush=True)


def fill(root: Path, prefix: Path, python: Path, locks: list[str], where, log, progress: Progress) -> None:
    """Instala o que os `locks` fixam e o experimenta; o que não funciona, a chamada seguinte refaz do começo."""
    cpu = packages.install(root, prefix, python, locks, where, log, progress)
    mark = {"locks": {name: digest(root, name) for name in locks}, "cpu": cpu}
    write_mark(prefix, finished=False, **mark)
    progress.show("3/3 Conferindo")
    packages.try_imports(root, prefix, python, locks, log)
    write_mark(prefix, finished=True, **mark)


def refuse_a_bad_place(root: Path) -> None:
    if os.pathsep in str(root.absolute()):
        raise SetupError(SEPARATOR.format(root.absolute(), os.pathsep))
    folder = root / ".venv"
    if folder.is_symlink():  # para outro disco: respeita-se
        target = folder.resolve()
        if not target.is_dir() or (read_mark(folder) is None and any(target.iterdir())):
            raise SetupError(BAD_LINK.format(target))


def create(root: Path, log, progress: Progress) -> None:
    """Esvazia `.venv` e cria nela um ambiente só com o pip; diz antes o que o disco não deixaria."""
    if importlib.util.find_spec("ensurepip") is None:
        raise SetupError(NO_VENV)
    folder = root / ".venv"
    folder.mkdir(exist_ok=True)
    write_mark(folder, finished=False)
    progress.show("1/3 Criando .venv")
    empty(folder)
    require_space(folder, NEEDED_BYTES)
    # O Python de base, e não o de um ambiente ativado: este pode ser o próprio .venv que se vai refazer.
    base = getattr(sys, "_base_executable", sys.executable)
    problem = failures.disk(folder)
    if problem or run([base, "-I", "-X", "utf8", "-m", "venv", folder], log, sources.Sources().environment):
        raise SetupError(problem or failures.disk(folder) or failures.UNKNOWN)
    link_package(root, folder)


def venv_python(root: str | Path) -> Path:
    return Path(root) / ".venv" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def answers(python: Path) -> bool:
    """O Python funciona?"""
    try:
        command = [python, "-I", "-c", ""]
        return subprocess.run(command, capture_output=True, timeout=60, check=False).returncode == 0
    except (OSError, subprocess.SubprocessError):
        return False


def read_mark(prefix: Path) -> dict | None:
    """None se a pasta não é nossa; uma marca ilegível é nossa e está por terminar."""
    if not (prefix / MARK).is_file():
        return None
    try:
        return dict(json.loads((prefix / MARK).read_text(encoding="utf-8")))
    except ValueError:
        return {"finished": False}


def write_mark(prefix: Path, **content) -> None:
    files.write_text(prefix / MARK, json.dumps(content, indent=1))


def set_aside(folder: Path) -> str:
    """Guarda uma `.venv` alheia com outro nome: nunca se apaga o que não fizemos."""
    number, other = 1, folder.with_name(".venv.anterior")
    while os.path.lexists(other):
        number += 1
        other = folder.with_name(f".venv.anterior-{number}")
    folder.rename(other)
    return other.name


def empty(folder: Path) -> None:
    """Apaga tudo, menos a marca: mesmo que isto seja interrompido, a pasta continua reconhecida como nossa."""
    for path in folder.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        elif path.name != MARK:
            path.unlink()


def link_package(root: str | Path, folder: str | Path | None = None) -> None:
    """Faz `import course_utils` funcionar em qualquer pasta: um .pth de caminho relativo, sem acentos."""
    scheme = {"scheme": "venv", "vars": {"base": str(folder)}} if folder else {}
    site = os.path.realpath(sysconfig.get_path("purelib", **scheme))
    relative = Path(os.path.relpath(os.path.realpath(root), site)).as_posix()
    Path(site, "course_utils.pth").write_text(relative + "\n", encoding="utf-8")


def size(folder: Path) -> int:
    """Bytes em `folder`, sem os links."""
    total = 0
    for parent, _, names in os.walk(folder):
        total += sum(os.lstat(os.path.join(parent, name)).st_size for name in names)  # noqa: PTH118
    return total


def main() -> None:
    """Instala os pacotes no Python que roda isto; levanta `SetupError` se não deu."""
    root, prefix, python = files.ROOT, Path(sys.prefix), Path(sys.executable)
    with only_one(root), open(root / "artifacts" / "setup.log", "w", encoding="utf-8") as log:
        with Progress() as progress:
            fill(root, prefix, python, [lock.BASE], sources.read(python), log, progress)
        link_package(root)


if __name__ == "__main__":
    main()
