"""O que o HTTP de verdade traz: uma tabela, a mesma para cada servidor e cada contrato, por sockets de verdade."""

import gzip
import http.client
import json
import os
import re
import socket
import threading
import time
import tracemalloc
import zlib
from functools import partial

import psutil
import pytest
from cases import BYTES, JSON
from waiting import wait_for

from course_utils.classroom import servers
from course_utils.model import digits
from course_utils.model.predictor import Predictor
from course_utils.serving import contract

FLASK, FASTAPI = "course_utils.serving.flask_app:create_app", "course_utils.serving.fastapi_app:create_app"
TF, OIP = "course_utils.serving.tf_serving:create_app", "course_utils.serving.open_inference:create_app"
VERTEX = {"AIP_HEALTH_ROUTE": "/saude", "AIP_PREDICT_ROUTE": "/ler"}
IMAGES = digits.load("test")[0][:2]
FLAT = IMAGES.reshape(2, 784).tolist()
TENSOR = {
    "name": "images",
    "shape": [2, 28, 28],
    "datatype": "UINT8",
    "data": [pixel for row in FLAT for pixel in row],
}
OURS = ("/predict", "/health/live", {"images": FLAT})
start = partial(servers.start, deadline=300)
start_container = partial(servers.start_container, VERTEX, ready="ping", deadline=300)
CONTRACTS = {  # nome: (como iniciar, rota da leitura, rota que só tem GET, corpo)
    "fastapi": (lambda: start(FASTAPI), *OURS),
    "flask": (lambda: start(FLASK, server="werkzeug"), *OURS),
    "gunicorn": (lambda: start(FLASK, server="gunicorn", threads=4), *OURS),
    "sagemaker": (lambda: start_container(), "/invocations", "/ping", {"images": FLAT}),
    "vertex": (lambda: start_container(), "/ler", "/saude", {"instances": FLAT}),
    "tf": (lambda: start(TF), "/v1/models/digits:predict", "/v1/models/digits", {"instances": IMAGES.tolist()}),
    "oip": (lambda: start(OIP), "/v2/models/digits/infer", "/v2/models/digits", {"inputs": [TENSOR]}),
}  # fmt: skip
BOMB = gzip.compress(bytes(100_000_000))  # 100 MB em 100 kB
EXPECTED = [item.digit for item in Predictor().predict(IMAGES)]


class Target:
    """Um servidor no ar e as rotas do seu contrato."""

    def __init__(self, name, server, predict, get, payload):
        self.name, self.server, self.predict, self.get = name, server, predict, get
        self.body = json.dumps(payload).encode()

    def call(self, method, route, body=None, headers=()):
        """`(status, cabeçalhos, corpo)` de uma requisição que não segue redirecionamento nem repete."""
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=60)
        try:
            connection.request(method, route, body, dict(headers))
            response = connection.getresponse()
            return response.status, response.headers, response.read()
        finally:
            connection.close()

    def post(self, body, **headers):
        headers = {"Content-Type": JSON} | {name.replace("_", "-"): value for name, value in headers.items()}
        return self.call("POST", self.predict, body, headers)

    def raw(self, *pieces):
        """Manda bytes crus e devolve tudo o que voltar até a conexão fechar."""
        with socket.create_connection(("127.0.0.1", self.server.port), timeout=60) as connection:
            received = b""
            for piece in pieces:
                if callable(piece):
                    while not piece(received):
                        received += connection.recv(65536)
                else:
                    connection.sendall(piece)
            try:
                while data := connection.recv(65536):
                    received += data
            except ConnectionError:  # o servidor fechou com o nosso corpo ainda a caminho
                pass
            return received


@pytest.fixture(scope="module", params=CONTRACTS)
def target(request):
    launch, *rest = CONTRACTS[request.param]
    with launch() as server:
        yield Target(request.param, server, *rest)


