"""Prepara o ambiente do curso (a pasta `.venv`): faz apenas o que falta e diz o Python a usar.

A marca na pasta diz que ela é nossa e com que locks ficou pronta. Sem nenhum, o trabalho parou no meio, e a
chamada seguinte o refaz. Numa atualização a marca só muda no fim: o que já havia continua valendo.
`python -m course_utils.setup.environment` prepara o próprio Python que o roda (é o que o Binder faz).
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import shutil
import sys
import sysconfig
import time
from pathlib import Path

from course_utils import files
from course_utils.setup import failures, lock, sources
from course_utils.setup.failures import SetupError
from course_utils.setup.packages import Environment, succeeds

MARK = "course_utils.json"
NEEDED_BYTES = 6_000_000_000  # o instalado e os arquivos baixados, com folga

SAY = {
    "absent": "Preparando o ambiente do curso em .venv (só desta vez; sem um kit, precisa de internet).",
    "unfinished": "O ambiente em .venv está pela metade ou com defeito: refazendo; aproveita-se o que já veio.",
    "outdated": "As versões do curso mudaram, ou faltam pacotes em .venv: atualizando o ambiente.",
    "foreign": "A pasta .venv não é deste curso: foi guardada como {}, e uma nova será criada.",
}
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


def ensure(root: str | Path, extras=(), kit: Path | None = None) -> str:
    """Devolve o Python de um ambiente completo para `root`, criando ou consertando `.venv` se preciso.

    `extras`: os nomes dos `lock.EXTRAS` pedidos. `kit`: a pasta que `kit.open_kit` conferiu, para preparar sem
    internet. Levanta `SetupError`.
    """
    venv = Environment(Path(root), Path(root, ".venv"))
    locks = [lock.BASE, *(lock.EXTRAS[name] for name in extras)]
    try:
        state = diagnose(venv, locks)
        if state in ("absent", "foreign") and is_complete(Environment(venv.root, Path(sys.prefix)), locks):
            # Este Python já tem tudo (o do Binder, o de quem chamou), mas talvez outro course_utils.
            os.environ["PYTHONPATH"] = str(root)
            return sys.executable
        if state != "ready":
            with only_one(venv.root):
                prepare(venv, locks, kit)
    except OSError as problem:
        raise SetupError(
            f"Não consegui preparar a pasta do curso {files.explain(problem)}, feche os programas que a usam "
            "e rode de novo."
        ) from problem
    return str(venv.program("python"))


def diagnose(venv: Environment, locks: list[str]) -> str:
    """Uma das chaves de `SAY`, ou "ready"."""
    folder = venv.prefix
    if not os.path.lexists(folder) or (folder.is_dir() and not any(folder.iterdir())):
        return "absent"
    mark = read_mark(folder)
    if mark is None:
        return "foreign"
    if not mark or not succeeds([venv.program("python"), "-I", "-c", ""]):  # o Python de base pode ter saído de lá
        return "unfinished"
    return "ready" if is_complete(venv, locks) else "outdated"


def is_complete(place: Environment, locks: list[str]) -> bool:
    """O ambiente ficou pronto, e tem hoje o que estes locks fixam?"""
    return set(locks) <= set(read_mark(place.prefix) or []) and place.whole(locks)


def read_mark(folder: Path) -> list[str] | None:
    """Os locks com que o ambiente ficou pronto: nenhum, se não ficou; None se a pasta não é nossa."""
    if not (folder / MARK).is_file():
        return None
    try:
        return list(dict(json.loads((folder / MARK).read_text(encoding="utf-8"))).get("locks", []))
    except ValueError:
        return []


def write_mark(folder: Path, locks: list[str]) -> None:
    files.write_text(folder / MARK, json.dumps({"locks": locks}))


@contextlib.contextmanager
def only_one(root: Path):
    """Uma preparação por vez; o sistema solta a trava mesmo que o processo seja morto."""
    (root / "artifacts").mkdir(exist_ok=True)
    with open(root / "artifacts" / "setup.lock", "a+b") as file:
        if not files.try_lock(file):
            raise SetupError(BUSY)
        yield


def prepare(venv: Environment, locks: list[str], kit: Path | None) -> None:
    """Cria, refaz ou atualiza `.venv`, e conta o resultado."""
    folder, started = venv.prefix, time.monotonic()
    state = diagnose(venv, locks)  # outra chamada pode ter terminado entre o primeiro exame e a trava
    if state == "ready":
        return
    if os.pathsep in str(folder.absolute()):
        raise SetupError(SEPARATOR.format(folder.parent.absolute(), os.pathsep))
    if state == "foreign" and folder.is_symlink():  # uma ligação para outro disco respeita-se
        raise SetupError(BAD_LINK.format(folder.resolve()))
    aside = folder.with_name(f".venv.anterior-{time.strftime('%Y%m%d-%H%M%S')}")
    if state == "foreign":  # nunca se apaga o que não fizemos
        folder.rename(aside)
    print(SAY[state].format(aside.name), flush=True)
    venv.log.write_bytes(b"")
    if state != "outdated":
        print("1/3 Criando .venv", flush=True)
        create(venv)
    kept = [name for name in read_mark(folder) if (venv.root / name).exists()]  # o extra que já veio continua
    env = sources.only(kit / "wheels") if kit else sources.read(venv.program("python"))
    fill(venv, sorted({*locks, *kept}), env)
    print(f"Ambiente pronto em {time.monotonic() - started:.0f} s.", flush=True)


def fill(place: Environment, locks: list[str], env: dict[str, str]) -> None:
    """Instala o que os `locks` fixam e o experimenta; o que não funciona, a chamada seguinte refaz do começo."""
    place.install(locks, env)
    write_mark(place.prefix, [])
    print("3/3 Conferindo", flush=True)
    place.try_imports(locks)
    write_mark(place.prefix, locks)


def create(venv: Environment) -> None:
    """Esvazia `.venv` e cria nela um ambiente só com o pip; diz antes o que o disco não deixaria."""
    if importlib.util.find_spec("ensurepip") is None:
        raise SetupError(NO_VENV)
    folder = venv.prefix
    folder.mkdir(exist_ok=True)
    write_mark(folder, [])
    for path in folder.iterdir():
        if path.name != MARK:  # mesmo que isto seja interrompido, a pasta continua reconhecida como nossa
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
    failures.require_space(folder, NEEDED_BYTES)
    # O Python de base, e não o de um ambiente ativado: este pode ser o próprio .venv que se vai refazer.
    command = [getattr(sys, "_base_executable", sys.executable), "-I", "-X", "utf8", "-m", "venv", folder]
    if venv.run(command, sources.environment()):
        raise SetupError(failures.disk(folder) or failures.BAD_DISK)
    link_package(venv.root, sysconfig.get_path("purelib", scheme="venv", vars={"base": str(folder)}))


def link_package(root: Path, site: str) -> None:
    """Faz `import course_utils` funcionar em qualquer pasta: um .pth de caminho relativo, sem acentos."""
    site = os.path.realpath(site)
    relative = Path(os.path.relpath(os.path.realpath(root), site)).as_posix()
    Path(site, "course_utils.pth").write_text(relative + "\n", encoding="utf-8")


def main() -> None:
    """Instala os pacotes no Python que roda isto; levanta `SetupError` se não deu."""
    here = Environment(files.ROOT, Path(sys.prefix))
    with only_one(here.root):
        here.log.write_bytes(b"")
        fill(here, [lock.BASE], sources.read(sys.executable))
        link_package(here.root, sysconfig.get_path("purelib"))


if __name__ == "__main__":
    main()
