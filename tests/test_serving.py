"""Os dois aplicativos, por sockets de verdade: as mesmas respostas e os mesmos erros para a mesma entrada."""

import http.client
import json
import re
import shutil
import socket
import threading
import urllib.error
import urllib.request
from types import SimpleNamespace

import psutil
import pytest
from cases import BAD_BODIES, BYTES, FORM, GOOD_PICTURES, JPEG, JSON, PNG, WEBP, body
from cold import cold_app
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from waiting import PATIENCE_S, wait_for

from course_utils.classroom import servers
from course_utils.model import artifacts, digits
from course_utils.model.predictor import MODEL, Predictor

FLASK, FASTAPI = "course_utils.serving.flask_app:create_app", "course_utils.serving.fastapi_app:create_app"
KINDS = {"fastapi": (FASTAPI, "uvicorn"), "flask": (FLASK, "werkzeug"), "gunicorn": (FLASK, "gunicorn")}


@pytest.fixture(scope="module", params=KINDS)
def server(request):
    target, kind = KINDS[request.param]
    with servers.start(target, server=kind, threads=8) as server:
        yield server


def call(server, route, data=None, kind=BYTES, method=None, headers=()):
    """Devolve `(status, cabeçalhos, corpo)` sem levantar por causa de um erro HTTP."""
    request = urllib.request.Request(
        server.url + route, data, {"Content-Type": kind, **dict(headers)}, method=method
    )
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE_S) as response:
            return response.status, response.headers, response.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read()


def assert_problem(answer, status):
    received, headers, text = answer
    problem = json.loads(text)
    assert (received, headers["Content-Type"]) == (status, "application/problem+json"), text[:300]
    assert problem["status"] == status and problem["title"] and problem["detail"]
    assert problem["request_id"] == headers["X-Request-ID"]
    assert not re.search(rb"Traceback|Not Found|File \"", text)
    return problem


