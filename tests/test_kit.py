"""O kit para uma turma sem internet: pacotes pequenos feitos pelo teste, o uv de verdade e nenhuma rede."""

import platform
import shutil
from collections import namedtuple

import pytest
from wheelhouse import make_wheel

from course_utils.model import artifacts
from course_utils.setup import kit, lock, sources
from course_utils.setup.failures import SetupError

CPU = "torch-1.0+cpu-cp311-cp311-manylinux_2_28_x86_64.whl"
PURE = "puro-1.0-py3-none-any.whl"
SPLIT = ["partido-1.0-py3-none-any.whl", "partido-2.0-py3-none-any.whl"]
CUDA = ["torch-1.0-cp311-cp311-manylinux_2_28_x86_64.whl", "triton-1.0-py3-none-manylinux_2_28_x86_64.whl"]
WINDOWS = ["torch-1.0-cp313-cp313-win_amd64.whl", "janela-1.0-py3-none-win_amd64.whl"]
MACOS = ["torch-1.0-cp313-cp313-macosx_14_0_arm64.whl", "torch-1.0-cp313-cp313-macosx_11_0_arm64.whl"]
LOCK = """
puro==1.0 {puro-1.0}
torch==1.0 {torch-1.0-}
triton==1.0 ; sys_platform == 'linux' {triton}
janela==1.0 ; sys_platform == 'win32' {janela}
partido==1.0 ; python_full_version < '3.11.5' {partido-1.0}
partido==2.0 ; python_full_version >= '3.11.5' {partido-2.0}
"""
CPU_LOCK = "torch==1.0+cpu ; sys_platform == 'linux' {torch-1.0+cpu}\n"


def put(shelf, name, code=""):
    make_wheel(shelf, *name.removesuffix(".whl").split("-", 2), code=code)


@pytest.fixture
def place(tmp_path, monkeypatch):
    """`(projeto, prateleira, kit)`: só se procura na prateleira."""
    root, shelf, folder = tmp_path / "projeto", tmp_path / "prateleira", tmp_path / "pen drive"
    shelf.mkdir()
    root.mkdir()
    for name in (PURE, CPU, *SPLIT, *CUDA, *WINDOWS, *MACOS):
        put(shelf, name)
    for name, text in ((lock.BASE, LOCK), (lock.CPU, CPU_LOCK)):
        for start in [part.split("}")[0] for part in text.split("{")[1:]]:  # o SHA-256 no lugar do começo do nome
            codes = [artifacts.sha256(path) for path in shelf.iterdir() if path.name.startswith(start)]
            text = text.replace(f"{{{start}}}", " ".join(f"--hash=sha256:{code}" for code in codes))
        (root / name).write_text(text, encoding="utf-8")
    monkeypatch.setattr(sources, "read", lambda _: sources.only(shelf))
    monkeypatch.setattr(kit, "this_machine", lambda: "windows-3.13")
    return root, shelf, folder


def names(folder, target):
    """Os pacotes que o kit diz ter para `target`."""
    return {path.removeprefix("wheels/") for path in kit.read(folder)["targets"][target]}


def refusal(root, folder):
    with pytest.raises(SetupError) as caught:
        kit.open_kit(root, folder)
    text = str(caught.value)
    assert "\n" not in text and str(folder) in text
    return text


# ---------------------------------------------------------------- fazer


def test_each_machine_gets_what_it_takes_and_nothing_else(place, capsys):
    root, _, folder = place
    kit.make(root, folder, ["linux-3.11", "windows-3.13", "macos-3.13"])
    # O "3.11" são muitos: o 3.11.4 e o 3.11.5 não pedem o mesmo.
    assert names(folder, "linux-3.11") == {PURE, CPU, *SPLIT}
    assert names(folder, "windows-3.13") == {PURE, *WINDOWS, SPLIT[1]}
    assert names(folder, "macos-3.13") == {PURE, *MACOS, SPLIT[1]}
    wanted = {path: sha256 for found in kit.read(folder)["targets"].values() for path, sha256 in found.items()}
    found = {path.relative_to(folder).as_posix() for path in folder.rglob("*.*") if path.name != kit.MANIFEST}
    assert {path: artifacts.sha256(folder / path) for path in found} == wanted, "sobrou um arquivo temporário"
    said = capsys.readouterr().out
    assert said.index("faltam") < said.index("Baixando") < said.index("Kit pronto")
    assert kit.open_kit(root, folder) == folder


