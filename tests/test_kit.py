"""O kit para uma turma sem internet: pacotes pequenos feitos pelo teste, o uv de verdade e nenhuma rede."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections import namedtuple
from pathlib import Path

import pytest
from fake_npm import make_project
from needs import miss, need
from tree import copy_into

from course_utils.model import artifacts
from course_utils.setup import engines, failures, gather, kit, lock, sources
from course_utils.setup.installer import SetupError

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


def make_wheel(folder, name):
    package, version, _, _, tag = name.removesuffix(".whl").split("-")
    info = f"{package}-{version}.dist-info"
    with zipfile.ZipFile(folder / name, "w") as wheel:
        wheel.writestr(f"{package}.py", f"tag = {tag!r}\n")
        wheel.writestr(
            f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {package.replace('_', '-')}\nVersion: {version}\n"
        )
        wheel.writestr(
            f"{info}/WHEEL", f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {name[:-4].split('-', 2)[2]}\n"
        )
        wheel.writestr(f"{info}/RECORD", "")


def write_locks(root, shelf):
    """Os dois locks, com o SHA-256 dos pacotes da prateleira no lugar de cada começo de nome entre chaves."""
    for name, text in ((lock.BASE, LOCK), (lock.CPU, CPU_LOCK)):
        for start in [part.split("}")[0] for part in text.split("{")[1:]]:
            found = [path for path in sorted(shelf.glob("*.whl")) if path.name.startswith(start)]
            codes = [hashlib.sha256(path.read_bytes()).hexdigest() for path in found]
            text = text.replace(f"{{{start}}}", " ".join(f"--hash=sha256:{code}" for code in codes))
        (root / name).write_text(text, encoding="utf-8")


@pytest.fixture
def place(tmp_path, monkeypatch):
    """`(projeto, prateleira, kit)`: só se procura na prateleira; os pacotes do npm já estão no kit."""
    shelf, folder = tmp_path / "prateleira", tmp_path / "pen drive"
    (folder / "engines").mkdir(parents=True)
    shelf.mkdir()
    root = make_project(tmp_path / "projeto", folder / "engines")
    for name in SHELF:
        make_wheel(shelf, name)
    write_locks(root, shelf)
    monkeypatch.setattr(sources, "read", lambda _: sources.only(shelf))
    monkeypatch.setattr(kit, "this_machine", lambda: "windows-3.13")
    return root, shelf, folder


@pytest.fixture
def no_pip(place, monkeypatch):
    """Copia os arquivos no lugar do pip, que demora a começar; devolve a lista do que se pediu a ele."""
    asked = []

    def copy(batch, version, work, *_):
        asked.extend(batch)
        for wheel in batch:
            shutil.copy(place[1] / Path(wheel.path).name, work)

    monkeypatch.setattr(gather, "pip", copy)
    return asked


def manifest(folder):
    return json.loads((folder / kit.MANIFEST).read_text(encoding="utf-8"))


def names(folder, target):
    return {path.removeprefix("wheels/") for path in manifest(folder)["targets"][target]}


def refusal(root, folder):
    with pytest.raises(SetupError) as caught:
        kit.open_kit(root, folder)
    text = str(caught.value)
    assert "\n" not in text and str(folder) in text
    return text


# ---------------------------------------------------------------- fazer


def test_each_machine_gets_what_it_takes_and_nothing_else(place, capsys):
    """Com o pip de verdade, que só aceita baixar para outra máquina se as etiquetas dela conferem."""
    root, shelf, folder = place
    kit.make(root, folder, ["linux-3.11", "windows-3.13", "macos-3.13"])
    every = {"puro-1.0-py3-none-any.whl"}
    # O "3.11" são muitos: o 3.11.4 e o 3.11.5 não pedem o mesmo.
    assert names(folder, "linux-3.11") == every | {CPU, *SHELF[-2:]}
    assert names(folder, "windows-3.13") == every | {SHELF[2], SHELF[7], SHELF[9]}
    assert names(folder, "macos-3.13") == every | {SHELF[3], SHELF[4], SHELF[9]}
    found = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert found == {*manifest(folder)["files"], kit.MANIFEST}, "sobrou um arquivo temporário"
    for name, expected in manifest(folder)["files"].items():
        content = (folder / name).read_bytes()
        assert expected == {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    said = capsys.readouterr().out
    assert said.index("faltam") < said.index("Baixando") < said.index("Kit pronto")
    assert "CUDA" not in said
    opened = kit.open_kit(root, folder)
    assert (opened.wheels / "puro-1.0-py3-none-any.whl").exists() and len(list(opened.engines.glob("*.tgz"))) == 3


def test_without_the_cpu_build_of_torch_the_kit_says_what_cuda_costs(place, no_pip, capsys):
    root, shelf, folder = place
    (shelf / CPU).unlink()
    kit.make(root, folder, ["linux-3.11"])
    assert {SHELF[1], SHELF[6]} <= names(folder, "linux-3.11")
    assert "Para linux (Python 3.11) só há o PyTorch com CUDA" in capsys.readouterr().out


def test_a_second_call_brings_only_what_is_missing(place, no_pip, capsys):
    root, shelf, folder = place
    kit.make(root, folder, ["windows-3.13"])
    no_pip.clear()
    kit.make(root, folder, ["windows-3.13"])
    assert not no_pip and "em 0." in capsys.readouterr().out
    # Um arquivo estragado e um alvo novo: o kit passa a servir aos dois.
    (folder / "wheels" / SHELF[0]).write_bytes(b"meia copia")
    kit.make(root, folder, ["macos-3.13"])
    assert {Path(wheel.path).name for wheel in no_pip} == {SHELF[0], SHELF[3], SHELF[4]}
    assert set(manifest(folder)["targets"]) == {"windows-3.13", "macos-3.13"}
    kit.open_kit(root, folder)


def test_an_interrupted_download_keeps_what_came_and_is_no_kit_yet(place, no_pip, monkeypatch):
    root, shelf, folder = place
    monkeypatch.setattr(gather, "BATCH_BYTES", 0)  # um arquivo por vez
    pip, calls = gather.pip, []

    def interrupted(batch, *rest):
        calls.append(batch)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return pip(batch, *rest)

    monkeypatch.setattr(gather, "pip", interrupted)
    with pytest.raises(KeyboardInterrupt):
        kit.make(root, folder, ["windows-3.13"])
    assert len(list((folder / "wheels").iterdir())) == 2, "sobrou a pasta temporária"
    assert "a cópia não terminou" in refusal(root, folder)
    kit.make(root, folder, ["windows-3.13"])
    assert len(calls) == 3 + 2
    kit.open_kit(root, folder)


def test_a_file_that_is_not_in_the_lock_is_refused(place):
    root, shelf, folder = place
    make_wheel(shelf, SHELF[2])
    with zipfile.ZipFile(shelf / SHELF[2], "a") as wheel:
        wheel.writestr("outro.py", "")
    with pytest.raises(SetupError, match="torch não confere"):
        kit.make(root, folder, ["windows-3.13"])
    assert not list((folder / "wheels").iterdir())


def test_a_machine_without_a_wheel_is_named(place):
    root, shelf, folder = place
    with pytest.raises(SetupError, match="macos, Python 3.11"):
        kit.make(root, folder, ["macos-3.11"])


def test_a_full_disk_is_said_before_any_download(place, monkeypatch):
    root, shelf, folder = place
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10, 9, 1))
    with pytest.raises(SetupError, match="Falta espaço em .*pen drive"):
        kit.make(root, folder, ["windows-3.13"])
    assert not list((folder / "wheels").iterdir())


def test_a_new_lock_replaces_only_what_the_old_kit_brought(place, no_pip):
    root, shelf, folder = place
    kit.make(root, folder, ["windows-3.13"])
    (folder / "wheels" / "meu.whl").write_bytes(b"")
    text = (root / lock.BASE).read_text(encoding="utf-8")
    (root / lock.BASE).write_text(
        "\n".join(line for line in text.splitlines() if "janela" not in line), encoding="utf-8"
    )
    assert "outra versão do curso" in refusal(root, folder)
    kit.make(root, folder, ["windows-3.13"])
    kit.open_kit(root, folder)
    left = {path.name for path in (folder / "wheels").iterdir()}
    assert "meu.whl" in left and SHELF[7] not in left and SHELF[0] in left


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
    assert kit.main(asked) == 0 and seen == targets


def test_a_failing_command_says_one_sentence(place, monkeypatch, capsys):
    def fail(*_):
        raise SetupError("Uma frase.")

    monkeypatch.setattr(kit, "make", fail)
    assert kit.main(["x"]) == 1 and capsys.readouterr().err == "Uma frase.\n"


# ---------------------------------------------------------------- usar


@pytest.fixture
def whole(place, no_pip):
    root, _, folder = place
    kit.make(root, folder, ["windows-3.13", "macos-3.13"])
    return root, folder


def test_a_flipped_byte_is_named_and_the_next_call_mends_it(whole):
    root, folder = whole
    for name in (f"wheels/{SHELF[2]}", next(name for name in manifest(folder)["files"] if "onnxruntime" in name)):
        content = bytearray((folder / name).read_bytes())
        content[len(content) // 2] ^= 1
        (folder / name).write_bytes(content)
        assert f"{name} não confere" in refusal(root, folder)
        (folder / name).write_bytes(bytes(content[:-1]))
        assert f"{name} não confere" in refusal(root, folder)
        content[len(content) // 2] ^= 1
        (folder / name).write_bytes(content)
        kit.open_kit(root, folder)


def test_only_what_this_machine_uses_has_to_be_whole(whole, monkeypatch):
    root, folder = whole
    (folder / "wheels" / SHELF[3]).unlink()
    kit.open_kit(root, folder)
    monkeypatch.setattr(kit, "this_machine", lambda: "macos-3.13")
    assert SHELF[3] in refusal(root, folder)


def test_a_half_copy_is_refused(whole):
    root, folder = whole
    text = (folder / kit.MANIFEST).read_text(encoding="utf-8")
    for half in ("", text[: len(text) // 2], "[]", '{"files": 1}'):
        (folder / kit.MANIFEST).write_text(half, encoding="utf-8")
        assert "não há um kit do curso, ou a cópia não terminou" in refusal(root, folder)
    (folder / kit.MANIFEST).write_text(text, encoding="utf-8")
    shutil.rmtree(folder / "wheels")
    assert "(4 de 7 arquivos)" in refusal(root, folder)


def test_a_kit_for_others_says_for_whom(whole, monkeypatch):
    root, folder = whole
    monkeypatch.setattr(kit, "this_machine", lambda: "linux-3.12")
    text = refusal(root, folder)
    assert "macos (Python 3.13) e windows (Python 3.13)" in text and "esta máquina é linux (Python 3.12)" in text


def test_line_endings_do_not_make_another_lock(whole):
    root, folder = whole
    path = root / lock.BASE
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    kit.open_kit(root, folder)


@pytest.mark.parametrize(
    ("system", "machine", "target"),
    [
        ("linux", "x86_64", "linux"),
        ("win32", "AMD64", "windows"),
        ("darwin", "arm64", "macos"),
        ("linux", "riscv64", ""),
    ],
)
def test_this_machine(monkeypatch, system, machine, target):
    monkeypatch.setattr(sys, "platform", system)
    monkeypatch.setattr("platform.machine", lambda: machine)
    if target:
        assert kit.this_machine() == "{}-{}.{}".format(target, *sys.version_info)
    else:
        with pytest.raises(SetupError, match="esta máquina é outra"):
            kit.this_machine()


# ---------------------------------------------------------------- de verdade


@pytest.fixture(scope="module")
def network():
    where = sources.read(sys.executable)
    problem = failures.network(where)
    if problem:
        miss(problem)
    return where


@pytest.mark.slow
def test_every_machine_has_everything_in_the_lock(network, tmp_path):
    """Para os nove alvos, sem baixar nada: cada pacote que o lock pede àquela máquina tem um arquivo pronto."""
    need("uv")
    with open(tmp_path / "kit.log", "w", encoding="utf-8") as log:
        for system in gather.SYSTEMS:
            for version in kit.PYTHONS:
                found = gather.choose(artifacts.ROOT, system, version, network, log)
                packages = {wheel.package for wheel in found}
                assert {"torch", "tensorflow", "uv", "jupyterlab"} <= packages, (system, version)
                assert ("uvloop" in packages) == (system != "windows"), (system, version)
                assert ("pywinpty" in packages) == (system == "windows"), (system, version)
                assert len({wheel.path for wheel in found}) == len(found)


@pytest.mark.slow
def test_wheels_of_another_system_are_really_downloaded(network, tmp_path):
    """De uma máquina para outra: três pacotes pequenos do lock, para Windows e para macOS, Python 3.13."""
    (tmp_path / "engines").mkdir()
    root, entries = make_project(tmp_path / "projeto", tmp_path / "engines"), lock.read(artifacts.ROOT)
    text = "".join(entries[name] for name in ("numpy", "pillow", "colorama"))
    (root / lock.BASE).write_text(text, encoding="utf-8")
    shutil.copy(artifacts.ROOT / lock.CPU, root)
    kit.make(root, tmp_path, ["windows-3.13", "macos-3.13"])
    tags = {name.rsplit("-", 1)[1] for name in names(tmp_path, "windows-3.13")}
    assert tags == {"any.whl", "win_amd64.whl"} and len(names(tmp_path, "windows-3.13")) == 3
    assert all("colorama" not in name and "macosx" in name for name in names(tmp_path, "macos-3.13"))


@pytest.mark.slow
def test_a_kit_sets_up_a_fresh_copy_without_network(network, tmp_path):
    """Um kit desta máquina, um projeto recém-copiado, sem cache e sem rede: fica pronto, e o teste passa."""
    if sys.platform != "linux" or not shutil.which("unshare"):
        miss("falta o unshare (pacote util-linux)")
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
    torch.write_bytes(content)
    with open(torch, "r+b") as file:
        file.seek(len(content) // 2)
        file.write(bytes([content[len(content) // 2] ^ 1]))
    done = run()
    assert done.returncode == 1 and f"wheels/{torch.name} não confere" in done.stderr, done.stdout + done.stderr
    assert not (root / ".venv").exists(), "nada se instala de um kit estragado"
    torch.write_bytes(content)
    done = run()
    assert done.returncode == 0 and "Ambiente pronto" in done.stdout and " passed" in done.stdout, done.stderr
    assert "Os motores do navegador não vieram" not in done.stdout
    assert engines.ready(root, root / ".venv")