def raw(server, data, *, wait=PATIENCE_S, shut=False):
    """Manda bytes crus e devolve o que voltar até a conexão fechar ou o prazo acabar."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=wait) as connection:
        connection.sendall(data)
        if shut:
            connection.shutdown(socket.SHUT_WR)
        try:
            return connection.recv(4096)
        except TimeoutError:
            return b""


def test_it_answers_what_the_predictor_answers(server):
    images = digits.load("test")[0][:32]
    status, headers, text = call(server, "predict", images.tobytes())
    answer = json.loads(text)
    assert status == 200 and headers["Content-Type"] == "application/json"
    for item, other in zip(answer["predictions"], Predictor().predict(images), strict=True):
        assert item["digit"] == other.digit
        assert item["probabilities"] == pytest.approx(other.probabilities, abs=1e-6)
    assert answer["model_version"] == "1" and answer["inference_ms"] > 0


def spent(server):
    """Os segundos de CPU que o servidor já gastou: os do relógio dependem de quem está ao lado; estes, não."""
    processes = map(psutil.Process, server.pids())
    return sum(process.cpu_times().user + process.cpu_times().system for process in processes)


@pytest.mark.parametrize(("kind", "payload", "status"), BAD_BODIES)
def test_bad_bodies_get_the_contract_s_error(server, kind, payload, status):
    before = spent(server)
    assert_problem(call(server, "predict", payload, kind), status)
    assert spent(server) - before < 1


@pytest.mark.parametrize(("kind", "payload"), GOOD_PICTURES)
def test_a_picture_is_read_alone_or_in_a_form(server, kind, payload):
    status, _, text = call(server, "predict", payload, kind)
    assert status == 200 and json.loads(text)["predictions"][0]["digit"] == 1, text


@pytest.mark.parametrize(("method", "route", "status"), [("GET", "nada", 404), ("GET", "predict", 405)])
def test_wrong_routes_and_methods(server, method, route, status):
    answer = call(server, route, method=method)
    assert_problem(answer, status)
    if status == 405:
        assert "POST" in answer[1]["Allow"]


def test_a_20_mb_body_is_refused_fast_with_or_without_length(server):
    def pieces():
        for _ in range(320):
            yield b"x" * 65536

    for data in (b"x" * 20_000_000, pieces()):
        before = spent(server)
        try:
            assert_problem(call(server, "predict", data), 413)
        except (urllib.error.URLError, http.client.HTTPException, ConnectionError) as error:
            # O servidor pode fechar antes que o cliente termine de mandar; mas fechar, ele fecha.
            assert re.search("reset|[Bb]roken pipe|closed|aborted", str(error)), error
        assert spent(server) - before < 1
    assert call(server, "health/live")[0] == 200


HEAD = (
    b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: application/octet-stream\r\nContent-Length: 784\r\n\r\n"
)


def test_a_body_that_stops_coming_gets_408_and_one_cut_short_gets_400(server):
    assert raw(server, HEAD + b"abc").startswith(b"HTTP/1.1 408")
    assert raw(server, HEAD + b"abc", shut=True)[:12] in (b"HTTP/1.1 400", b"")


def test_garbage_that_is_not_http_does_not_hurt(server):
    for garbage in (b"\x00" * 100, b"GET\r\n\r\n", b"POST /predict HTTP/9.9\r\n\r\n", b"\x16\x03\x01\x02\x00"):
        assert not re.search(b"HTTP/1.[01] 5", raw(server, garbage, wait=2, shut=True))
    assert call(server, "health/live")[0] == 200


def test_the_request_id_is_kept_if_sane_and_replaced_if_not(server):
    assert call(server, "health/live", headers=[("X-Request-ID", "abc-123")])[1]["X-Request-ID"] == "abc-123"
    for strange in ("a b", "x" * 65, "<script>"):
        assert re.fullmatch(
            "[0-9a-f]{32}", call(server, "health/live", headers=[("X-Request-ID", strange)])[1]["X-Request-ID"]
        )


def test_metrics_are_prometheus_s_and_strangers_create_no_series(server):
    call(server, "predict", digits.load("test")[0][:1].tobytes())
    for number in range(5):
        call(server, f"inventada/{number}")
    status, headers, text = call(server, "metrics")
    assert status == 200 and headers["Content-Type"].startswith("text/plain")
    assert re.search(rb'http_requests_total\{route="/predict",status="200"\} [1-9]', text)
    assert b"inference_seconds_count" in text and b"model_version 1.0" in text
    assert b"inventada" not in text and b'route="outra"' in text


def test_each_request_leaves_one_json_line_with_its_id(server):
    call(server, "predict", b"x", headers=[("X-Request-ID", "procure-me")])
    (line,) = wait_for(lambda: [line for line in server.log_tail(50).splitlines() if "procure-me" in line])
    fields = json.loads(line[line.index("{") :])
    assert fields["status"] == 422 and fields["path"] == "/predict" and fields["ms"] > 0


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    kind=st.sampled_from([JSON, BYTES, PNG, FORM, "x/y"]),
    data=st.binary(max_size=3000),
)
def test_any_body_is_answered_without_a_5xx(server, kind, data):
    assert call(server, "predict", data, kind)[0] < 500


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(value=st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists, max_leaves=8))
def test_any_json_is_answered_without_a_5xx(server, value):
    assert call(server, "predict", body({"images": value}), JSON)[0] < 500


def test_both_apps_give_the_same_bytes_but_for_time_and_id():
    images = digits.load("test")[0][:2].tobytes()
    answers = {}
    for name in ("fastapi", "flask"):
        target, kind = KINDS[name]
        with servers.start(target, server=kind) as server:
            texts = [
                call(server, "predict", images)[2],
                *(call(server, "predict", p, k)[2] for k, p, *_ in [*GOOD_PICTURES, *BAD_BODIES]),
            ]
        volatile = rb'"inference_ms": ?[\d.]+|"request_id": ?"\w+"'
        answers[name] = [re.sub(volatile, b"", text).strip() for text in texts]
    assert answers["fastapi"] == answers["flask"]


# ------------------------------------------------------------------ fila, prazo, prontidão, versões


@pytest.fixture
def gated(tmp_path):
    """Os dois aplicativos, com inferências que só acabam quando o arquivo `open` existe; cada uma deixa um rastro.

    `create_…_hurried` desiste de uma resposta em meio segundo; os outros, nunca.
    """
    place = SimpleNamespace(app=tmp_path / "portao.py", open=tmp_path / "aberto", folder=tmp_path)
    code = f"""
