"""Os contratos de contêiner do SageMaker e da Vertex AI, linha a linha, por sockets de verdade e sem Docker.

O processo é o que a imagem executa (`python -m course_utils.serving.container serve`), com as variáveis de
ambiente que cada nuvem define.
"""

import base64
import contextlib
import http.client
import io
import json
import os
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request

import numpy as np
import psutil
import pytest
from cases import BAD_BODIES, BYTES, JSON, PNG, body
from cold import cold_app
from PIL import Image
from waiting import PATIENCE_S, wait_for

from course_utils.classroom import servers
from course_utils.model import artifacts, digits
from course_utils.model.predictor import MODEL, Predictor
from course_utils.serving import cloud, contract
from course_utils.serving.container import __main__ as launcher

HEALTH = "/v1/endpoints/123/deployedModels/456"  # a forma que a Vertex AI usa se ninguém escolhe outra
PREDICT = f"{HEALTH}:predict"
VERTEX = {"AIP_HEALTH_ROUTE": HEALTH, "AIP_PREDICT_ROUTE": PREDICT}
ROUTES = {"sagemaker": ("/ping", "/invocations"), "vertex": (HEALTH, PREDICT)}
LIMITS = {"sagemaker": cloud.SAGEMAKER_BODY_BYTES, "vertex": cloud.VERTEX_BODY_BYTES}
CLOUDS = pytest.mark.parametrize("name", ROUTES)
POSIX = pytest.mark.skipif(os.name == "nt", reason="o Windows não tem SIGTERM")
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
    with servers.start_container(VERTEX, ready=HEALTH) as server:
        yield server


@pytest.fixture(scope="module")
def plain(no_settings):
    """O servidor FastAPI do curso, o padrão das respostas."""
    with servers.start() as server:
        yield server


@pytest.fixture(scope="module")
def images():
    return digits.load("test")[0][:32]


def call(server, route, data=None, kind=BYTES, method=None):
    """Devolve `(status, cabeçalhos, corpo em JSON)` sem levantar por causa de um erro HTTP."""
    url = server.url + route.lstrip("/")
    request = urllib.request.Request(url, data, {"Content-Type": kind}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE_S) as response:
            return response.status, response.headers, json.load(response)
    except urllib.error.HTTPError as error:
        return error.code, error.headers, json.load(error)


def assert_problem(answer, status):
    received, headers, problem = answer
    assert (received, headers["Content-Type"]) == (status, contract.PROBLEM_TYPE), answer
    assert problem["status"] == status and problem["title"] and problem["detail"]
    assert problem["request_id"] == headers["X-Request-ID"]
    return problem


def png(array):
    file = io.BytesIO()
    Image.fromarray(array).save(file, "PNG")
    return file.getvalue()


def texts(images):
    return [base64.b64encode(image.tobytes()).decode() for image in images]


def run_launcher(*arguments, **environment):
    """O lançador que deve terminar sozinho, com uma frase."""
    return subprocess.run(
        [sys.executable, "-m", "course_utils.serving.container", *arguments],
        env=os.environ | environment, cwd=artifacts.ROOT,
        capture_output=True, text=True, timeout=PATIENCE_S, check=False,
    )  # fmt: skip


# ---------------------------------------------------------------- início: comando, endereço, porta


def addresses(process):
    """Os endereços em que o processo escuta."""
    connections = psutil.Process(process.pid).net_connections("tcp")
    return {item.laddr.ip for item in connections if item.status == psutil.CONN_LISTEN}


def test_it_listens_only_on_this_machine(container):
    assert addresses(container.process) == {"127.0.0.1"}


@pytest.mark.skipif(sys.platform != "linux", reason="só no Linux toda a faixa 127/8 é desta máquina")
def test_only_aula_host_moves_it_as_the_image_does():
    settings = {"AULA_HOST": "127.0.0.2", "SAGEMAKER_BIND_TO_PORT": str(servers.free_port())}
    command = [sys.executable, "-m", "course_utils.serving.container", "serve"]
    process = subprocess.Popen(command, env=os.environ | settings, cwd=artifacts.ROOT, stdout=subprocess.DEVNULL)
    try:
        assert wait_for(lambda: addresses(process)) == {"127.0.0.2"}
    finally:
        process.terminate()
        process.wait(timeout=PATIENCE_S)


