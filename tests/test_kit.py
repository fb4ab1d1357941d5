"""O kit para uma turma sem internet: pacotes pequenos feitos pelo teste, o uv de verdade e nenhuma rede."""

import json
import os
import shutil
import subprocess
import sys
from collections import namedtuple

import pytest
from needs import miss
from tree import copy_into
from wheelhouse import make_wheel

from course_utils.model import artifacts
from course_utils.setup import failures, kit, lock, sources, wheels
from course_utils.setup.progress import SetupError

CPU = "torch-1.0+cpu-cp311-cp311-manylinux_2_28_x86_64.whl"
SHELF = (
    "puro-1.0-py3-none-any.whl",
    "torch-1.0-cp311-cp311-manylinux_2_28_x86_64.whl",
    "torch-1.0-cp313-cp313-win_amd64.whl",
    "torch-1.0-cp313-cp313-macosx_14_0_arm64.whl",
    "torch-1.0-cp313-cp313-macosx_11_0_arm64.whl",
    CPU,
    "nvidia_x-1.0-py3-none-manylinux_2_28_x86_64.whl",
    "janela-1.0-py3-none-win_amd64.whl",
    "partido-1.0-py3-none-any.whl",
    "partido-2.0-py3-none-any.whl",
)
LOCK = """
puro==1.0 {puro-1.0}
torch==1.0 {torch-1.0-}
nvidia-x==1.0 ; sys_platform == 'linux' {nvidia_x}
janela==1.0 ; sys_platform == 'win32' {janela}
partido==1.0 ; python_full_version < '3.11.5' {partido-1.0}
partido==2.0 ; python_full_version >= '3.11.5' {partido-2.0}
"""
CPU_LOCK = "torch==1.0+cpu ; sys_platform == 'linux' {torch-1.0+cpu}\n"


def write_locks(root, shelf):
    """Os dois locks, com o SHA-256 dos pacotes da prateleira no lugar de cada começo de nome entre chaves."""
    for name, text in ((lock.BASE, LOCK), (lock.CPU, CPU_LOCK)):
        for start in [part.split("}")[0] for part in text.split("{")[1:]]:
            found = [path for path in sorted(shelf.glob("*.whl")) if path.name.startswith(start)]
            codes = [artifacts.sha256(path) for path in found]
            text = text.replace(f"{{{start}}}", " ".join(f"--hash=sha256:{code}" for code in codes))
        (root / name).write_text(text, encoding="utf-8")


@pytest.fixture
def place(tmp_path, monkeypatch):
    """`(projeto, prateleira, kit)`: só se procura na prateleira."""
    root, shelf, folder = tmp_path / "projeto", tmp_path / "prateleira", tmp_path / "pen drive"
    shelf.mkdir()
    root.mkdir()
    for name in SHELF:
        make_wheel(shelf, *name.removesuffix(".whl").split("-", 2))
    write_locks(root, shelf)
    monkeypatch.setattr(sources, "read", lambda _: sources.only(shelf))
    monkeypatch.setattr(kit, "this_machine", lambda: "windows-3.13")
    return root, shelf, folder


def manifest(folder):
    return json.loads((folder / kit.MANIFEST).read_text(encoding="utf-8"))


def names(folder, target):
    """Os pacotes que o kit diz ter para `target`."""
    return {path.removeprefix("wheels/") for path in manifest(folder)["targets"][target]}


def refusal(root, folder):
    with pytest.raises(SetupError) as caught:
        kit.open_kit(root, folder)
    text = str(caught.value)
    assert "\n" not in text and str(folder) in text
    return text


# ---------------------------------------------------------------- fazer