import itertools, pathlib, time
from functools import partial
from course_utils.model.predictor import Predictor
from course_utils.serving import fastapi_app, flask_app, service
folder, infer, count = pathlib.Path({str(tmp_path)!r}), Predictor.infer, itertools.count()
def wait_and_infer(self, batch):
    (folder / f"dentro-{{next(count)}}").touch()
    while not (folder / "aberto").exists():
        time.sleep(0.01)
    return infer(self, batch)
Predictor.infer = wait_and_infer
service.Service.runs_inline = lambda self, images: False
create_fastapi = partial(fastapi_app.create_app, max_pending=4, deadline_s=3600)
create_flask = partial(flask_app.create_app, max_pending=4, deadline_s=3600)
create_fastapi_hurried = partial(fastapi_app.create_app, deadline_s=0.5)
create_flask_hurried = partial(flask_app.create_app, deadline_s=0.5)
"""
    place.app.write_text(code, encoding="utf-8")
    place.open.touch()  # aberto para o aquecimento
    return place


def close_gate(gated):
    gated.open.unlink()
    for trace in gated.folder.glob("dentro-*"):
        trace.unlink()


def ask_many(server, count):
    """Começa `count` pedidos ao mesmo tempo; devolve `(as threads, a lista em que os status aparecem)`."""
    image, statuses = digits.load("test")[0][:1].tobytes(), []

    def ask():
        answer = call(server, "predict", image)
        statuses.append((answer[0], answer[1]["Retry-After"]))

    threads = [threading.Thread(target=ask) for _ in range(count)]
    for thread in threads:
        thread.start()
    return threads, statuses


@pytest.mark.parametrize(("name", "kind"), [("create_fastapi", "uvicorn"), ("create_flask", "werkzeug")])
def test_a_full_queue_says_503_at_once_and_health_goes_on(gated, name, kind):
    with servers.start(f"{gated.app}:{name}", server=kind) as server:
        close_gate(gated)
        threads, statuses = ask_many(server, 10)
        wait_for(lambda: len(statuses) == 6)  # os outros quatro estão lá dentro, e ficam
        assert statuses == [(503, "1")] * 6
        assert [call(server, "health/live")[0] for _ in range(10)] == [200] * 10
        gated.open.touch()
        for thread in threads:
            thread.join()
        assert statuses[6:] == [(200, None)] * 4


@pytest.mark.parametrize(("name", "kind"), [("create_fastapi", "uvicorn"), ("create_flask", "werkzeug")])
def test_an_answer_past_the_deadline_is_a_504_and_the_next_ones_are_not(gated, name, kind):
    image = digits.load("test")[0][:1].tobytes()
    with servers.start(f"{gated.app}:{name}_hurried", server=kind) as server:
        close_gate(gated)
        assert_problem(call(server, "predict", image), 504)
        gated.open.touch()
        wait_for(lambda: call(server, "predict", image)[0] == 200)


def make_version(folder, number, *, broken=False):
    target = folder / str(number) / "model.onnx"
    target.parent.mkdir(parents=True)
    shutil.copy(MODEL, target)
    artifacts.seal(target)
    if broken:
        target.write_bytes(target.read_bytes()[:-1] + b"?")


@pytest.mark.parametrize("name", ["fastapi", "flask"])
def test_versions_are_switched_without_a_restart_and_a_broken_one_is_ignored(tmp_path, name):
    make_version(tmp_path / "m", 1)
    target, kind = KINDS[name]
    with servers.start(target, server=kind, model=tmp_path / "m") as server:

        def version():
            return json.loads(call(server, "health/ready")[2])["model_version"]

        assert version() == "1"
        make_version(tmp_path / "m", 2, broken=True)
        wait_for(lambda: "versão 2 recusada" in server.log_tail())
        assert version() == "1"
        make_version(tmp_path / "m", 10)
        wait_for(lambda: version() == "10")
        answer = json.loads(call(server, "predict", digits.load("test")[0][:1].tobytes())[2])
        assert answer["model_version"] == "10"
        shutil.rmtree(tmp_path / "m" / "10")  # voltar atrás é apagar a pasta
        wait_for(lambda: version() == "1")
        artifacts.seal(tmp_path / "m" / "2" / "model.onnx")  # íntegro, e talvez nem seja um modelo
        wait_for(lambda: version() == "2" or server.log_tail(200).count("versão 2 recusada") > 1)
        assert version() in ("1", "2") and call(server, "health/live")[0] == 200


@pytest.mark.parametrize("name", ["fastapi", "flask"])
def test_until_the_model_is_warm_ready_is_503_and_live_200(tmp_path, name):
    app, warm = cold_app(tmp_path, f"{name}_app")
    with servers.start(app, server=KINDS[name][1], ready="health/live") as server:
        answer = call(server, "health/ready")
        assert_problem(answer, 503)
        assert answer[1]["Retry-After"] == "1"
        assert_problem(call(server, "predict", bytes(784)), 503)
        warm()
        wait_for(lambda: call(server, "health/ready")[0] == 200)
        assert call(server, "predict", bytes(784))[0] == 200


@pytest.mark.parametrize("name", ["fastapi", "flask"])
def test_a_failure_of_ours_is_a_500_without_a_traceback_but_with_an_id(tmp_path, name):
    code = f"""
