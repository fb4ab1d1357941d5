"""A página de desenho e o que os dois servidores lhe entregam: os motores e o modelo, e nada além disso."""

import json
import re
import shutil
import subprocess
import sys
import zipfile

import psutil
import pytest
from contracts import KINDS, Target

from course_utils.classroom import servers
from course_utils.model import artifacts, networks, tfjs
from course_utils.model.predictor import MODEL
from course_utils.serving import engines


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
    code += "ModelStore(artifacts.DATA / 'reference.onnx'); print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {name.partition(".")[0] for name in run.stdout.split()}
    heavy = {"torch", "tensorflow", "keras", "matplotlib", "h5py", "safetensors", "tensorflow_serving"}
    assert "onnxruntime" in loaded and not heavy & loaded


def test_the_models_are_the_reference_in_both_formats(server):
    status, headers, body = get(server, "/models/reference.onnx")
    assert status == 200 and body == MODEL.read_bytes() and headers["Cache-Control"] == "no-cache"
    topology, weights = tfjs.build()
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
    ("place", "name", "asked"),
    [(engines, "MODEL", "reference.onnx"), (networks, "WEIGHTS", "tfjs/model.json")],
)
def test_a_corrupted_model_is_not_given_to_a_browser_either(tmp_path, monkeypatch, place, name, asked):
    copy = tmp_path / getattr(place, name).name
    shutil.copy(getattr(place, name), copy)
    artifacts.seal(copy)
    copy.write_bytes(b"outra coisa")
    monkeypatch.setattr(place, name, copy)
    engines._tfjs_model.cache_clear()
    with pytest.raises(artifacts.CorruptedFileError):
        engines.find_model(asked)