def test_the_ports_of_each_cloud(monkeypatch):
    assert launcher.http_port() == 8080
    monkeypatch.setenv("SAGEMAKER_BIND_TO_PORT", "8081")
    assert launcher.http_port() == 8081
    monkeypatch.setenv("AIP_HTTP_PORT", "7080")
    assert launcher.http_port() == 7080


def test_serve_is_the_only_command():
    for arguments in ([], ["train"], ["serve", "extra"]):
        with pytest.raises(SystemExit) as end:
            launcher.main(arguments)
        assert end.value.code == 2


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("AIP_HTTP_PORT", "http", "AIP_HTTP_PORT=http: esperava uma porta"),
        ("AIP_HTTP_PORT", "0", "esperava uma porta"),
        ("SAGEMAKER_BIND_TO_PORT", "70000", "esperava uma porta"),
        ("AIP_PREDICT_ROUTE", "predict", "AIP_PREDICT_ROUTE=predict: esperava um caminho"),
        ("AIP_HEALTH_ROUTE", "/saude/{id}", "esperava um caminho"),
        ("AIP_STORAGE_URI", "gs://balde/modelo", "AIP_STORAGE_URI=gs://balde/modelo: só leio pastas locais"),
        ("SM_MODEL_DIR", str(artifacts.ROOT / "tests"), "achei 0"),
        ("SM_MODEL_DIR", "/nao/existe", "Falta o arquivo"),
        ("AULA_MODEL", str(artifacts.ROOT / "README.md"), "não tem SHA-256"),
    ],
)
def test_a_setting_that_does_not_serve_ends_it_with_one_sentence(variable, value, said, monkeypatch, capsys):
    monkeypatch.setenv(variable, value)
    monkeypatch.setattr("uvicorn.run", lambda *_, **__: pytest.fail("foi servir"))
    assert launcher.main(["serve"]) == 1
    error = capsys.readouterr().err
    assert said in error and len(error.strip().splitlines()) == 1


def test_the_process_itself_ends_with_that_sentence_and_code():
    run = run_launcher("serve", AIP_HTTP_PORT="http")
    assert run.returncode == 1 and len(run.stderr.strip().splitlines()) == 1


# ---------------------------------------------------------------- saúde


@pytest.fixture
def app_file(tmp_path, monkeypatch):
    """Inicia, sob as variáveis da Vertex AI, o aplicativo escrito num arquivo."""

    def start(code, **options):
        for variable, value in VERTEX.items():
            monkeypatch.setenv(variable, value)
        file = tmp_path / "alterado.py"
        file.write_text(code, encoding="utf-8")
        return servers.start(f"{file}:create_app", **options)

    return start


def test_health_is_503_until_the_model_is_warm(tmp_path, monkeypatch, images):
    for variable, value in VERTEX.items():
        monkeypatch.setenv(variable, value)
    app, warm = cold_app(tmp_path, "cloud")
    with servers.start(app, ready="health/live") as server:
        for health, predict in ROUTES.values():
            status, headers, problem = call(server, health)
            assert (status, headers["Retry-After"]) == (503, "1") and "carregado" in problem["detail"]
            assert_problem(call(server, predict, images[:1].tobytes()), 503)
        assert call(server, "health/live")[0] == 200
        warm()
        wait_for(lambda: call(server, "ping")[0] == 200)
        for health, predict in ROUTES.values():
            assert call(server, health)[0] == call(server, predict, images[:1].tobytes())[0] == 200


def test_a_model_that_does_not_open_ends_it_and_under_another_server_health_stays_503(tmp_path, app_file):
    (tmp_path / "model.onnx").write_bytes(b"nada")
    artifacts.seal(tmp_path / "model.onnx")
    run = run_launcher("serve", SM_MODEL_DIR=str(tmp_path))
    assert run.returncode == 1 and "INVALID_PROTOBUF" in run.stderr and len(run.stderr.splitlines()) == 1
    code = f"""
from course_utils.serving import cloud
def create_app():
    return cloud.create_app({str(tmp_path / "model.onnx")!r})
"""
    with app_file(code, ready="health/live") as server:
        wait_for(lambda: "ainda está sendo carregado" not in call(server, "ping")[2]["detail"])
        assert "INVALID_PROTOBUF" in assert_problem(call(server, "ping"), 503)["detail"]


