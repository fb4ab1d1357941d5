"""Os contratos de contêiner do SageMaker e da Vertex AI, no que é só deles, por sockets de verdade e sem Docker.

O processo é o que a imagem executa (`python -m course_utils.serving.container serve`), com as variáveis de
ambiente que cada nuvem define. O que vale em todo servidor está em `test_http` e `test_service`.
"""

import base64
import http.client
import io
import json
import os
import subprocess
import sys
import threading
import time

import numpy as np
import psutil
import pytest
from cases import BYTES, JSON, PNG, body
from contracts import VERTEX, Target, assert_refused, start_container
from PIL import Image
from waiting import PATIENCE_S, wait_for

from course_utils.classroom import servers
from course_utils.model import artifacts, digits
from course_utils.model.predictor import MODEL, Predictor
from course_utils.serving import cloud
from course_utils.serving.container import __main__ as launcher

HEALTH, PREDICT = VERTEX.values()
ROUTES = {"sagemaker": ("/ping", "/invocations"), "vertex": (HEALTH, PREDICT)}
SETTINGS = (*VERTEX, "AIP_HTTP_PORT", "AIP_STORAGE_URI", "SAGEMAKER_BIND_TO_PORT", "SM_MODEL_DIR")
SETTINGS += ("AULA_MODEL", "AULA_HOST")
TINY = artifacts.DATA / "mxnet_gluon.onnx"


@pytest.fixture(autouse=True, scope="module")
def no_settings():
    """Nenhuma variável destas vem da máquina de quem testa."""
    with pytest.MonkeyPatch.context() as patch:
        for variable in SETTINGS:
            patch.delenv(variable, raising=False)
        yield


@pytest.fixture(scope="module")
def container(no_settings):
    """O contêiner como a Vertex AI o inicia; as rotas do SageMaker continuam lá."""
    with start_container() as server:
        yield Target(server, predict=PREDICT, get=HEALTH)


@pytest.fixture(scope="module")
def images():
    return digits.load("test")[0][:32]


def png(array):
    file = io.BytesIO()
    Image.fromarray(array).save(file, "PNG")
    return file.getvalue()


def texts(images):
    return [base64.b64encode(image.tobytes()).decode() for image in images]


# ---------------------------------------------------------------- início: comando, endereço, porta


@pytest.mark.skipif(sys.platform != "linux", reason="só no Linux toda a faixa 127/8 é desta máquina")
@pytest.mark.parametrize("host", [{}, {"AULA_HOST": "127.0.0.2"}])
def test_it_listens_only_on_this_machine_and_only_aula_host_moves_it(host):
    settings = host | {"SAGEMAKER_BIND_TO_PORT": str(servers.free_port())}

    def addresses(process):
        connections = psutil.Process(process.pid).net_connections("tcp")
        return {item.laddr.ip for item in connections if item.status == psutil.CONN_LISTEN}

    command = [sys.executable, "-m", "course_utils.serving.container", "serve"]
    process = subprocess.Popen(command, env=os.environ | settings, cwd=artifacts.ROOT, stdout=subprocess.DEVNULL)
    try:
        assert wait_for(lambda: addresses(process)) == {host.get("AULA_HOST", "127.0.0.1")}
    finally:
        process.terminate()
        process.wait(timeout=PATIENCE_S)


