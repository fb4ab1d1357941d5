"""Os motores do navegador: a preparação, com um registro do npm que entrega pacotes feitos pelo teste."""

import json
import os
import re
import shutil
import sys
from pathlib import Path

import pytest
from fake_registry import integrity, make_project
from jupyterlab.commands import YARN_DEFAULT_REGISTRY

from course_utils import files
from course_utils.model import artifacts
from course_utils.setup import engines, environment, lock, packages, sources
from course_utils.setup.progress import Progress

LOCK = json.loads((artifacts.ROOT / engines.LOCK).read_text(encoding="utf-8"))
BOTH = {"tfjs": "1.0.0", "onnx": "1.0.0"}
NOWHERE = "http://127.0.0.1:9"


@pytest.fixture
def place(tmp_path, monkeypatch):
    """`(projeto, ambiente, registro)`: só se procura no registro do teste, uma pasta."""
    shelf = tmp_path / "registro do npm"
    root = make_project(tmp_path / "Pasta com espaço", shelf)
    monkeypatch.setattr(engines, "registry", lambda _: shelf.as_uri())
    monkeypatch.setattr(sources, "read", lambda _: sources.Sources())
    return root, tmp_path / "env", shelf


def complete(root, prefix, kit=None):
    with Progress() as progress:
        return engines.complete(root, prefix, Path(sys.executable), progress, kit)


def assert_one_sentence(text, reason):
    assert text.startswith("Os motores do navegador não vieram") and reason in text and "\n" not in text, text
    assert text.endswith("rode de novo.")


def change_the_lock(root):
    with open(root / engines.LOCK, "a", encoding="utf-8") as file:
        file.write("\n")


def onnx(shelf):
    return next(shelf.rglob("onnx*.tgz"))


def test_only_the_files_the_page_asks_for_stay_until_the_lock_changes_or_one_is_lost(place, monkeypatch):
    root, prefix, shelf = place
    assert complete(root, prefix) == ""
    assert files.installed_engines(prefix) == BOTH and engines.ready(root, prefix)
    folder = prefix / files.ENGINES_PLACE
    wanted = {f"{engine}-1.0.0/{Path(name).name}" for engine, group in engines.ENGINES.items()
              for names in group.values() for name in names}  # fmt: skip
    found = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert found == wanted | {files.ENGINES_MANIFEST}
    assert [path.name for path in folder.parent.iterdir()] == [folder.name], "sobrou a pasta temporária"
    with monkeypatch.context() as patch:
        patch.setattr(engines, "registry", lambda _: NOWHERE)
        assert complete(root, prefix) == "", "já estava tudo lá"
    next(folder.rglob("*.wasm")).unlink()
    assert not engines.ready(root, prefix) and complete(root, prefix) == ""
    assert files.installed_engines(prefix) == BOTH
    change_the_lock(root)
    assert not engines.ready(root, prefix)


def test_a_project_without_a_lock_has_nothing_to_fetch(tmp_path):
    assert complete(tmp_path, tmp_path / "env") == "" and files.installed_engines(tmp_path / "env") == {}


def cut(root, shelf, monkeypatch):
    onnx(shelf).write_bytes(onnx(shelf).read_bytes()[:-9])


def unreadable(root, shelf, monkeypatch):
    onnx(shelf).write_bytes(b"isto nao e um tgz")
    content = json.loads((root / engines.LOCK).read_text(encoding="utf-8"))
    content["packages"]["node_modules/onnxruntime-web"]["integrity"] = integrity(onnx(shelf))
    (root / engines.LOCK).write_text(json.dumps(content), encoding="utf-8")


def no_network(root, shelf, monkeypatch):
    monkeypatch.setattr(engines, "registry", lambda _: NOWHERE)


def full_disk(root, shelf, monkeypatch):
    monkeypatch.setattr(engines.tarfile, "open", lambda *_: (_ for _ in ()).throw(OSError(28, "cheio")))


@pytest.mark.parametrize(
    ("harm", "reason"),
    [
        (no_network, "Sem rede até 127.0.0.1"),
        (cut, "onnxruntime-web-1.0.0.tgz não confere"),
        (unreadable, engines.WRONG),
        (full_disk, "(o disco está cheio): libere espaço"),
    ],
)
def test_a_failure_is_one_sentence_keeps_the_old_engines_and_the_next_call_recovers(
    place, monkeypatch, harm, reason
):
    root, prefix, shelf = place
    complete(root, prefix)
    before, pins = onnx(shelf).read_bytes(), (root / engines.LOCK).read_text(encoding="utf-8")
    change_the_lock(root)
    with monkeypatch.context() as patch:
        harm(root, shelf, patch)
        assert_one_sentence(complete(root, prefix), reason)
    assert files.installed_engines(prefix) == BOTH and len(list((prefix / "share").iterdir())) == 1
    onnx(shelf).write_bytes(before)
    (root / engines.LOCK).write_text(pins + " ", encoding="utf-8")
    assert complete(root, prefix) == "" and engines.ready(root, prefix)


