"""A página de desenho e o que os dois servidores lhe entregam: os motores, o modelo, e nada além disso.

Que o modelo escrito para o TF.js lê o mesmo que o ONNX, quem prova é o navegador (test_browser_engines.py).
"""

import json
import re
import shutil
import subprocess
import sys
import zipfile

import psutil
import pytest
from contracts import KINDS, Target
from needs import miss

from course_utils.classroom import servers
from course_utils.model import artifacts, networks
from course_utils.model.predictor import MODEL
from course_utils.serving import engines
from course_utils.serving.engines import __main__ as remake


@pytest.fixture(scope="module", params=["fastapi", "flask"])
def server(request):
    target, kind = KINDS[request.param]
    with servers.start(target, server=kind) as server:
        yield Target(server)


def get(server, path):
    """`(status, cabeçalhos, corpo)`, com o caminho tal como está: o urllib o arrumaria."""
    return server.call("GET", path)


def test_it_listens_only_on_this_machine(server):
    connections = psutil.Process(server.server.process.pid).net_connections()
    assert {item.laddr.ip for item in connections if item.status == psutil.CONN_LISTEN} == {"127.0.0.1"}


def test_the_page_uses_only_relative_addresses_that_exist(server):
    status, headers, page = get(server, "/")
    assert status == 200 and headers["Content-Type"].startswith("text/html") and b'lang="pt-BR"' in page
    addresses = [item for item in re.findall(r'(?:src|href)="([^"]+)"', page.decode()) if item != "data:,"]
    assert sorted(addresses) == ["web/app.js", "web/style.css"]
    assert get(server, "/web/style.css")[0] == 200
    scripts, waiting = {}, ["app.js"]
    while waiting:
        name = waiting.pop()
        status, headers, script = get(server, f"/web/{name}")
        assert status == 200 and headers["Content-Type"].startswith("text/javascript"), name
        scripts[name] = script.decode()
        waiting += [other for other in re.findall(r'from "\./([\w.]+)"', scripts[name]) if other not in scripts]
    assert scripts.keys() == {path.name for path in (artifacts.ROOT / "course_utils/serving/web").glob("*.js")}
    assert 'fetch("predict"' in scripts["server.js"]
    for name, script in scripts.items():
        assert not re.search(r"https?://|[\"'`]/\w", script), f"{name} tem um endereço que não é relativo"


def test_a_served_process_imports_no_training_framework():
    code = "import sys, course_utils.serving.__main__\n"
    code += "from course_utils.serving import cloud, fastapi_app, flask_app, open_inference, tf_serving\n"
    code += "from course_utils.serving.store import ModelStore, artifacts\n"
    code += "ModelStore(artifacts.DATA / 'reference.onnx'); print(*sys.modules)\n"
    code += "fastapi_app.engines.build_tfjs(); print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    serving, with_tfjs = (set(line.split()) for line in run.stdout.splitlines())
    heavy = {"torch", "tensorflow", "keras", "matplotlib", "h5py"}
    assert "onnxruntime" in serving and "safetensors" not in serving and not heavy & with_tfjs


def test_the_models_are_the_reference_in_both_formats(server):
    status, headers, body = get(server, "/models/reference.onnx")
    assert status == 200 and body == MODEL.read_bytes() and headers["Cache-Control"] == "no-cache"
    topology, weights = engines.build_tfjs()
    status, headers, body = get(server, "/models/tfjs/model.json")
    assert status == 200 and headers["Content-Type"] == "application/json" and json.loads(body) == topology
    assert get(server, "/models/tfjs/weights.bin")[2] == weights


def test_the_engines_come_with_types_the_browser_accepts(server):
    status, headers, body = get(server, "/engines/manifest.json")
    assert status == 200 and json.loads(body) == engines.versions() and headers["Cache-Control"] == "no-cache"
    expected = {"js": "text/javascript", "mjs": "text/javascript", "wasm": "application/wasm"}
    for name in zipfile.ZipFile(engines.FILE).namelist():
        status, headers, body = get(server, f"/engines/{name}")
        kind = headers["Content-Type"].split(";")[0]
        assert status == 200 and kind == expected[name.rpartition(".")[2]], name
        assert body == engines.find_engine(name).body
        assert "immutable" in headers["Cache-Control"]


@pytest.mark.parametrize(
    "path",
    [
        "/engines/nada.js",
        "/engines/",
        "/engines/../../../pyvenv.cfg",
        "/engines/%2e%2e/%2e%2e/pyvenv.cfg",
        "/models/reference.safetensors",
        "/models/../data/digits.npz",
        "/models//etc/passwd",
    ],
)
def test_nothing_else_is_given(server, path):
    status, headers, body = get(server, path)
    assert status in (301, 308, 404), body[:200]
    if status == 404:
        assert headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("module", "name", "find", "asked"),
    [
        (engines, "MODEL", engines.find_model, "reference.onnx"),
        (networks, "WEIGHTS", engines.find_model, "tfjs/model.json"),
        (engines, "FILE", engines.find_engine, "manifest.json"),
    ],
)
def test_what_was_spoiled_is_not_given(tmp_path, monkeypatch, module, name, find, asked):
    copy = tmp_path / getattr(module, name).name
    copy.write_bytes(b"o que foi selado")
    artifacts.seal(copy)
    copy.write_bytes(b"outra coisa")
    monkeypatch.setattr(module, name, copy)
    engines.build_tfjs.cache_clear()
    engines._packed.cache_clear()
    with pytest.raises(artifacts.CorruptedFileError, match="corrompido"):
        find(asked)


# ------------------------------------------------------------------ os motores que vêm com o projeto

PLACE = artifacts.ROOT / "course_utils/serving/engines"
ASKED = json.loads((PLACE / "package.json").read_text(encoding="utf-8"))["dependencies"]
PINNED = json.loads((PLACE / "package-lock.json").read_text(encoding="utf-8"))["packages"]


def test_what_is_stored_is_what_package_json_asks_for():
    stored = {name.split("/dist/")[0]: engine for engine, names in remake.WANTED.items() for name in names}
    assert {name: engines.versions()[engine] for name, engine in stored.items()} == ASKED
    for engine, names in remake.WANTED.items():
        for name in names:
            asked = f"{engine}-{engines.versions()[engine]}/{name.rpartition('/')[2]}"
            assert len(engines.find_engine(asked).body) > 10_000


def test_the_lock_pins_every_package_exactly_and_names_no_host():
    assert PINNED[""]["dependencies"] == ASKED
    for name, version in ASKED.items():
        assert re.fullmatch(r"\d+\.\d+\.\d+", version), f"{name} sem versão exata"
        assert PINNED[f"node_modules/{name}"]["version"] == version
        assert PINNED[f"node_modules/{name}"]["license"] in ("MIT", "Apache-2.0")
    for name, package in PINNED.items():
        assert not name or package["integrity"].startswith("sha512-"), name
        assert "resolved" not in package, name


@pytest.mark.slow
def test_npm_delivers_the_same_bytes(tmp_path):
    if not shutil.which("npm"):
        miss("falta o npm")
    with zipfile.ZipFile(engines.FILE) as stored:
        assert {name: stored.read(name) for name in stored.namelist()} == remake.fetch(tmp_path)