@pytest.mark.slow
@pytest.mark.alone
@CLOUDS
def test_health_answers_in_time_under_load(container, images, name):
    """32 clientes com 32 imagens cada e 4 com figuras de 16 megapixels: aceita em 250 ms e responde em 2 s."""
    health, predict = ROUTES[name]
    picture = png(255 - np.asarray(Image.fromarray(images[0]).resize((4096, 4096))))
    stop, statuses = threading.Event(), []

    def client(data, kind):
        while not stop.is_set():
            statuses.append(call(container, predict, data, kind)[0])

    loads = [(images.tobytes(), BYTES)] * 32 + [(picture, PNG)] * 4
    threads = [threading.Thread(target=client, args=load) for load in loads]
    for thread in threads:
        thread.start()
    accepted, answered = [], []
    try:
        limit = time.monotonic() + 4
        while time.monotonic() < limit:
            start = time.monotonic()
            connection = http.client.HTTPConnection("127.0.0.1", container.port, timeout=PATIENCE_S)
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
    print(f"{name}, piores de {len(answered)}: conexão {max(accepted):.3f} s, resposta {max(answered):.3f} s")
    assert max(accepted) < 0.25 and max(answered) < 2
    assert statuses.count(200) > 10 and set(statuses) <= {200, 503, 504}


# ---------------------------------------------------------------- previsão


def same(answer, other):
    """As respostas são iguais, salvo o tempo."""
    drop = {"inference_ms"}
    return {key: answer[key] for key in answer if key not in drop} == {
        key: other[key] for key in other if key not in drop
    }


def test_invocations_answers_what_predict_answers_for_every_content_type(container, plain, images):
    flat = images.reshape(-1, 784).tolist()
    for kind, payload in (
        (JSON, body({"images": flat})),
        (JSON + "; charset=utf-8", body({"images": texts(images)})),
        (BYTES, images.tobytes()),
        (PNG, png(255 - images[0])),
    ):
        status, headers, answer = call(container, "invocations", payload, kind)
        assert status == 200 and headers["Content-Type"] == JSON
        assert same(answer, call(plain, "predict", payload, kind)[2])
    assert [item["digit"] for item in call(container, "invocations", images.tobytes())[2]["predictions"]] == [
        item.digit for item in Predictor().predict(images)
    ]


@pytest.mark.parametrize(
    ("kind", "payload", "status"), [case for case in BAD_BODIES if len(case[1]) <= cloud.SAGEMAKER_BODY_BYTES]
)
def test_invocations_refuses_what_predict_refuses(container, plain, kind, payload, status):
    expected = assert_problem(call(plain, "predict", payload, kind), status)
    received = call(container, "invocations", payload, kind)
    if status == 413:  # o limite do SageMaker é seis vezes o nosso: este corpo cabe, mas não são imagens
        assert_problem(received, 422)
    else:
        assert assert_problem(received, status)["detail"] == expected["detail"]


def test_vertex_reads_instances_in_every_form(container, plain, images):
    expected = call(plain, "predict", images.tobytes())[2]
    flat = images.reshape(-1, 784)
    for instances in (
        flat.tolist(),
        flat.astype(float).tolist(),  # google.protobuf.Value: todo número é real
        texts(images),
        [{"b64": text} for text in texts(images)],
    ):
        for extra in ({}, {"parameters": None}, {"parameters": {"limiar": 0.5}}):
            status, _, answer = call(container, PREDICT, body({"instances": instances} | extra), JSON)
            assert status == 200 and same(answer, expected)


def test_vertex_raw_predict_passes_any_content_type(container, plain, images):
    for kind, payload in ((BYTES, images.tobytes()), (PNG, png(255 - images[0]))):
        assert same(call(container, PREDICT, payload, kind)[2], call(plain, "predict", payload, kind)[2])