def test_each_machine_gets_what_it_takes_and_nothing_else(place, capsys):
    root, shelf, folder = place
    kit.make(root, folder, ["linux-3.11", "windows-3.13", "macos-3.13"])
    every = {"puro-1.0-py3-none-any.whl"}
    # O "3.11" são muitos: o 3.11.4 e o 3.11.5 não pedem o mesmo.
    assert names(folder, "linux-3.11") == every | {CPU, *SHELF[-2:]}
    assert names(folder, "windows-3.13") == every | {SHELF[2], SHELF[7], SHELF[9]}
    assert names(folder, "macos-3.13") == every | {SHELF[3], SHELF[4], SHELF[9]}
    expected = {path: sha256 for found in manifest(folder)["targets"].values() for path, sha256 in found.items()}
    found = {path.relative_to(folder).as_posix() for path in folder.rglob("*.*") if path.name != kit.MANIFEST}
    assert {path: artifacts.sha256(folder / path) for path in found} == expected, "sobrou um arquivo temporário"
    said = capsys.readouterr().out
    assert said.index("faltam") < said.index("Baixando") < said.index("Kit pronto")
    assert kit.open_kit(root, folder) == folder


def test_without_the_cpu_build_of_torch_the_one_with_cuda_comes(place):
    root, shelf, folder = place
    (shelf / CPU).unlink()
    kit.make(root, folder, ["linux-3.11"])
    assert {SHELF[1], SHELF[6]} <= names(folder, "linux-3.11")


def test_what_came_before_an_interruption_stays_and_later_calls_bring_only_what_is_missing(place, monkeypatch):
    root, shelf, folder = place
    brought, fetch = [], wheels.fetch

    def interrupted(wheel, *rest):
        brought.append(wheel.path.removeprefix("wheels/"))
        if len(brought) == 3:
            raise KeyboardInterrupt
        fetch(wheel, *rest)

    monkeypatch.setattr(wheels, "fetch", interrupted)
    with pytest.raises(KeyboardInterrupt):
        kit.make(root, folder, ["windows-3.13"])
    assert "a cópia não terminou" in refusal(root, folder)
    kit.make(root, folder, ["windows-3.13"])
    assert len(brought) == 3 + 2
    # Um arquivo estragado e um alvo novo: o kit passa a servir aos dois.
    (folder / "wheels" / SHELF[0]).write_bytes(b"meia copia")
    kit.make(root, folder, ["macos-3.13"])
    assert set(brought[5:]) == {SHELF[0], SHELF[3], SHELF[4]}
    assert set(manifest(folder)["targets"]) == {"windows-3.13", "macos-3.13"}
    kit.open_kit(root, folder)


def another_file(root, shelf, patch):
    make_wheel(shelf, *SHELF[2].removesuffix(".whl").split("-", 2), code="outro = 1")


def full_disk(root, shelf, patch):
    patch.setattr(shutil, "disk_usage", lambda _: namedtuple("usage", "free")(1))


@pytest.mark.parametrize(
    ("harm", "target", "said"),
    [
        (another_file, "windows-3.13", "torch não confere"),
        (lambda *_: None, "macos-3.11", "macos, Python 3.11"),
        (full_disk, "windows-3.13", "Falta espaço em disco: .*pen drive"),
    ],
)
def test_what_cannot_be_had_is_said_before_any_download(place, monkeypatch, harm, target, said):
    root, shelf, folder = place
    harm(root, shelf, monkeypatch)
    with pytest.raises(SetupError, match=said):
        kit.make(root, folder, [target])
    assert not list(folder.rglob("*.whl"))


@pytest.mark.parametrize(
    ("asked", "targets"),
    [
        (["x"], ["windows-3.13"]),
        (["x", "--for", "linux", "macos"], ["linux-3.13", "macos-3.13"]),
        (["x", "--for", "linux", "--python", "3.11", "3.12"], ["linux-3.11", "linux-3.12"]),
    ],
)
def test_the_command_names_the_machines(place, monkeypatch, asked, targets):
    seen = []
    monkeypatch.setattr(kit, "make", lambda root, folder, targets: seen.extend(targets))
    kit.main(asked)
    assert seen == targets


# ---------------------------------------------------------------- usar


@pytest.fixture
def whole(place):
    root, _, folder = place
    kit.make(root, folder, ["windows-3.13", "macos-3.13"])
    return root, folder