def assert_read(answer):
    """A resposta é 200 e traz os dígitos das duas imagens, em qualquer contrato."""
    status, _, text = answer
    assert status == 200, text
    found = json.loads(text)
    if "outputs" in found:
        assert found["outputs"][0]["data"] == EXPECTED
    else:
        assert [item["digit"] for item in found["predictions"]] == EXPECTED


def assert_refused(target, answer, status, words=""):
    """Um erro na forma do contrato, com uma frase que traz `words`."""
    received, headers, text = answer
    assert received == status, (received, text[:300])
    problem = json.loads(text)
    sentence = problem["error"] if target.name in ("tf", "oip") else problem["detail"]
    assert words in sentence and headers["X-Request-ID"]
    if target.name not in ("tf", "oip"):
        assert headers["Content-Type"] == contract.PROBLEM_TYPE and problem["status"] == status


# ------------------------------------------------------------------ Upgrade


@pytest.mark.parametrize(
    "headers",
    [
        {"Connection": "Upgrade, HTTP2-Settings", "Upgrade": "h2c", "HTTP2-Settings": "AAMAAABkAARAAAAAAAIAAAAA"},
        {"Connection": "upgrade", "Upgrade": "TLS/1.3"},
        {"Connection": "keep-alive, Upgrade", "Upgrade": "HTTP/2.0, h2c"},
        {"Connection": "close, Upgrade", "Upgrade": "h2c"},
        {"Upgrade": "h2c"},
    ],
)  # fmt: skip
def test_an_offer_to_upgrade_is_ignored_and_the_body_is_read(target, headers):
    headers = headers | {"Content-Type": JSON}
    assert_read(target.call("POST", target.predict, target.body, headers))
    half = len(target.body) // 2
    pieces = iter([target.body[:half], target.body[half:]])  # sem Content-Length, aos pedaços
    assert_read(target.call("POST", target.predict, pieces, headers))
    assert target.call("GET", target.get, headers=headers)[0] == 200


def test_the_connection_goes_on_after_an_offer_to_upgrade(target):
    connection = http.client.HTTPConnection("127.0.0.1", target.server.port, timeout=60)
    offer = {"Connection": "Upgrade", "Upgrade": "h2c", "Content-Type": JSON}
    for headers in (offer, {"Content-Type": JSON}, offer):
        connection.request("POST", target.predict, target.body, headers)
        response = connection.getresponse()
        assert_read((response.status, response.headers, response.read()))
    connection.close()


def test_a_body_that_comes_after_the_offer_is_not_taken_for_another_request(target):
    head = f"POST {target.predict} HTTP/1.1\r\nHost: x\r\nContent-Type: {JSON}\r\nConnection: Upgrade, close\r\n"
    head += f"Upgrade: h2c\r\nContent-Length: {len(target.body)}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", target.server.port), timeout=60) as connection:
        for piece in (head[:50].encode(), head[50:].encode(), target.body[:9], target.body[9:]):
            connection.sendall(piece)
            time.sleep(0.05)
        answer = connection.makefile("rb").read()
    assert answer.startswith(b"HTTP/1.1 200") and answer.count(b"HTTP/1.1") == 1


def test_a_websocket_is_a_clear_no(target):
    headers = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13"}
    headers["Sec-WebSocket-Key"] = "dGhlIHNhbXBsZSBub25jZQ=="
    for route in (target.get, target.predict, "/ws"):
        assert_refused(target, target.call("GET", route, headers=headers), 400, "WebSocket")


# ------------------------------------------------------------------ Content-Encoding, BOM, Content-Type


def test_gzip_and_identity_are_decoded(target):
    packed = gzip.compress(target.body)
    half = len(target.body) // 2
    two = gzip.compress(target.body[:half]) + gzip.compress(target.body[half:])
    for coding, data in (
        ("gzip", packed), ("GZIP", packed), ("x-gzip", packed), ("gzip, identity", packed), ("gzip", two),
        ("identity", target.body), ("", target.body),
    ):  # fmt: skip
        assert_read(target.post(data, Content_Encoding=coding))
    assert_read(
        target.call("POST", target.predict, iter([packed]), {"Content-Type": JSON, "Content-Encoding": "gzip"})
    )