def test_serve_is_the_only_command_on_the_port_of_each_cloud(monkeypatch):
    for arguments in ([], ["train"], ["serve", "extra"]):
        with pytest.raises(SystemExit) as end:
            launcher.main(arguments)
        assert end.value.code == 2
    assert launcher.http_port() == 8080
    monkeypatch.setenv("SAGEMAKER_BIND_TO_PORT", "8081")
    assert launcher.http_port() == 8081
    monkeypatch.setenv("AIP_HTTP_PORT", "7080")
    assert launcher.http_port() == 7080


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("AIP_HTTP_PORT", "http", "AIP_HTTP_PORT=http: esperava uma porta"),
        ("SAGEMAKER_BIND_TO_PORT", "70000", "esperava uma porta"),
        ("AIP_PREDICT_ROUTE", "predict", "AIP_PREDICT_ROUTE=predict: esperava um caminho"),
        ("AIP_STORAGE_URI", "gs://balde/modelo", "AIP_STORAGE_URI=gs://balde/modelo: só leio pastas locais"),
        ("SM_MODEL_DIR", str(artifacts.ROOT / "tests"), "achei 0"),
        ("SM_MODEL_DIR", "/nao/existe", "Falta o arquivo"),
        ("AULA_MODEL", str(artifacts.ROOT / "README.md"), "não tem SHA-256"),
    ],
)
def test_a_setting_that_does_not_serve_ends_it_with_one_sentence(variable, value, said, monkeypatch):
    monkeypatch.setenv(variable, value)
    monkeypatch.setattr("uvicorn.run", lambda *_, **__: pytest.fail("foi servir"))
    with pytest.raises(SystemExit) as end:
        launcher.main(["serve"])
    assert said in end.value.code and "\n" not in end.value.code


@pytest.mark.slow
@pytest.mark.alone
def test_health_answers_in_time_under_load(container, images):
    """32 clientes com 32 imagens cada e 4 com figuras de 16 megapixels: aceita em 250 ms e responde em 2 s."""
    health, predict = ROUTES["sagemaker"]
    picture = png(255 - np.asarray(Image.fromarray(images[0]).resize((4096, 4096))))
    stop, statuses = threading.Event(), []

    def client(data, kind):
        while not stop.is_set():
            statuses.append(container.post(data, kind, predict)[0])

    loads = [(images.tobytes(), BYTES)] * 32 + [(picture, PNG)] * 4
    threads = [threading.Thread(target=client, args=load) for load in loads]
    for thread in threads:
        thread.start()
    accepted, answered = [], []
    try:
        limit = time.monotonic() + 4
        while time.monotonic() < limit:
            start = time.monotonic()
            connection = http.client.HTTPConnection("127.0.0.1", container.server.port, timeout=PATIENCE_S)
            connection.connect()
            accepted.append(time.monotonic() - start)
            connection.request("GET", health)
            assert connection.getresponse().status == 200
            answered.append(time.monotonic() - start)
            connection.close()
            time.sleep(0.02)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    print(f"piores de {len(answered)}: conexão {max(accepted):.3f} s, resposta {max(answered):.3f} s")
    assert max(accepted) < 0.25 and max(answered) < 2
    assert statuses.count(200) > 10 and set(statuses) <= {200, 503, 504}


# ---------------------------------------------------------------- previsão


def read(target, payload, kind, route=PREDICT):
    """As previsões (lista) de uma resposta 200."""
    status, headers, text = target.post(payload, kind, route)
    assert status == 200 and headers["Content-Type"] == JSON, text[:300]
    return json.loads(text)["predictions"]


def test_vertex_reads_what_sagemaker_reads_and_its_own_envelope(container, images):
    """O laboratório da nuvem mostra os outros corpos: listas, números reais, `{"b64": …}`."""
    expected = read(container, images.tobytes(), BYTES, "/invocations")
    assert read(container, images.tobytes(), BYTES) == expected
    mixed = [texts(images)[0], {"b64": texts(images)[1]}, *images[2:].reshape(-1, 784).astype(float).tolist()]
    for extra in ({}, {"parameters": None}, {"parameters": {"limiar": 0.5}}):
        assert read(container, body({"instances": mixed} | extra), JSON) == expected
    picture = png(255 - images[0])
    assert read(container, picture, PNG) == read(container, picture, PNG, "/invocations")