def test_a_flipped_byte_a_cut_and_a_lost_file_are_named(whole):
    root, folder = whole
    name = f"wheels/{SHELF[2]}"
    content = (folder / name).read_bytes()
    for spoiled in (content[:-1] + bytes([content[-1] ^ 1]), content[:-1]):
        (folder / name).write_bytes(spoiled)
        assert f"{name} não confere" in refusal(root, folder)
    shutil.rmtree(folder / "wheels")
    assert "(4 de 4 arquivos)" in refusal(root, folder)


def test_only_what_this_machine_uses_has_to_be_whole(whole, monkeypatch):
    root, folder = whole
    (folder / "wheels" / SHELF[3]).unlink()
    kit.open_kit(root, folder)
    monkeypatch.setattr(kit, "this_machine", lambda: "macos-3.13")
    assert SHELF[3] in refusal(root, folder)
    monkeypatch.setattr(kit, "this_machine", lambda: "linux-3.12")
    assert "serve a windows-3.13, macos-3.13, e esta máquina é linux-3.12" in refusal(root, folder)


def test_a_half_written_manifest_is_no_kit_and_line_endings_are_no_other_lock(whole):
    root, folder = whole
    text, locked = (folder / kit.MANIFEST).read_text(encoding="utf-8"), (root / lock.BASE).read_bytes()
    for half in ("", text[: len(text) // 2]):
        (folder / kit.MANIFEST).write_text(half, encoding="utf-8")
        assert "não há um kit do curso, ou a cópia não terminou" in refusal(root, folder)
    (folder / kit.MANIFEST).write_text(text, encoding="utf-8")
    (root / lock.BASE).write_bytes(locked.replace(b"\n", b"\r\n"))
    kit.open_kit(root, folder)
    (root / lock.BASE).write_bytes(locked + b"novo==1.0\n")
    assert "outra versão do curso" in refusal(root, folder)


# ---------------------------------------------------------------- de verdade


@pytest.mark.slow
def test_a_kit_sets_up_a_fresh_copy_without_network(tmp_path):
    """Um kit desta máquina, um projeto recém-copiado, sem cache e sem rede: fica pronto, e o teste passa."""
    if sys.platform != "linux" or not shutil.which("unshare"):
        miss("falta o unshare (pacote util-linux)")
    if problem := failures.network(sources.read(sys.executable)):
        miss(problem)
    folder, root = tmp_path / "kit", tmp_path / "projeto"
    subprocess.run([sys.executable, "-m", "course_utils.setup.kit", folder], cwd=artifacts.ROOT, check=True)
    copy_into(root)
    (tmp_path / "home").mkdir()
    env = {name: value for name, value in os.environ.items() if name not in ("VIRTUAL_ENV", "PYTHONPATH")}
    env |= {"HOME": str(tmp_path / "home"), "UV_CACHE_DIR": str(tmp_path / "cache")}

    def run():
        command = [getattr(sys, "_base_executable", sys.executable), "-m", "course_utils", "--kit", str(folder)]
        command += ["test", "tests/test_digits.py", "-q", "-p", "no:cacheprovider"]
        offline = ["unshare", "--net", "--map-root-user", "sh", "-c", 'ip link set lo up && exec "$@"', "sh"]
        return subprocess.run(
            [*offline, *command], cwd=root, env=env, capture_output=True, encoding="utf-8", check=False
        )

    torch = next((folder / "wheels").glob("torch-2*.whl"))
    content = torch.read_bytes()
    torch.write_bytes(content[: len(content) // 2])
    done = run()
    assert done.returncode == 1 and f"wheels/{torch.name} não confere" in done.stderr, done.stdout + done.stderr
    assert not (root / ".venv").exists(), "nada se instala de um kit estragado"
    torch.write_bytes(content)
    done = run()
    assert done.returncode == 0 and "Ambiente pronto" in done.stdout and " passed" in done.stdout, done.stderr