@pytest.mark.parametrize("coding", ["br", "deflate", "zstd", "compress", "gzip, gzip", "gzip, br", "inventado"])
def test_any_other_coding_is_a_415_that_names_it(target, coding):
    answer = target.post(target.body, Content_Encoding=coding)
    assert_refused(target, answer, 415, f"Content-Encoding: {coding}")
    assert answer[1]["Accept-Encoding"] == "gzip"


def test_what_is_not_a_whole_gzip_is_a_400(target):
    packed = gzip.compress(target.body)
    for data in (target.body, packed[:-1], packed[:50], packed + b"x", zlib.compress(target.body)):
        assert_refused(target, target.post(data, Content_Encoding="gzip"), 400, "gzip")


def test_a_gzip_bomb_is_a_413(target):
    for data in (BOMB, gzip.compress(target.body) + BOMB):
        assert_refused(target, target.post(data, Content_Encoding="gzip"), 413, "passa de")


def test_a_bomb_takes_no_more_memory_than_the_limit():
    tracemalloc.start()
    with pytest.raises(contract.ContractError):
        contract.decode(["gzip"], BOMB)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 * contract.MAX_BODY_BYTES


def test_a_mark_before_the_json_is_ignored_and_utf16_is_named(target):
    assert_read(target.post(b"\xef\xbb\xbf" + target.body))
    assert_read(target.post(gzip.compress(b"\xef\xbb\xbf" + target.body), Content_Encoding="gzip"))
    for coding in ("utf-16", "utf-16-le", "utf-16-be", "utf-32"):
        assert_refused(target, target.post(target.body.decode().encode(coding)), 400, "UTF-16")


@pytest.mark.parametrize(
    "kind",
    [
        "Application/JSON", "application/json; charset=utf-8", 'application/json;charset="UTF-8"; x=1',
        " application/json ",
    ],
)  # fmt: skip
def test_the_content_type_may_have_any_case_and_parameters(target, kind):
    assert_read(target.post(target.body, Content_Type=kind))


# ------------------------------------------------------------------ métodos e rotas


def without_varying(headers):
    """Os cabeçalhos que não mudam de uma resposta para outra."""
    return {name.lower(): value for name, value in headers.items() if name.lower() not in ("date", "x-request-id")}


def test_head_is_get_without_the_body(target):
    routes = [target.get, "/health/live", "/health/ready"]
    routes += ["/", "/web/app.js", "/engines/manifest.json"] if target.predict == "/predict" else []
    routes += ["/openapi.json"] if target.name not in ("flask", "gunicorn") else []
    for route in routes:
        status, headers, text = target.call("GET", route)
        head = target.call("HEAD", route)
        assert status == head[0] == 200 and text and head[2] == b"", route
        assert without_varying(headers) == without_varying(head[1]), route
    assert target.call("HEAD", "/metrics")[0] == 200 and target.call("HEAD", "/metrics")[2] == b""
    wrong = 400 if target.name == "tf" else 405
    assert target.call("HEAD", target.predict)[::2] == (wrong, b"")
    assert target.call("HEAD", "/nada")[::2] == (404, b"")


def test_options_says_the_methods_and_gives_a_page_from_elsewhere_nothing(target):
    asking = {"Origin": "https://exemplo.com.br", "Access-Control-Request-Method": "POST"}
    rows = [("/health/live", "GET, HEAD, OPTIONS"), (target.predict, "OPTIONS, POST")]
    rows += (
        [("/", "GET, HEAD, OPTIONS"), ("/web/app.js", "GET, HEAD, OPTIONS")]
        if target.predict == "/predict"
        else []
    )
    for route, methods in rows:
        status, headers, text = target.call("OPTIONS", route, headers=asking)
        if target.name == "tf" and route == target.predict:  # o TensorFlow Serving só conhece GET e POST
            assert status == 400
        else:
            assert (status, headers["Allow"], text, headers["Content-Type"]) == (204, methods, b"", None)
        assert not [name for name in headers if name.lower().startswith("access-control")]
    assert_refused(target, target.call("OPTIONS", "/nada"), 404)
    assert "Access-Control-Allow-Origin" not in target.call("GET", target.get, headers=asking)[1]