@pytest.mark.parametrize(
    ("kind", "payload", "status", "said"),
    [
        (JSON, b"{", 400, "JSON válido"),
        (JSON, b"[" * 100_000, 400, "JSON válido"),
        (JSON, body({}), 422, '{"instances": [imagem, …]}'),
        (JSON, body({"images": [[0] * 784]}), 422, '{"instances": [imagem, …]}'),
        (JSON, body({"instances": []}), 422, "instances: recebi 0; esperava de 1 a 32 imagens"),
        (JSON, body({"instances": [[0] * 784] * 33}), 422, "de 1 a 32 imagens"),
        (JSON, body({"instances": [[0] * 783]}), 422, "instances[0]: recebi 783"),
        (JSON, body({"instances": [[0] * 784, [0.5] * 784]}), 422, "instances[1][0]: esperava um inteiro"),
        (JSON, body({"instances": [[256.0] * 784]}), 422, "instances[0][0]: recebi 256"),
        (JSON, body({"instances": [[True] * 784]}), 422, "instances[0][0]"),
        (JSON, body({"instances": [["7"] * 784]}), 422, "instances[0][0]"),
        (JSON, body({"instances": [[float("nan")] * 784]}), 422, "instances[0][0]"),
        (JSON, body({"instances": [[1e300] * 784]}), 422, "instances[0][0]"),
        (JSON, body({"instances": ["QUJ"]}), 422, "instances[0]: o texto não é o base64"),
        (JSON, body({"instances": [{"b64": "AAAA"}]}), 422, "instances[0]"),
        (JSON, body({"instances": [{"b64": 7}]}), 422, "instances[0]"),
        (JSON, body({"instances": [{"b64": "AAAA", "outro": 1}]}), 422, "instances[0]"),
        (JSON, body({"instances": [[0] * 784], "parameters": 7}), 422, "parameters: esperava um objeto"),
        ("text/plain", b"7", 415, "Recebi text/plain"),
        ("", b"7", 415, "Não recebi Content-Type"),
    ],
)
def test_vertex_refusals_name_the_client_s_own_field(container, kind, payload, status, said):
    problem = assert_problem(call(container, PREDICT, payload, kind), status)
    assert said in problem["detail"]


@pytest.mark.parametrize(
    ("method", "route", "status"),
    [("GET", "invocations", 405), ("POST", "ping", 405), ("GET", PREDICT, 405), ("GET", "nada", 404)],
)
def test_wrong_routes_and_methods(container, method, route, status):
    assert_problem(call(container, route, b"" if method == "POST" else None, method=method), status)


def test_the_vertex_routes_are_the_ones_the_platform_chooses(images):
    with servers.start_container() as server:  # sem AIP_*: só o SageMaker
        for route in (HEALTH, PREDICT, "/predict"):
            assert call(server, route, images[:1].tobytes())[0] == 404
    routes = {"AIP_HEALTH_ROUTE": "/ping", "AIP_PREDICT_ROUTE": "/invocations"}
    with servers.start_container(routes) as server:  # as do SageMaker, com o corpo da Vertex AI
        assert call(server, "invocations", body({"instances": texts(images)}), JSON)[0] == 200
        assert_problem(call(server, "invocations", body({"images": texts(images)}), JSON), 422)


# ---------------------------------------------------------------- limites


@CLOUDS
@pytest.mark.parametrize("counted", [True, False], ids=["com Content-Length", "aos pedaços"])
def test_the_body_limit_is_exact_with_or_without_a_length(container, name, counted):
    def pieces(size):
        for start in range(0, size, 65536):
            yield b"x" * min(65536, size - start)

    route, limit = ROUTES[name][1], LIMITS[name]
    for size, status in ((limit, 422), (limit + 1, 413)):  # no limite ele lê (e não são imagens)
        problem = assert_problem(call(container, route, b"x" * size if counted else pieces(size)), status)
    assert f"{limit:,}".replace(",", ".") in problem["detail"]


def test_a_picture_larger_than_our_own_limit_fits_in_sagemaker(container, images):
    ink = 255 - np.asarray(Image.fromarray(images[0]).resize((1500, 1500)))
    noise = np.random.default_rng(1).integers(0, 12, ink.shape, np.uint8)
    picture = png(ink - np.minimum(noise, ink))
    assert contract.MAX_BODY_BYTES < len(picture) < cloud.VERTEX_BODY_BYTES
    for _, route in ROUTES.values():
        status, _, answer = call(container, route, picture, PNG)
        assert status == 200 and answer["predictions"][0]["digit"] == digits.load("test")[1][0]


@pytest.mark.skipif(sys.platform != "linux", reason="lê /proc")
@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA"])
def test_the_largest_picture_takes_little_memory(mode):
    """Duas destas ao mesmo tempo (o máximo) cabem, com folga, no limite do kubernetes.yaml."""
    file, picture = io.BytesIO(), Image.new(mode, (4096, 4096), "white")
    picture.paste("black", (2000, 500, 2100, 3600))
    picture.save(file, "PNG")
    code = """
import re, sys
from pathlib import Path
from course_utils.serving import contract

def peak():  # o ru_maxrss herdaria o do pai
    return int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) // 1024

body, before = sys.stdin.buffer.read(), peak()
assert contract.read_images("image/png", body).any()
print(peak() - before)
"""
    command = [sys.executable, "-c", code]
    run = subprocess.run(command, cwd=artifacts.ROOT, input=file.getvalue(), capture_output=True, check=True)
    print(f"{mode}: {int(run.stdout)} MiB a mais")
    assert int(run.stdout) < 240