def test_a_kit_brings_the_engines_without_network_and_a_spoiled_one_does_not(place, monkeypatch, tmp_path):
    root, prefix, shelf = place
    (tmp_path / "kit" / "engines").mkdir(parents=True)
    for archive in shelf.rglob("*.tgz"):
        shutil.copy(archive, tmp_path / "kit" / "engines")
    monkeypatch.setattr(engines, "registry", lambda _: NOWHERE)
    assert complete(root, prefix, tmp_path / "kit") == "" and files.installed_engines(prefix) == BOTH
    change_the_lock(root)
    onnx(tmp_path / "kit").write_bytes(b"meia")
    assert_one_sentence(complete(root, prefix, tmp_path / "kit"), engines.WRONG)


@pytest.mark.skipif(os.name == "nt", reason="o npm de mentira é um script do POSIX")
@pytest.mark.parametrize(
    ("program", "place"),
    [("echo https://npm.exemplo/", "https://npm.exemplo"), ("echo undefined", None), ("exit 3", None), ("", None)],
)
def test_the_registry_is_the_one_that_npm_is_configured_with(tmp_path, monkeypatch, program, place):
    if program:
        (tmp_path / "npm").write_text(f"#!/bin/sh\n{program}\n", encoding="utf-8")
        (tmp_path / "npm").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert engines.registry(sys.executable) == (place or YARN_DEFAULT_REGISTRY)


# ---------------------------------------------------------------- dentro da preparação do ambiente


def test_a_ready_environment_fetches_missing_engines_once_and_does_without(place, monkeypatch, capsys):
    root, python = place[0], str(environment.venv_python(place[0]))
    (root / ".venv").mkdir()
    monkeypatch.setattr(environment, "diagnose", lambda *_: "ready")
    with monkeypatch.context() as patch:
        patch.setattr(engines, "registry", lambda _: NOWHERE)
        assert environment.ensure(root) == python
    assert_one_sentence(capsys.readouterr().out.splitlines()[-1], "Sem rede")
    with environment.only_one(root):  # outra janela: usa-se o ambiente como está
        assert environment.ensure(root) == python
    assert capsys.readouterr().out == "" and files.installed_engines(root / ".venv") == {}
    environment.ensure(root)
    assert "Buscando os motores do navegador" in capsys.readouterr().out
    assert files.installed_engines(root / ".venv") == BOTH
    environment.ensure(root)
    assert capsys.readouterr().out == ""


def test_a_cold_set_up_marks_the_environment_before_it_looks_for_engines(place, monkeypatch, capsys):
    """Se a busca dos motores for interrompida, o ambiente já está pronto e não se refaz."""
    root = place[0]
    (root / ".venv").mkdir()
    (root / lock.BASE).write_text("", encoding="utf-8")
    monkeypatch.setattr(environment, "create", lambda *_: None)
    monkeypatch.setattr(packages, "install", lambda *_: True)
    monkeypatch.setattr(engines, "complete", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        environment.prepare(root, "unfinished", [lock.BASE], None)
    assert environment.read_mark(root / ".venv")["finished"] is True
    monkeypatch.setattr(engines, "complete", lambda *_: engines.WITHOUT.format("Motivo."))
    environment.prepare(root, "unfinished", [lock.BASE], None)
    said = capsys.readouterr().out
    assert said.index("Ambiente pronto") < said.index("Os motores do navegador não vieram")


# ---------------------------------------------------------------- o que está no repositório


def test_the_lock_pins_what_package_json_asks_and_names_no_host():
    asked = json.loads((artifacts.ROOT / engines.LOCK).with_name("package.json").read_text(encoding="utf-8"))
    assert LOCK["packages"][""]["dependencies"] == asked["dependencies"]
    for name, version in asked["dependencies"].items():
        assert re.fullmatch(r"\d+\.\d+\.\d+", version), f"{name} sem versão exata"
        assert LOCK["packages"][f"node_modules/{name}"]["version"] == version
    assert {name for group in engines.ENGINES.values() for name in group} == set(asked["dependencies"])
    for name, package in LOCK["packages"].items():
        assert not name or package["integrity"].startswith("sha512-"), name
        assert "resolved" not in package, name
    for group in engines.ENGINES.values():
        assert len({LOCK["packages"][f"node_modules/{name}"]["version"] for name in group}) == 1
