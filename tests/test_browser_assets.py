"""O que os dois servidores entregam à página para ela ler sozinha: os motores e o modelo, e nada além disso."""

import http.client
import json

import pytest

from course_utils.classroom import servers
from course_utils.files import installed_engines
from course_utils.model import artifacts, tfjs
from course_utils.model.predictor import MODEL
from course_utils.serving import browser
from course_utils.setup import engines

TARGETS = {
    "fastapi": ("course_utils.serving.fastapi_app:create_app", "uvicorn"),
    "flask": ("course_utils.serving.flask_app:create_app", "werkzeug"),
}


@pytest.fixture(scope="module", params=TARGETS)
def server(request):
    target, kind = TARGETS[request.param]
    with servers.start(target, server=kind) as server:
        yield server


def get(server, path):
    """`(status, cabeçalhos, corpo)`, com o caminho tal como está: o urllib o arrumaria."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=180)
    connection.request("GET", path)
    response = connection.getresponse()
    answer = response.status, response.headers, response.read()
    connection.close()
    return answer


def test_the_models_are_the_reference_in_both_formats(server):
    status, headers, body = get(server, "/models/reference.onnx")
    assert status == 200 and body == MODEL.read_bytes() and headers["Cache-Control"] == "no-cache"
    topology, weights = tfjs.build()
    status, headers, body = get(server, "/models/tfjs/model.json")
    assert status == 200 and headers["Content-Type"] == "application/json" and json.loads(body) == topology
    assert get(server, "/models/tfjs/weights.bin")[2] == weights


def test_the_engines_come_with_types_the_browser_accepts(server):
    status, headers, body = get(server, "/engines/manifest.json")
    assert status == 200 and json.loads(body) == installed_engines() and headers["Cache-Control"] == "no-cache"
    if not installed_engines():
        pytest.skip("os motores não estão instalados: python -m course_utils")
    expected = {".js": "text/javascript", ".mjs": "text/javascript", ".wasm": "application/wasm"}
    for engine, version in installed_engines().items():
        for name in [name for files in engines.ENGINES[engine].values() for name in files]:
            file = name.rpartition("/")[2]
            status, headers, body = get(server, f"/engines/{engine}-{version}/{file}")
            kind = headers["Content-Type"].split(";")[0]
            assert status == 200 and len(body) > 10_000 and kind == expected["." + file.rpartition(".")[2]], file
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


def test_without_engines_the_manifest_is_empty_and_the_files_are_not_found(tmp_path, monkeypatch):
    monkeypatch.setattr(browser.sys, "prefix", str(tmp_path))
    assert browser.find_engine("manifest.json").body == b"{}"
    assert browser.find_engine("tfjs-4.22.0/tf.min.js") is None


def test_a_corrupted_model_is_not_given_to_a_browser_either(tmp_path, monkeypatch):
    copy = tmp_path / MODEL.name
    copy.write_bytes(MODEL.read_bytes())
    artifacts.seal(copy)
    copy.write_bytes(b"outra coisa")
    monkeypatch.setattr(browser, "MODEL", copy)
    with pytest.raises(artifacts.CorruptedFileError):
        browser.find_model("reference.onnx")
