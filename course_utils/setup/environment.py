"""Prepara o ambiente do curso (a pasta `.venv`) usando só a biblioteca padrão.

`ensure` olha o que existe, faz apenas o que falta e devolve o Python a usar. A marca dentro do ambiente nasce com
`finished: false` e só muda no fim de tudo: assim a chamada seguinte reconhece um trabalho interrompido. Depois vêm
os motores do navegador (`engines`): se faltarem, o ambiente vale assim mesmo.

`python -m course_utils.setup.environment` prepara o próprio Python que o roda (é o que o Binder faz).
"""

from __future__ import annotations

import contextlib
import datetime
import errno
import importlib.util
import json
import os
import platform
import shutil
import subprocess
import sys
import sysconfig
import time
from pathlib import Path

from course_utils import files
from course_utils.setup import engines, failures, lock, packages, sources
from course_utils.setup.installer import Progress, SetupError, duration, gigabytes, run_logged

# O instalado e os arquivos baixados, com folga.
NEW_BYTES, UPDATE_BYTES = 6_000_000_000, 1_500_000_000
MARK = "course_utils.json"

SAY = {
    "absent": "Preparando o ambiente do curso em .venv (só desta vez; precisa de internet).",
    "interrupted": "A preparação anterior não terminou: recomeçando; o que já foi baixado se aproveita.",
    "broken": "O ambiente em .venv está com defeito: refazendo; o que já foi baixado se aproveita.",
    "incomplete": "Pacotes do ambiente em .venv sumiram ou mudaram de versão: instalando-os de novo.",
    "outdated": "As versões do curso mudaram: atualizando o ambiente em .venv.",
    "old": "O ambiente em .venv é de uma versão anterior do curso, feita com o pip: o uv a atualiza.",
    "foreign": "A pasta .venv não é deste curso: foi guardada como {}, e uma nova será criada.",
    "extra": "Acrescentando o extra ao ambiente em .venv (só desta vez; precisa de internet).",
}
ANEW = ("absent", "interrupted", "broken", "foreign")
SEPARATOR = (
    "A pasta do curso está em {}, e o Python não cria ambientes num caminho com «{}»: mude o nome dessa "
    "pasta e rode de novo."
)
NO_VENV = (
    "Este Python não tem o módulo venv completo: instale-o (no Debian e no Ubuntu, com: "
    "sudo apt install python3-venv) e rode de novo."
)
LOST_LINK = "A pasta .venv aponta para {}, que não existe: ligue o disco dela, ou apague .venv, e rode de novo."
FULL_LINK = "A pasta .venv aponta para {}, que tem outras coisas: aponte-a para uma pasta vazia e rode de novo."
BUSY = "Outra janela já está preparando o ambiente: espere ela terminar e rode de novo."
WITHOUT_EXTRA = "Os notebooks da série não precisam deste extra."


def ensure(root: str | Path, extras=(), kit=None) -> str:
    """Devolve o Python de um ambiente completo para `root`, criando ou consertando `.venv` se preciso.

    `extras`: os nomes dos `lock.EXTRAS` pedidos. `kit`: o que `kit.open_kit` devolveu, para preparar sem internet.
    Levanta `SetupError`.
    """
    root = Path(root)
    locks = [lock.BASE, *(lock.EXTRAS[name] for name in extras)]
    with disk_problems_in_a_sentence():
        state = diagnose(root, locks)
        if state == "ready":
            add_engines(root, kit)
            return str(venv_python(root))
        if state in ("absent", "foreign") and is_complete(root, Path(sys.prefix), Path(sys.executable), locks):
            # Este Python já tem tudo (o do Binder, o de quem chamou), mas talvez outro course_utils.
            os.environ["PYTHONPATH"] = str(root)
            return sys.executable
        with only_one(root):
            state = diagnose(root, locks)
            if state != "ready":  # outra chamada pode ter terminado entre o primeiro exame e a trava
                prepare(root, state, locks, kit)
    return str(venv_python(root))


@contextlib.contextmanager
def disk_problems_in_a_sentence():
    try:
        yield
    except OSError as problem:
        if problem.errno == errno.ENOSPC:
            raise SetupError(failures.DISK_FULL) from problem
        raise SetupError(
            f"Não consegui preparar a pasta do curso {files.explain(problem)}, feche os programas que a usam "
            "e rode de novo."
        ) from problem