def test_without_the_cpu_build_of_torch_the_one_with_cuda_comes(place):
    root, shelf, folder = place
    (shelf / CPU).unlink()
    kit.make(root, folder, ["linux-3.11"])
    assert set(CUDA) <= names(folder, "linux-3.11")


def test_what_came_before_an_interruption_stays_and_later_calls_bring_only_what_is_missing(place, monkeypatch):
    root, _, folder = place
    brought, fetch = [], kit.fetch

    def interrupted(url, *rest):
        brought.append(url.rsplit("/")[-1])
        if len(brought) == 3:
            raise KeyboardInterrupt
        fetch(url, *rest)

    monkeypatch.setattr(kit, "fetch", interrupted)
    with pytest.raises(KeyboardInterrupt):
        kit.make(root, folder, ["windows-3.13"])
    assert "(falta o kit.json): copie a pasta de novo" in refusal(root, folder)
    kit.make(root, folder, ["windows-3.13"])
    assert len(brought) == 3 + 2
    # Um arquivo estragado e um alvo novo: o kit passa a servir aos dois.
    (folder / "wheels" / PURE).write_bytes(b"meia copia")
    kit.make(root, folder, ["macos-3.13"])
    assert set(brought[5:]) == {PURE, *MACOS}
    assert set(kit.read(folder)["targets"]) == {"windows-3.13", "macos-3.13"}
    kit.open_kit(root, folder)


def another_file(shelf, patch):
    put(shelf, WINDOWS[0], code="outro = 1")


def full_disk(shelf, patch):
    patch.setattr(shutil, "disk_usage", lambda _: namedtuple("usage", "free")(-1))


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
    harm(shelf, monkeypatch)
    with pytest.raises(SetupError, match=said):
        kit.make(root, folder, [target])
    assert not list(folder.rglob("*.whl"))


@pytest.mark.parametrize(
    ("asked", "targets"),
    [("", ["windows-3.13"]), ("--for linux --python 3.11 3.12", ["linux-3.11", "linux-3.12"])],
)
def test_the_command_names_the_machines(place, monkeypatch, asked, targets):
    seen = []
    monkeypatch.setattr(kit, "make", lambda root, folder, targets: seen.extend(targets))
    kit.main(["x", *asked.split()])
    assert seen == targets


# ---------------------------------------------------------------- usar


def test_a_kit_that_is_not_whole_or_not_for_here_is_refused_by_name(place, monkeypatch):
    root, _, folder = place
    kit.make(root, folder, ["windows-3.13", "macos-3.13"])
    torch, manifest, locked = folder / "wheels" / WINDOWS[0], folder / kit.MANIFEST, root / lock.BASE
    content, text, pins = torch.read_bytes(), manifest.read_text(encoding="utf-8"), locked.read_bytes()
    for spoiled in (content[:-1] + bytes([content[-1] ^ 1]), content[:-1]):
        torch.write_bytes(spoiled)
        assert f"wheels/{torch.name} não confere" in refusal(root, folder)
    torch.unlink()
    assert torch.name in refusal(root, folder)
    monkeypatch.setattr(kit, "this_machine", lambda: "macos-3.13")
    kit.open_kit(root, folder)  # só o que esta máquina usa tem de estar inteiro
    manifest.write_text(text[: len(text) // 2], encoding="utf-8")
    assert "(falta o kit.json)" in refusal(root, folder)
    manifest.write_text(text, encoding="utf-8")
    locked.write_bytes(pins.replace(b"\n", b"\r\n"))  # outro fim de linha não é outra versão
    kit.open_kit(root, folder)
    monkeypatch.setattr(kit, "this_machine", lambda: "linux-3.12")
    assert "é para windows-3.13, macos-3.13, e esta máquina é linux-3.12" in refusal(root, folder)
    monkeypatch.setattr(kit, "this_machine", lambda: "macos-3.13")
    monkeypatch.setattr(kit, "HERE", "macos")
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    assert "é para processadores arm64, e o desta máquina é x86_64" in refusal(root, folder)
    locked.write_bytes(pins + b"novo==1.0\n")
    assert "outra versão do curso" in refusal(root, folder)
