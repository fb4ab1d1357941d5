"""Os contratos de contêiner do SageMaker e da Vertex AI, no que é só deles, por sockets de verdade e sem Docker.

O processo é o que a imagem executa (`python -m course_utils.serving.container serve`), com as variáveis de
ambiente que cada nuvem define. O que vale em todo servidor está em `test_http` e `test_service`.
"""

import base64
import http.client
import json
import shutil
import threading
import time

import pictures_by_kind as kinds
import pytest
from cases import BYTES, JSON, ONE, PNG, body
from contracts import VERTEX, Target, assert_refused, make_version, start_container
from waiting import PATIENCE_S

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


def texts(images):
    return [base64.b64encode(image.tobytes()).decode() for image in images]


# ---------------------------------------------------------------- início: comando, endereço, porta


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2"])
def test_only_aula_host_moves_it_from_this_machine(host, monkeypatch):
    """O endereço que chega ao uvicorn; nos soquetes, o test_http e, na imagem, o test_container_image o veem."""
    served = []
    if host != "127.0.0.1":
        monkeypatch.setenv("AULA_HOST", host)
    monkeypatch.setattr("uvicorn.run", lambda app, **options: served.append(options["host"]))
    monkeypatch.setattr(cloud, "create_app", lambda model: None)  # um Service deixaria uma thread a vigiar
    monkeypatch.setattr(launcher, "log_to_stdout", lambda: None)  # este registro é de todos os testes
    launcher.main(["serve"])
    assert served == [host]


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
    picture = kinds.save(kinds.paint(kinds.plain(images[0], 4096)).convert("L"))[1]
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
    assert read(container, ONE, PNG) == read(container, ONE, PNG, "/invocations")


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


def test_the_model_folder_by_order_of_preference(tmp_path, monkeypatch):
    assert cloud.model_path() == MODEL
    opt = make_version(tmp_path, "opt", model=TINY)
    monkeypatch.setattr(cloud, "MODEL_DIR", opt.parent)
    assert cloud.model_path() == opt
    for number, variable in enumerate(("SM_MODEL_DIR", "AIP_STORAGE_URI", "AULA_MODEL")):
        folder = make_version(tmp_path / str(number), "pasta", model=TINY).parent
        monkeypatch.setenv(variable, str(folder))
        assert cloud.model_path() == folder / "model.onnx"
    monkeypatch.setenv("AULA_MODEL", str(TINY))
    assert cloud.model_path() == TINY
    monkeypatch.delenv("AULA_MODEL")
    monkeypatch.setenv("AIP_STORAGE_URI", "")  # a Vertex AI a deixa vazia se o modelo já está na imagem
    assert cloud.model_path().parent.parent.name == "0"


def test_a_folder_is_versions_or_one_file(tmp_path):
    one = make_version(tmp_path, "um", model=TINY)
    versions = make_version(tmp_path / "versoes", 1, model=TINY).parent.parent
    assert cloud.find_model(one.parent) == one and cloud.find_model(one) == one
    assert cloud.find_model(versions) == versions
    shutil.copy(one, one.with_name("outro.onnx"))
    with pytest.raises(cloud.SettingsError, match="achei 2"):
        cloud.find_model(one.parent)


def test_it_serves_the_model_the_platform_unpacked(tmp_path, images):
    make_version(tmp_path, 1)
    make_version(tmp_path, 2, model=TINY)
    with servers.start_container(VERTEX | {"SM_MODEL_DIR": str(tmp_path)}, ready=HEALTH) as server:
        for _, route in ROUTES.values():
            answer = json.loads(Target(server).post(images.tobytes(), BYTES, route)[2])
            assert answer["model_version"] == "2"
            for item, other in zip(answer["predictions"], Predictor(TINY).predict(images), strict=True):
                assert item["probabilities"] == pytest.approx(other.probabilities, abs=1e-6)