def diagnose(root: Path, locks: list[str]) -> str:
    """Uma das chaves de `SAY`, ou "ready"."""
    venv = root / ".venv"
    if not os.path.lexists(venv) or (venv.is_dir() and not any(venv.iterdir())):
        return "absent"
    mark = read_mark(venv)
    if mark is None:
        return "foreign"
    if not mark.get("finished"):
        return "interrupted"
    if not answers(venv_python(root)):
        return "broken"
    if "locks" not in mark:
        return "old"
    if mark["locks"].get(lock.BASE) != digest(root, lock.BASE):
        return "outdated"
    if not packages.whole(root, venv, venv_python(root), [lock.BASE], mark["cpu"]):
        return "incomplete"
    return "ready" if all(mark["locks"].get(name) == digest(root, name) for name in locks) else "extra"


def is_complete(root: Path, prefix: Path, python: Path, locks: list[str]) -> bool:
    """O ambiente da pasta `prefix` foi preparado com estes mesmos locks, e continua inteiro?"""
    mark = read_mark(prefix) or {}
    same = all(mark.get("locks", {}).get(name) == digest(root, name) for name in locks)
    return bool(mark.get("finished")) and same and packages.whole(root, prefix, python, locks, mark["cpu"])


def digest(root: Path, name: str) -> str:
    """Muda quando muda o lock `name` ou o do PyTorch sem CUDA."""
    return "-".join(lock.digest(root / one)[:32] for one in (name, lock.CPU) if (root / one).exists())


def prepare(root: Path, state: str, locks: list[str], kit) -> None:
    """Cria, refaz ou atualiza `.venv`, conforme `state`, e conta o resultado."""
    venv, started = root / ".venv", time.monotonic()
    refuse_a_bad_place(root)
    said = SAY[state].format(set_aside(venv)) if state == "foreign" else SAY[state]
    print(said.replace("; precisa de internet", "; sem internet, com o kit") if kit else said, flush=True)
    python = venv_python(root)
    with open(root / "artifacts" / "setup.log", "w", encoding="utf-8") as log, Progress() as progress:
        if state in ANEW:
            create(root, log, progress)
            mark = {}
        else:
            mark = read_mark(venv)
            mark.pop("requirements", None)  # de quando era o pip
            check_disk(venv, UPDATE_BYTES)
        where = sources.only(kit.wheels) if kit else sources.read(python)
        locks = sorted({*locks, *(name for name in mark.get("locks", {}) if (root / name).exists())})
        before = packages.installed(venv)
        if state != "extra":  # um extra só acrescenta: se parar no meio, a série continua inteira
            write_mark(venv, **mark | {"finished": False})
        try:
            cpu = packages.install(root, venv, python, locks, where, log, progress)
        except SetupError as problem:
            if (
                state not in ANEW and packages.installed(venv) == before
            ):  # nada mudou: o que havia continua valendo
                write_mark(venv, **mark)
            raise SetupError(f"{problem} {WITHOUT_EXTRA}" if state == "extra" else problem) from None
        seconds = time.monotonic() - started
        if state in ANEW:  # o que custou a preparação inteira, e quando: as medições (bench) o contam
            mark = {"seconds": round(seconds, 1), "made": datetime.date.today().isoformat()}
        finish(root, venv, locks, cpu, mark)
        progress.clear()
        print(f"Ambiente pronto em {duration(seconds)}; ocupa {gigabytes(size(venv))} em .venv.", flush=True)
        say_engines(root, venv, python, progress, kit)


def finish(root: Path, prefix: Path, locks: list[str], cpu: bool, mark: dict) -> None:
    kept = {name: digest(root, name) for name in locks}
    write_mark(prefix, **mark | {"finished": True, "locks": kept, "cpu": cpu, "python": platform.python_version()})


def refuse_a_bad_place(root: Path) -> None:
    if os.pathsep in str(root.absolute()):
        raise SetupError(SEPARATOR.format(root.absolute(), os.pathsep))
    venv = root / ".venv"
    if venv.is_symlink():  # para outro disco: respeita-se
        target = venv.resolve()
        if not target.is_dir():
            raise SetupError(LOST_LINK.format(target))
        if read_mark(venv) is None and any(venv.iterdir()):
            raise SetupError(FULL_LINK.format(target))


def create(root: Path, log, progress: Progress) -> None:
    if importlib.util.find_spec("ensurepip") is None:
        raise SetupError(NO_VENV)
    venv = root / ".venv"
    venv.mkdir(exist_ok=True)
    write_mark(venv, finished=False)
    progress.show("1/3 Limpando .venv")
    empty(venv)
    check_disk(venv, NEW_BYTES)
    if not failures.links(venv):
        raise SetupError(failures.NO_LINKS)
    if not failures.executes(venv):
        raise SetupError(failures.NO_EXECUTION)
    # O Python de base, e não o de um ambiente ativado: este pode ser o próprio .venv que se vai refazer.
    base = getattr(sys, "_base_executable", sys.executable)
    command = [base, "-I", "-X", "utf8", "-m", "venv", str(venv)]
    try:
        run_logged(command, log, lambda lines: progress.show("1/3 Criando .venv"), sources.Sources().environment)
    except SetupError as problem:
        raise SetupError(failures.disk(venv) or problem) from None
    link_package(root, venv)