@pytest.mark.parametrize(
    ("payload", "said"),
    [
        (body({"images": [[0] * 784]}), '{"instances": [imagem, …]}'),
        (body({"instances": []}), "instances: recebi 0; esperava de 1 a 32 imagens"),
        (body({"instances": [[0] * 784, [0.5] * 784]}), "instances[1][0]: recebi 0.5; esperava um inteiro"),
        (body({"instances": [[256.0] * 784]}), "instances[0][0]: recebi 256"),
        (body({"instances": [[float("nan")] * 784]}), "instances[0][0]"),
        (body({"instances": [[1e300] * 784]}), "instances[0][0]"),
        (body({"instances": [{"b64": "AAAA"}]}), "instances[0]"),
        (body({"instances": [{"b64": 7}]}), "instances[0]"),
        (body({"instances": [{"b64": "AAAA", "outro": 1}]}), "instances[0]"),
        (body({"instances": [[0] * 784], "parameters": 7}), "parameters: esperava um objeto"),
    ],
)
def test_vertex_refusals_name_the_client_s_own_field(container, payload, said):
    assert_refused(container.post(payload), 422, said)


def test_the_vertex_routes_are_the_ones_the_platform_chooses(images):
    with servers.start_container() as server:  # sem AIP_*: só o SageMaker
        for route in (HEALTH, PREDICT, "/predict"):
            assert Target(server).post(images[:1].tobytes(), BYTES, route)[0] == 404
    routes = {"AIP_HEALTH_ROUTE": "/ping", "AIP_PREDICT_ROUTE": "/invocations"}
    with servers.start_container(routes) as server:  # as do SageMaker, com o corpo da Vertex AI
        target = Target(server, predict="/invocations")
        assert target.post(body({"instances": texts(images)}))[0] == 200
        assert_refused(target.post(body({"images": texts(images)})), 422)


# ---------------------------------------------------------------- modelo


def copy_model(source, folder, name="model.onnx"):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(source.read_bytes())
    return artifacts.seal(folder / name)


def test_the_model_folder_by_order_of_preference(tmp_path, monkeypatch):
    assert cloud.model_path() == MODEL
    opt = copy_model(TINY, tmp_path / "opt")
    monkeypatch.setattr(cloud, "MODEL_DIR", opt.parent)
    assert cloud.model_path() == opt
    for number, variable in enumerate(("SM_MODEL_DIR", "AIP_STORAGE_URI", "AULA_MODEL")):
        folder = copy_model(TINY, tmp_path / str(number) / "pasta").parent
        monkeypatch.setenv(variable, str(folder))
        assert cloud.model_path() == folder / "model.onnx"
    monkeypatch.setenv("AULA_MODEL", str(TINY))
    assert cloud.model_path() == TINY
    monkeypatch.delenv("AULA_MODEL")
    monkeypatch.setenv("AIP_STORAGE_URI", "")  # a Vertex AI a deixa vazia se o modelo já está na imagem
    assert cloud.model_path().parent.parent.name == "0"


def test_a_folder_is_versions_or_one_file(tmp_path):
    one = copy_model(TINY, tmp_path / "um")
    versions = copy_model(TINY, tmp_path / "versoes" / "1").parent.parent
    assert cloud.find_model(one.parent) == one and cloud.find_model(one) == one
    assert cloud.find_model(versions) == versions
    copy_model(TINY, one.parent, "outro.onnx")
    with pytest.raises(cloud.SettingsError, match="achei 2"):
        cloud.find_model(one.parent)


def test_it_serves_the_model_the_platform_unpacked(tmp_path, images):
    copy_model(MODEL, tmp_path / "1")
    copy_model(TINY, tmp_path / "2")
    with servers.start_container(VERTEX | {"SM_MODEL_DIR": str(tmp_path)}, ready=HEALTH) as server:
        for _, route in ROUTES.values():
            answer = json.loads(Target(server).post(images.tobytes(), BYTES, route)[2])
            assert answer["model_version"] == "2"
            for item, other in zip(answer["predictions"], Predictor(TINY).predict(images), strict=True):
                assert item["probabilities"] == pytest.approx(other.probabilities, abs=1e-6)