def test_a_trailing_slash_is_another_address_and_nothing_redirects(target):
    missing = 400 if target.name == "tf" else 404
    for method, route, body in (("GET", target.get, None), ("POST", target.predict, target.body)):
        status, headers, _ = target.call(method, route + "/", body, {"Content-Type": JSON})
        assert status == missing and "Location" not in headers
    assert_refused(target, target.call("GET", "/health/live/"), 404, "barra")
    assert_refused(target, target.call("GET", "/health//live"), 404)
    assert_read(
        target.call("POST", "/" + target.predict, target.body, {"Content-Type": JSON})
    )  # "http://…/" + "/predict"


def test_wrong_methods_and_routes_are_in_the_form_of_the_contract(target):
    for method, route, allowed in (
        ("GET", target.predict, "OPTIONS, POST"), ("PUT", target.predict, "OPTIONS, POST"),
        ("PATCH", target.predict, "OPTIONS, POST"), ("TRACE", target.predict, "OPTIONS, POST"),
        ("POST", "/health/live", "GET, HEAD, OPTIONS"), ("DELETE", "/metrics", "GET, HEAD, OPTIONS"),
    ):  # fmt: skip
        answer = target.call(method, route)
        if target.name == "tf" and route == target.predict:
            # O que não é GET nem POST, o TRACE inclusive, o TensorFlow Serving chama de malformado.
            assert answer[0] in (400, 405)
            continue
        assert_refused(target, answer, 405, method)
        assert answer[1]["Allow"] == allowed
    assert_refused(target, target.call("POST", "/nada", b"x"), 404, "/nada")


# ------------------------------------------------------------------ o corpo e o cabeçalho, em bytes crus


def head(target, *lines):
    lines = (f"POST {target.predict} HTTP/1.1", "Host: x", f"Content-Type: {JSON}", "Connection: close", *lines)
    return "\r\n".join((*lines, "", "")).encode()


def test_expect_100_continue_gets_its_answer_before_the_body(target):
    start = head(target, f"Content-Length: {len(target.body)}", "Expect: 100-continue")
    answer = target.raw(start, lambda received: b"100 Continue" in received, target.body)
    assert b"HTTP/1.1 200" in answer


def test_a_body_of_two_lengths_is_never_a_5xx_nor_two_answers(target):
    size = len(target.body)
    for lines in (
        (f"Content-Length: {size}", f"Content-Length: {size + 1}"),
        (f"Content-Length: {size}", "Transfer-Encoding: chunked"),
        ("Content-Length: -1",),
        ("Content-Length: muitos",),
        ("Transfer-Encoding: inventado",),
    ):
        answer = target.raw(head(target, *lines) + target.body + b"\r\n0\r\n\r\n")
        # Uma codificação de transferência desconhecida é um 501 (RFC 9112, 6.1), e o gunicorn o diz.
        assert not re.search(rb"HTTP/1\.[01] 5(?!01)", answer), (lines, answer[:200])
        assert len(re.findall(rb"HTTP/1\.[01] \d", answer)) <= 1
    assert_read(target.post(target.body))