def add_engines(root: Path, kit) -> None:
    """Num ambiente pronto, busca os motores do navegador que da outra vez não vieram, ou que mudaram."""
    venv = root / ".venv"
    if engines.ready(root, venv):
        return
    # Se outra janela já os busca, ou se não se pode escrever aqui, segue-se sem eles.
    with contextlib.suppress(SetupError, OSError), only_one(root), Progress() as progress:
        say_engines(root, venv, venv_python(root), progress, kit)


def say_engines(root: Path, prefix: Path, python: Path, progress: Progress, kit) -> None:
    without = engines.complete(root, prefix, python, progress, *([kit.engines] if kit else []))
    progress.clear()
    if without:
        print(without, flush=True)


# ---------------------------------------------------------------- a pasta .venv


def venv_python(root: str | Path) -> Path:
    return Path(root) / ".venv" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def answers(python: Path) -> bool:
    try:
        return (
            subprocess.run([python, "-I", "-c", ""], capture_output=True, timeout=60, check=False).returncode == 0
        )
    except (OSError, subprocess.SubprocessError):
        return False


def set_aside(venv: Path) -> str:
    """Guarda uma `.venv` alheia com outro nome: nunca se apaga o que não fizemos."""
    number, other = 1, venv.with_name(".venv.anterior")
    while os.path.lexists(other):
        number += 1
        other = venv.with_name(f".venv.anterior-{number}")
    venv.rename(other)
    return other.name


def empty(venv: Path) -> None:
    """Apaga tudo, menos a marca: mesmo que isto seja interrompido, a pasta continua reconhecida como nossa."""
    for path in venv.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        elif path.name != MARK:
            path.unlink()


def link_package(root: str | Path, venv: str | Path | None = None) -> None:
    """Faz `import course_utils` funcionar em qualquer pasta: um .pth de caminho relativo, sem acentos."""
    scheme = {"scheme": "venv", "vars": {"base": str(venv)}} if venv else {}
    site = os.path.realpath(sysconfig.get_path("purelib", **scheme))
    relative = Path(os.path.relpath(os.path.realpath(root), site)).as_posix()
    Path(site, "course_utils.pth").write_text(relative + "\n", encoding="utf-8")


def check_disk(folder: Path, needed: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise SetupError(
            f"Falta espaço em disco: a preparação precisa de {gigabytes(needed)} e há {gigabytes(free)}; "
            f"libere {gigabytes(needed - free)} e rode de novo."
        )


def size(folder: Path) -> int:
    """Bytes em `folder`, sem os links."""
    total = 0
    for parent, _, names in os.walk(folder):
        total += sum(os.lstat(os.path.join(parent, name)).st_size for name in names)  # noqa: PTH118
    return total


# ---------------------------------------------------------------- a marca e a trava


def read_mark(prefix: Path) -> dict | None:
    """None se a pasta não é nossa; uma marca ilegível é nossa e está por terminar."""
    if not (prefix / MARK).is_file():
        return None
    try:
        return dict(json.loads((prefix / MARK).read_text(encoding="utf-8")))
    except ValueError:
        return {"finished": False}


def write_mark(prefix: Path, **content) -> None:
    temporary = prefix / (MARK + ".tmp")
    temporary.write_text(json.dumps(content, indent=1), encoding="utf-8")
    temporary.replace(prefix / MARK)


@contextlib.contextmanager
def only_one(root: Path):
    """Uma preparação por vez; o sistema solta a trava mesmo que o processo seja morto."""
    (root / "artifacts").mkdir(exist_ok=True)
    with open(root / "artifacts" / "setup.lock", "a+b") as file:
        if not files.try_lock(file):
            raise SetupError(BUSY)
        yield


def main() -> int:
    """Instala os pacotes e os motores no Python que roda isto; devolve o código de saída."""
    root, prefix, python = Path(__file__).resolve().parents[2], Path(sys.prefix), Path(sys.executable)
    try:
        with only_one(root), open(root / "artifacts" / "setup.log", "w", encoding="utf-8") as log:
            with Progress() as progress:
                cpu = packages.install(root, prefix, python, [lock.BASE], sources.read(python), log, progress)
                link_package(root)
                finish(root, prefix, [lock.BASE], cpu, {})
                say_engines(root, prefix, python, progress, None)
    except SetupError as problem:
        print(problem, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
