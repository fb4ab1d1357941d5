"""Os motores do navegador que vêm com o projeto: os que package.json pede, com os bytes que o npm entrega."""

import json
import re
import shutil
import zipfile

import pytest
from needs import miss

from course_utils.model import artifacts
from course_utils.serving import engines
from course_utils.serving.engines import __main__ as remake

PLACE = artifacts.ROOT / "course_utils/serving/engines"
ASKED = json.loads((PLACE / "package.json").read_text(encoding="utf-8"))["dependencies"]
PINNED = json.loads((PLACE / "package-lock.json").read_text(encoding="utf-8"))["packages"]


def test_what_is_stored_is_what_package_json_asks_for():
    for engine, packages in remake.WANTED.items():
        assert {ASKED[name] for name in packages} == {engines.versions()[engine]}
    assert {name for packages in remake.WANTED.values() for name in packages} == set(ASKED)
    for packages in remake.WANTED.values():
        for name in [name for names in packages.values() for name in names]:
            stored = [one for one in zipfile.ZipFile(engines.FILE).namelist() if one.endswith(f"/{name[5:]}")]
            assert len(stored) == 1 and len(engines.find_engine(stored[0]).body) > 10_000


def test_the_lock_pins_every_package_exactly_and_names_no_host():
    assert PINNED[""]["dependencies"] == ASKED
    for name, version in ASKED.items():
        assert re.fullmatch(r"\d+\.\d+\.\d+", version), f"{name} sem versão exata"
        assert PINNED[f"node_modules/{name}"]["version"] == version
        assert PINNED[f"node_modules/{name}"]["license"] in ("MIT", "Apache-2.0")
    for name, package in PINNED.items():
        assert not name or package["integrity"].startswith("sha512-"), name
        assert "resolved" not in package, name


def test_a_spoiled_file_is_not_served(tmp_path, monkeypatch):
    copy = tmp_path / engines.FILE.name
    remake.write({"onnx-1.0.0/a.mjs": b"export default 1"}, copy)
    monkeypatch.setattr(engines, "FILE", copy)
    engines._packed.cache_clear()
    try:
        assert engines.versions() == {"onnx": "1.0.0"}
        assert engines.find_engine("onnx-1.0.0/a.mjs").body == b"export default 1"
        engines._packed.cache_clear()
        copy.write_bytes(copy.read_bytes()[:-1])
        with pytest.raises(artifacts.CorruptedFileError, match="engines.zip está corrompido"):
            engines.versions()
    finally:
        engines._packed.cache_clear()


@pytest.mark.slow
def test_npm_delivers_the_same_bytes(tmp_path):
    if not shutil.which("npm"):
        miss("falta o npm")
    with zipfile.ZipFile(engines.FILE) as stored:
        assert {name: stored.read(name) for name in stored.namelist()} == remake.fetch(tmp_path)
