"""Prepara o ambiente do curso (a pasta `.venv`) usando só a biblioteca padrão.

`ensure` olha o que existe, faz apenas o que falta e devolve o Python a usar. A marca dentro de `.venv` nasce
com `finished: false` e só muda no fim de tudo: assim a chamada seguinte reconhece um trabalho interrompido.
Depois vêm os motores do navegador (`engines`): se faltarem, o ambiente vale assim mesmo. O extra é à parte.
"""

from __future__ import annotations

import contextlib
import datetime
import errno
import hashlib
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

from course_utils.setup import engines
from course_utils.setup.installer import DISK_FULL, Progress, SetupError, duration, install, run_logged
from course_utils.setup.lock import try_lock

NEW_BYTES, UPDATE_BYTES = 6_000_000_000, 1_500_000_000  # o instalado e os arquivos baixados, com folga
MARK = "course_utils.json"
BASE, EXTRA = "requirements.txt", "requirements-extra.txt"

SAY = {
    "absent": "Preparando o ambiente do curso em .venv (só desta vez; precisa de internet).",
    "interrupted": "A preparação anterior não terminou: recomeçando; o pip reaproveita os downloads que guardou.",
    "broken": "O ambiente em .venv está com defeito: refazendo; o pip reaproveita os downloads que guardou.",
    "incomplete": "Pacotes do ambiente em .venv sumiram ou mudaram de versão: instalando-os de novo.",
    "outdated": "requirements.txt mudou: atualizando o ambiente em .venv.",
    "foreign": "A pasta .venv não é deste curso: foi guardada como {}, e uma nova será criada.",
}


def ensure(root: str | Path) -> str:
    """Devolve o Python de um ambiente completo para `root`, criando ou consertando `.venv` se preciso."""
    root = Path(root)
    with disk_problems_in_a_sentence():
        state = diagnose(root)
        if state == "ready":
            add_engines(root)
            return str(venv_python(root))
        complete = find_complete(root) if state in ("absent", "foreign") else None
        if complete:
            return complete
        with only_one(root):
            return prepare(root, diagnose(root))


@contextlib.contextmanager
def disk_problems_in_a_sentence():
    try:
        yield
    except OSError as problem:
        if problem.errno == errno.ENOSPC:
            raise SetupError(DISK_FULL) from problem
        raise SetupError(
            f"Não consegui preparar a pasta do curso ({problem}): feche os programas que a usam, "
            "confira se você pode escrever nela e rode de novo."
        ) from problem


def diagnose(root: Path) -> str:
    """Uma das chaves de `SAY`, ou "ready"."""
    venv = root / ".venv"
    if not os.path.lexists(venv):
        return "absent"
    mark = read_mark(venv)
    if mark is None:
        return "foreign"
    if not mark.get("finished"):
        return "interrupted"
    missing = missing_packages(venv_python(root), root)
    if missing is None:
        return "broken"
    if mark.get("requirements") != digest(root):
        return "outdated"
    return "incomplete" if missing else "ready"


def find_complete(root: Path) -> str | None:
    """Um ambiente que não fizemos, mas ao qual nada falta (o do Binder, o de quem chamou): usa-se como está."""
    for python in (venv_python(root), Path(sys.executable)):
        if missing_packages(python, root) == []:
            # Nele não há o nosso .pth: o pacote do curso é achado por esta variável, herdada pelos kernels.
            paths = (str(root), os.environ.get("PYTHONPATH", ""))
            os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, paths))
            return str(python)
    return None


def prepare(root: Path, state: str) -> str:
    """Cria, refaz ou atualiza `.venv`, conforme `state`, e conta o resultado."""
    venv = root / ".venv"
    if state == "ready":  # outra chamada terminou entre o primeiro exame e a trava
        return str(venv_python(root))
    started, anew = time.monotonic(), state not in ("outdated", "incomplete")
    mark = {} if anew else read_mark(venv)
    print(SAY[state].format(set_aside(venv)) if state == "foreign" else SAY[state], flush=True)
    with open(root / "artifacts" / "setup.log", "w", encoding="utf-8") as log, Progress() as progress:
        if anew:
            create(root, log, progress)
        else:
            update(root, log, progress)
        mark |= {"finished": True, "requirements": digest(root), "python": platform.python_version()}
        write_mark(venv, **mark)
        without = engines.complete(root, venv, venv_python(root), progress)
    seconds = time.monotonic() - started
    if anew:  # o que custou a preparação inteira, e quando: as medições (bench) o contam
        write_mark(venv, **mark, seconds=round(seconds, 1), made=datetime.date.today().isoformat())
    print(f"Ambiente pronto em {duration(seconds)}.", flush=True)
    report_sizes(root)
    if without:
        print(without, flush=True)
    return str(venv_python(root))


def add_engines(root: Path) -> None:
    """Num ambiente pronto, busca os motores do navegador que da outra vez não vieram, ou que mudaram."""
    venv = root / ".venv"
    if engines.ready(root, venv):
        return
    # Se outra janela já os busca, ou se não se pode escrever aqui, segue-se sem eles.
    with contextlib.suppress(SetupError, OSError), only_one(root):
        with Progress() as progress:
            without = engines.complete(root, venv, venv_python(root), progress)
        print(without or "Motores do navegador prontos: a página de desenho lê também sem o servidor.", flush=True)