BUSY = """
from functools import partial
from course_utils.serving import asgi, cloud

asgi.BODY_DEADLINE_S = 3600
create_app = partial(cloud.create_app, max_pending=1)
"""
LATE = """
import pathlib, time
from functools import partial
from course_utils.serving import cloud, service

def never(self, images):
    while not pathlib.Path(__file__).with_name("aberto").exists():
        time.sleep(0.05)
    raise RuntimeError("a resposta já não interessa a ninguém")

service.Service.predict = never
service.Service.runs_inline = lambda self, images: False
create_app = partial(cloud.create_app, deadline_s=0.5)
"""


def unfinished(server, route, data, sent):
    """Uma requisição de que só os primeiros `sent` bytes do corpo foram enviados: `(conexão, o resto)`."""
    connection = socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE_S)
    head = f"POST {route} HTTP/1.1\r\nHost: x\r\nContent-Type: {BYTES}\r\nContent-Length: {len(data)}\r\n\r\n"
    connection.sendall(head.encode() + data[:sent])
    return connection, data[sent:]


def accepted(server):
    """As conexões que o servidor já aceitou."""
    connections = psutil.Process(server.process.pid).net_connections("tcp")
    return [item for item in connections if item.status == psutil.CONN_ESTABLISHED]


def refused(answer):
    return answer if answer[0] == 503 else None


def enters(server):
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", server.port)):
        return True


def test_a_full_queue_is_503_at_once_and_health_goes_on(app_file, images):
    with app_file(BUSY) as server:
        connection, rest = unfinished(server, "/invocations", images[:1].tobytes(), 100)
        with connection:
            wait_for(lambda: accepted(server))
            for health, predict in ROUTES.values():
                answer = wait_for(lambda: refused(call(server, predict, images[:1].tobytes())))  # noqa: B023
                assert assert_problem(answer, 503)["title"] and answer[1]["Retry-After"] == "1"
                assert call(server, health)[0] == 200
            connection.sendall(rest)
            assert connection.recv(4096).startswith(b"HTTP/1.1 200")


def test_a_late_answer_is_504_long_before_the_platform_s_60_seconds(app_file, tmp_path, images):
    with app_file(LATE) as server:
        for _, predict in ROUTES.values():  # o modelo não responde nunca: só o prazo pode ter respondido
            assert_problem(call(server, predict, images[:1].tobytes()), 504)
        (tmp_path / "aberto").touch()  # para o servidor poder acabar


# ---------------------------------------------------------------- fim


@POSIX
@CLOUDS
def test_sigterm_finishes_the_request_in_flight(images, name):
    health, route = ROUTES[name]
    with servers.start_container(VERTEX, ready=HEALTH) as server:
        connection, rest = unfinished(server, route, images.tobytes(), 1000)
        with connection:
            wait_for(lambda: accepted(server))
            server.terminate()
            wait_for(lambda: not enters(server))  # quem chega agora já não entra
            assert server.process.poll() is None
            connection.sendall(rest)
            answer = connection.makefile("rb").read()
        assert answer.startswith(b"HTTP/1.1 200") and answer.count(b'"digit"') == 32
        server.process.wait(timeout=PATIENCE_S)


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
    monkeypatch.setenv("AIP_STORAGE_URI", opt.parent.as_uri())
    assert cloud.model_path() == opt
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


@pytest.mark.parametrize("variable", ["SM_MODEL_DIR", "AIP_STORAGE_URI"])
def test_it_serves_the_model_the_platform_unpacked(tmp_path, images, variable):
    copy_model(MODEL, tmp_path / "1")
    copy_model(TINY, tmp_path / "2")
    with servers.start_container(VERTEX | {variable: str(tmp_path)}, ready=HEALTH) as server:
        for _, route in ROUTES.values():
            answer = call(server, route, images.tobytes())[2]
            assert answer["model_version"] == "2"
            for item, other in zip(answer["predictions"], Predictor(TINY).predict(images), strict=True):
                assert item["probabilities"] == pytest.approx(other.probabilities, abs=1e-6)