from course_utils.serving import contract, {name}_app
def explode(*arguments):
    raise RuntimeError("segredo do servidor")
contract.read_images = explode
create_app = {name}_app.create_app
"""
    (tmp_path / "falha.py").write_text(code, encoding="utf-8")
    with servers.start(f"{tmp_path / 'falha.py'}:create_app", server=KINDS[name][1]) as server:
        answer = call(server, "predict", bytes(784))
        problem = assert_problem(answer, 500)
        assert b"segredo" not in answer[2]
        log = server.log_tail(80)
        assert "segredo do servidor" in log and problem["request_id"] in log


# ------------------------------------------------------------------ fim educado, documentação


@pytest.mark.parametrize("kind", ["fastapi", "gunicorn"])
def test_sigterm_finishes_what_was_accepted(gated, kind):
    name, server_kind = ("create_fastapi", "uvicorn") if kind == "fastapi" else ("create_flask", "gunicorn")
    with servers.start(f"{gated.app}:{name}", server=server_kind, threads=4) as server:
        close_gate(gated)
        threads, statuses = ask_many(server, 2)
        wait_for(lambda: len([*gated.folder.glob("dentro-*")]) == 2)
        server.terminate()
        gated.open.touch()
        for thread in threads:
            thread.join()
        server.process.wait(timeout=PATIENCE_S)
    assert statuses == [(200, None)] * 2


def test_the_openapi_has_an_example_that_can_be_sent_as_it_is_and_the_docs_are_local():
    with servers.start() as server:
        description = json.loads(call(server, "openapi.json")[2])
        assert description["servers"] == [{"url": "."}]
        content = description["paths"]["/predict"]["post"]["requestBody"]["content"]
        assert set(content) == {JSON, BYTES, PNG, JPEG, WEBP, "multipart/form-data"}
        answer = json.loads(call(server, "predict", body(content[JSON]["schema"]["example"]), JSON)[2])
        assert answer["predictions"][0]["digit"] == 1
        page = call(server, "docs")[2].decode()
        addresses = re.findall(r'(?:src|href)="([^"]+)"', page)
        assert addresses and not [address for address in addresses if address.startswith(("http", "/"))]
        assert "http://" not in page and "https://" not in page
        for address in addresses:
            assert call(server, address)[0] == 200