def test_a_chunked_body_has_the_same_limit(target):
    limit = {"sagemaker": 6_291_456, "vertex": 1_500_000}.get(target.name, contract.MAX_BODY_BYTES)
    pieces = [b" " * 65536] * (limit // 65536 + 2)
    try:
        status = target.call("POST", target.predict, iter(pieces), {"Content-Type": JSON})[0]
    except ConnectionError:
        return  # fechou antes que mandássemos tudo
    assert status == 413


@pytest.mark.parametrize(
    "start", [b"GET / HTTP/1.1\r\nHost: x\r\nX: ", b"GET /", b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 9]
)
def test_a_header_without_end_is_cut(target, start):
    """Dez mebibytes de cabeçalho: o servidor responde ou fecha muito antes de os guardar."""
    before = psutil.Process(target.server.process.pid).memory_info().rss
    with socket.create_connection(("127.0.0.1", target.server.port), timeout=60) as connection:
        connection.sendall(start)
        try:
            for _ in range(160):
                connection.sendall(b"a" * 65536 if start[-1:] != b"\n" else b"X: yyyyyyyy\r\n" * 5000)
            answer = connection.recv(65536)
        except ConnectionError:
            answer = b""
    assert re.match(rb"HTTP/1\.[01] 4|<html|<!DOCTYPE|$", answer), answer[:100]
    assert psutil.Process(target.server.process.pid).memory_info().rss - before < 32 * 2**20
    assert_read(target.post(target.body))


def test_what_is_not_http_gets_a_400_or_a_closed_door(target):
    for garbage in (
        b"\x00" * 100,
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"CONNECT x:80 HTTP/1.1\r\nHost: x\r\n\r\n",
    ):
        with socket.create_connection(("127.0.0.1", target.server.port), timeout=60) as connection:
            connection.sendall(garbage)
            connection.shutdown(socket.SHUT_WR)
            assert not re.match(rb"HTTP/1\.[01] [25]", connection.recv(65536))
    assert_read(target.post(target.body))


# ------------------------------------------------------------------ /metrics


def total(server):
    """Quantas leituras `/metrics` conta, e quantas estão em curso."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    connection.request("GET", "/metrics")
    text = connection.getresponse().read().decode()
    connection.close()
    counted = re.findall(r'^http_requests_total\{route="/predict",status="200"\} (\S+)$', text, re.M)
    pending = re.findall(r"^requests_pending (\S+)$", text, re.M)
    assert re.search(r"^model_version 1\.0$", text, re.M) and "inference_seconds_count" in text
    return sum(map(float, counted)), sum(map(float, pending))


@pytest.mark.parametrize(("app", "kind", "workers"), [
    (FASTAPI, "uvicorn", 1), (FASTAPI, "uvicorn", 2), (FLASK, "gunicorn", 1), (FLASK, "gunicorn", 2),
])  # fmt: skip
def test_metrics_add_up_the_workers_and_leave_nothing_behind(tmp_path, monkeypatch, app, kind, workers):
    monkeypatch.setenv("TMPDIR" if os.name != "nt" else "TEMP", str(tmp_path))

    def folders():
        return [item for item in tmp_path.iterdir() if item.name.startswith("aula32-metricas-")]

    with start(app, server=kind, workers=workers) as server:
        place = Target("", server, *OURS)

        def ask(times):
            for _ in range(times):  # uma conexão por vez: o sistema as reparte entre os processos
                answer = (503,)
                while answer[0] == 503:  # quem atendeu pode ser um processo que ainda carrega o modelo
                    answer = place.call("POST", "/predict", IMAGES.tobytes(), {"Content-Type": BYTES})
                assert_read(answer)

        threads = [threading.Thread(target=ask, args=(10,)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        wait_for(lambda: total(server) == (40, 0))
        assert [total(server) for _ in range(10)] == [(40, 0)] * 10
        assert len(folders()) == (workers > 1)
        if workers > 1:  # quem morre deixa o que contou, e não está mais atendendo ninguém
            victim = psutil.Process(server.process.pid).children()[-1]
            victim.kill()
            ask(5)
            wait_for(lambda: total(server) == (45, 0))
        server.terminate()
        server.process.wait(timeout=300)  # um fim à força, depois de 5 s, não deixaria limpar nada
    assert not folders()