def create(root: Path, log, progress: Progress) -> None:
    if importlib.util.find_spec("ensurepip") is None:
        raise SetupError(
            "Este Python não tem o módulo venv completo: instale-o (no Debian e no Ubuntu, "
            "com: sudo apt install python3-venv) e rode de novo."
        )
    venv = root / ".venv"
    venv.mkdir(exist_ok=True)
    write_mark(venv, finished=False)
    progress.show("1/3 Limpando .venv")
    empty(venv)
    check_disk(root, NEW_BYTES)
    # O Python de base, e não o de um ambiente ativado: este pode ser o próprio .venv que se vai refazer.
    base = getattr(sys, "_base_executable", sys.executable)
    command = [base, "-I", "-X", "utf8", "-m", "venv", str(venv)]
    run_logged(command, log, lambda lines: progress.show("1/3 Criando .venv"))
    link_package(root, venv)
    install(root, venv, venv_python(root), log, progress, [BASE])


def update(root: Path, log, progress: Progress) -> None:
    """Instala só o que falta; se o pip não chegar a mexer em nada, o ambiente fica como estava.

    Com o extra instalado, os dois arquivos vão juntos ao pip: as versões de um servem ao outro.
    """
    if missing_packages(venv_python(root), root) == []:
        return  # só mudaram comentários
    check_disk(root, UPDATE_BYTES)
    venv = root / ".venv"
    old_mark = read_mark(venv)
    write_mark(venv, finished=False)
    try:
        install(root, venv, venv_python(root), log, progress, [BASE, EXTRA] if "extra" in old_mark else [BASE])
    except SetupError:
        if not started_to_install(log):
            write_mark(venv, **old_mark)
        raise


def started_to_install(log) -> bool:
    """O pip baixa tudo antes de trocar o que há: se nem começou a trocar, o ambiente antigo está inteiro."""
    return "\nInstalling collected packages" in Path(log.name).read_text(encoding="utf-8")


def report_sizes(root: Path) -> None:
    """O tamanho do ambiente e, dos pacotes grandes, para que servem."""
    total = sum(entry.stat().st_size for entry in (root / ".venv").rglob("*") if not entry.is_symlink())
    print(f"Ocupa {gigabytes(total)} em .venv; pacotes com mais de 100 MB:")
    for name, size, why in ask(venv_python(root), "sizes", root) or [("nenhum", 0, "")]:
        print(f"  {name}: {gigabytes(size)} ({why})" if size else f"  {name}")
    sys.stdout.flush()


# ---------------------------------------------------------------- a pasta .venv


def venv_python(root: Path) -> Path:
    return Path(root) / ".venv" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


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


def check_disk(root: Path, needed: int) -> None:
    free = shutil.disk_usage(root).free
    if free < needed:
        raise SetupError(
            f"Falta espaço em disco: a preparação precisa de {gigabytes(needed)} e há {gigabytes(free)}; "
            f"libere {gigabytes(needed - free)} e rode de novo."
        )


def gigabytes(size: float) -> str:
    return f"{size / 1e9:.1f} GB".replace(".", ",")


# ---------------------------------------------------------------- a marca, a trava e o que o ambiente contém


def digest(root: Path, requirements: str = BASE) -> str:
    return hashlib.sha256((root / requirements).read_bytes()).hexdigest()


def read_mark(venv: Path) -> dict | None:
    """None se a pasta não é nossa; uma marca ilegível é nossa e está por terminar."""
    if venv.is_symlink() or not (venv / MARK).is_file():
        return None
    try:
        return dict(json.loads((venv / MARK).read_text(encoding="utf-8")))
    except ValueError:
        return {"finished": False}


def write_mark(venv: Path, **content) -> None:
    temporary = venv / (MARK + ".tmp")
    temporary.write_text(json.dumps(content, indent=1), encoding="utf-8")
    temporary.replace(venv / MARK)


@contextlib.contextmanager
def only_one(root: Path):
    """Uma preparação por vez; o sistema solta a trava mesmo que o processo seja morto."""
    (root / "artifacts").mkdir(exist_ok=True)
    with open(root / "artifacts" / "setup.lock", "a+b") as file:
        if not try_lock(file):
            raise SetupError("Outra janela já está preparando o ambiente: espere ela terminar e rode de novo.")
        yield


def missing_packages(python: Path, root: Path, requirements: str = BASE) -> list[str] | None:
    """O que falta a esse Python para cumprir `requirements`; None se ele nem responde."""
    return ask(python, "missing", root, requirements)


def ask(python: Path, question: str, root: Path, requirements: str = BASE):
    inventory = Path(__file__).resolve().with_name("inventory.py")
    command = [str(python), "-I", "-X", "utf8", str(inventory), question, str(root / requirements)]
    try:
        answer = subprocess.run(command, capture_output=True, encoding="utf-8", timeout=120, check=True)
        return json.loads(answer.stdout)
    except (OSError, ValueError, subprocess.SubprocessError):
        return None
