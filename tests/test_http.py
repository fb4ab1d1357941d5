"""O que o HTTP de verdade traz: uma tabela, a mesma para cada servidor e cada contrato, por sockets de verdade."""

import base64
import contextlib
import gzip
import http.client
import json
import re
import socket
import time
import tracemalloc
import zlib

import psutil
import pytest
from cases import BAD_BODIES, BYTES, FORM, GOOD_PICTURES, JPEG, JSON, PNG, WEBP, body
from contracts import CONTRACTS, IMAGES, Target, assert_read, assert_refused
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from waiting import wait_for

from course_utils.model import digits
from course_utils.model.predictor import Predictor
from course_utils.serving import cloud, contract

BOMB = gzip.compress(bytes(100_000_000))  # 100 MB em 100 kB
LIMITS = {"sagemaker": cloud.SAGEMAKER_BODY_BYTES, "vertex": cloud.VERTEX_BODY_BYTES}
FIELDS = ["images", "instances", "inputs", "outputs", "b64", "id", "name", "shape", "datatype", "data", "x"]
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.sampled_from(FIELDS), inner, max_size=4),
)
GET_ONLY, POST_ONLY = "GET, HEAD, OPTIONS", "OPTIONS, POST"


@pytest.fixture(scope="module", params=CONTRACTS)
def target(request):
    launch, *rest = CONTRACTS[request.param]
    with launch() as server:
        yield Target(server, request.param, *rest)


@contextlib.contextmanager
def soon(server):
    """O bloco gasta menos de 1 s de CPU do servidor: o do relógio depende de quem está ao lado; este, não."""

    def spent():
        times = [psutil.Process(pid).cpu_times() for pid in server.pids()]
        return sum(item.user + item.system for item in times)

    before = spent()
    yield
    assert spent() - before < 1


# ------------------------------------------------------------------ respostas e recusas


def test_it_answers_what_the_predictor_answers(target):
    assert_read(target.post(target.body))
    if target.name in ("tf", "oip"):
        return
    images = digits.load("test")[0][:32]
    status, headers, text = target.read(images)
    answer = json.loads(text)
    assert status == 200 and headers["Content-Type"] == JSON
    same = [base64.b64encode(image.tobytes()).decode() for image in images]
    field = "instances" if target.name == "vertex" else "images"
    assert json.loads(target.post(body({field: same}))[2])["predictions"] == answer["predictions"]
    for item, other in zip(answer["predictions"], Predictor().predict(images), strict=True):
        assert item["digit"] == other.digit
        assert item["probabilities"] == pytest.approx(other.probabilities, abs=1e-6)
    assert answer["model_version"] == "1" and answer["inference_ms"] > 0


@pytest.mark.parametrize(("kind", "payload", "status"), BAD_BODIES)
def test_bad_bodies_get_the_contract_s_error(target, kind, payload, status):
    own = target.name in ("fastapi", "flask", "gunicorn", "sagemaker")
    if not own and not (kind == JSON and status == 400) or len(payload) > LIMITS.get(target.name, 2**24):
        return  # outro corpo, outras recusas: `test_cloud_contract` e `test_tensor_protocols`
    with soon(target.server):
        # O limite do SageMaker é seis vezes o nosso: o corpo que passa do nosso cabe, mas não são imagens.
        assert_refused(target.post(payload, kind), 422 if status == 413 and target.name == "sagemaker" else status)


@pytest.mark.parametrize(("kind", "payload"), GOOD_PICTURES)
def test_a_picture_is_read_alone_or_in_a_form(target, kind, payload):
    if target.name in ("tf", "oip") or len(payload) > LIMITS.get(target.name, 2**24):
        return
    status, _, text = target.post(payload, kind)
    assert status == 200 and json.loads(text)["predictions"][0]["digit"] == 1, text


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    kind=st.sampled_from([JSON, BYTES, PNG, FORM, "x/y"]), data=st.binary(max_size=3000),
    path=st.text(max_size=30), fields=st.dictionaries(st.sampled_from(FIELDS), ANY_JSON, max_size=4),
)  # fmt: skip
def test_whatever_comes_is_answered_without_a_5xx(target, kind, data, path, fields):
    good = json.loads(target.body)
    wrong = [fields, good | fields]
    if target.name == "oip":
        wrong.append({"inputs": [good["inputs"][0] | fields]})
    assert max(target.post(data, kind)[0], *(target.post(body(payload))[0] for payload in wrong)) < 500
    quoted = "".join(f"%{byte:02x}" for byte in path.encode("utf-8", "surrogatepass"))
    for place in {target.predict + quoted, target.predict.replace("digits", quoted), f"/{quoted}"}:
        assert max(target.post(b"{}", route=place)[0], target.call("GET", place)[0]) < 500


def test_both_apps_give_the_same_bytes_but_for_time_and_id():
    answers = []
    for name in ("fastapi", "flask"):
        with CONTRACTS[name][0]() as server:
            place = Target(server)
            texts = [place.read(IMAGES)[2]]
            texts += [place.post(item, kind)[2] for kind, item, *_ in [*GOOD_PICTURES, *BAD_BODIES]]
        volatile = rb'"inference_ms": ?[\d.]+|"request_id": ?"\w+"'
        answers.append([re.sub(volatile, b"", text).strip() for text in texts])
    assert answers[0] == answers[1]


# ------------------------------------------------------------------ o que a operação vê


def test_it_listens_only_on_this_machine(target):
    sockets = [item for pid in target.server.pids() for item in psutil.Process(pid).net_connections("tcp")]
    assert {item.laddr.ip for item in sockets if item.status == psutil.CONN_LISTEN} == {"127.0.0.1"}


def test_the_request_id_is_kept_if_sane_and_replaced_if_not_and_goes_to_the_log(target):
    for strange in ("a b", "x" * 65, "<script>", "ação"):
        given = target.call("GET", target.get, headers={"X-Request-ID": strange})[1]["X-Request-ID"]
        assert re.fullmatch("[0-9a-f]{32}", given)
    assert target.post(b"x", BYTES, X_Request_ID="procure-me")[1]["X-Request-ID"] == "procure-me"
    (line,) = wait_for(lambda: [row for row in target.server.log_tail(50).splitlines() if "procure-me" in row])
    fields = json.loads(line[line.index("{") :])
    assert fields["status"] in (400, 422) and fields["path"] == target.predict and fields["ms"] > 0


def test_metrics_are_prometheus_s_and_strangers_create_no_series(target):
    target.post(target.body)
    for number in range(5):
        target.call("GET", f"/inventada/{number}")
    status, headers, text = target.call("GET", "/metrics")
    assert status == 200 and headers["Content-Type"].startswith("text/plain")
    assert re.search(rb'http_requests_total\{route="/[^"]+",status="200"\} [1-9]', text)
    assert b"inference_seconds_count" in text and b"model_version 1.0" in text
    assert b"inventada" not in text and b'route="outra"' in text


@pytest.mark.parametrize("target", ["fastapi"], indirect=True)
def test_the_openapi_has_an_example_that_can_be_sent_as_it_is_and_the_docs_are_local(target):
    description = target.json("/openapi.json")
    assert description["servers"] == [{"url": "."}]
    content = description["paths"]["/predict"]["post"]["requestBody"]["content"]
    status, _, text = target.post(body(content[JSON]["schema"]["example"]))
    assert status == 200 and json.loads(text)["predictions"][0]["digit"] == 1
    assert set(content) == {JSON, BYTES, PNG, JPEG, WEBP, "multipart/form-data"}
    page = target.call("GET", "/docs")[2].decode()
    addresses = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert addresses and not re.search(r'https?://|(?:src|href)="/', page)
    for address in addresses:
        assert target.call("GET", "/" + address)[0] == 200


# ------------------------------------------------------------------ Upgrade


OFFERS = [
    {"Connection": "Upgrade, HTTP2-Settings", "Upgrade": "h2c", "HTTP2-Settings": "AAMAAABkAARAAAAAAAIAAAAA"},
    {"Connection": "upgrade", "Upgrade": "TLS/1.3"},
    {"Connection": "keep-alive, Upgrade", "Upgrade": "HTTP/2.0, h2c"},
    {"Connection": "close, Upgrade", "Upgrade": "h2c"},
    {"Upgrade": "h2c"},
    {},
]


def test_an_offer_to_upgrade_is_ignored_the_body_is_read_and_the_connection_goes_on(target):
    half = len(target.body) // 2
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", target.server.port, timeout=60)) as connection:
        for offer in OFFERS:
            for data in (target.body, iter([target.body[:half], target.body[half:]])):  # e sem Content-Length
                connection.request("POST", target.predict, data, offer | {"Content-Type": JSON})
                response = connection.getresponse()
                assert_read((response.status, response.headers, response.read()))
            assert target.call("GET", target.get, headers=offer)[0] == 200


def test_a_websocket_is_a_clear_no(target):
    headers = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13"}
    headers["Sec-WebSocket-Key"] = "dGhlIHNhbXBsZSBub25jZQ=="
    for route in (target.get, target.predict, "/ws"):
        assert_refused(target.call("GET", route, headers=headers), 400, "WebSocket")


# ------------------------------------------------------------------ Content-Encoding, BOM, Content-Type


def test_what_is_packed_marked_or_labelled_in_another_way_is_read(target):
    packed, mark = gzip.compress(target.body), b"\xef\xbb\xbf"
    half = len(target.body) // 2
    two = gzip.compress(target.body[:half]) + gzip.compress(target.body[half:])
    for coding, data in (
        ("gzip", packed), ("GZIP", packed), ("x-gzip", packed), ("gzip", two), ("gzip", iter([packed])),
        ("identity", target.body), ("", target.body), ("", mark + target.body),
        ("gzip", gzip.compress(mark + target.body)),
    ):  # fmt: skip
        assert_read(target.post(data, Content_Encoding=coding))
    for parameters in ("", "; charset=utf-8", ';charset="UTF-8"; x=1'):
        assert_read(target.post(target.body, f" Application/JSON{parameters} "))


def test_another_coding_is_a_415_a_broken_gzip_a_400_a_bomb_a_413_and_utf16_is_named(target):
    for coding in ("br", "deflate", "zstd", "compress", "gzip, gzip", "gzip, br", "inventado"):
        answer = target.post(target.body, Content_Encoding=coding)
        assert_refused(answer, 415, f"Content-Encoding: {coding}")
        assert answer[1]["Accept-Encoding"] == "gzip"
    packed = gzip.compress(target.body)
    for data in (target.body, packed[:-1], packed[:50], packed + b"x", zlib.compress(target.body)):
        assert_refused(target.post(data, Content_Encoding="gzip"), 400, "gzip")
    for data in (BOMB, packed + BOMB):
        assert_refused(target.post(data, Content_Encoding="gzip"), 413, "passa de")
    for coding in ("utf-16", "utf-16-le", "utf-16-be", "utf-32"):
        assert_refused(target.post(target.body.decode().encode(coding)), 400, "UTF-8")


def test_a_bomb_takes_no_more_memory_than_the_limit():
    tracemalloc.start()
    with pytest.raises(contract.ContractError):
        contract.decode(["gzip"], BOMB)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 * contract.MAX_BODY_BYTES


# ------------------------------------------------------------------ métodos e rotas


def test_head_is_get_without_the_body(target):
    def steady(headers):
        pairs = {name.lower(): value for name, value in headers.items()}
        return {name: value for name, value in pairs.items() if name not in ("date", "x-request-id")}

    routes = [target.get, "/health/live", "/health/ready"]
    routes += ["/", "/web/app.js", "/engines/manifest.json"] if target.ours else []
    routes += ["/openapi.json"] if target.name not in ("flask", "gunicorn") else []
    for route in routes:
        status, headers, text = target.call("GET", route)
        head = target.call("HEAD", route)
        assert status == head[0] == 200 and text and head[2] == b"", route
        assert steady(headers) == steady(head[1]), route
    wrong = 400 if target.name == "tf" else 405
    for route, status in (("/metrics", 200), (target.predict, wrong), ("/nada", 404)):
        assert target.call("HEAD", route)[::2] == (status, b"")


def test_options_says_the_methods_and_gives_a_page_from_elsewhere_nothing(target):
    asking = {"Origin": "https://exemplo.com.br", "Access-Control-Request-Method": "POST"}
    rows = [("/health/live", GET_ONLY), (target.predict, POST_ONLY)]
    rows += [("/", GET_ONLY), ("/web/app.js", GET_ONLY)] if target.ours else []
    for route, methods in rows:
        status, headers, text = target.call("OPTIONS", route, headers=asking)
        if target.name == "tf" and route == target.predict:  # o TensorFlow Serving só conhece GET e POST
            assert status == 400
        else:
            assert (status, headers["Allow"], text, headers["Content-Type"]) == (204, methods, b"", None)
        assert not [name for name in headers if name.lower().startswith("access-control")]
    assert_refused(target.call("OPTIONS", "/nada"), 404)
    assert "Access-Control-Allow-Origin" not in target.call("GET", target.get, headers=asking)[1]


def test_wrong_methods_and_routes_are_in_the_form_of_the_contract_and_nothing_redirects(target):
    for method, route, allowed in (
        *((method, target.predict, POST_ONLY) for method in ("GET", "PUT", "PATCH", "TRACE")),
        ("POST", "/health/live", GET_ONLY), ("DELETE", "/metrics", GET_ONLY),
    ):  # fmt: skip
        answer = target.call(method, route)
        if target.name == "tf" and route == target.predict:
            # O que não é GET nem POST, o TRACE inclusive, o TensorFlow Serving chama de malformado.
            assert answer[0] in (400, 405)
            continue
        assert_refused(answer, 405, method)
        assert answer[1]["Allow"] == allowed
    for method, route, data in (("GET", target.get, None), ("POST", target.predict, target.body)):
        status, headers, _ = target.call(method, route + "/", data, {"Content-Type": JSON})
        assert status == (400 if target.name == "tf" else 404) and "Location" not in headers
    for method, route in (("POST", "/nada"), ("GET", "/health/live/"), ("GET", "/health//live")):
        assert_refused(target.call(method, route), 404, route)
    assert_read(target.post(target.body, route="/" + target.predict))  # "http://…/" + "/predict"


# ------------------------------------------------------------------ o corpo e o cabeçalho, em bytes crus


def raw(target, *pieces):
    """Manda bytes crus (ou espera por uma condição) e devolve tudo o que voltar até a conexão fechar."""
    received = b""
    with target.connect() as connection:
        for piece in pieces:
            if not callable(piece):
                connection.sendall(piece)
                time.sleep(0.05)  # cada pedaço chega sozinho
                continue
            while not piece(received):
                received += connection.recv(65536)
        with contextlib.suppress(ConnectionError):  # o servidor fechou com o nosso corpo ainda a caminho
            while data := connection.recv(65536):
                received += data
    return received


def head(target, *lines, connection="close"):
    lines = (
        f"POST {target.predict} HTTP/1.1",
        "Host: x",
        f"Content-Type: {JSON}",
        f"Connection: {connection}",
        *lines,
    )
    return "\r\n".join((*lines, "", "")).encode()


def test_a_head_and_a_body_in_pieces_are_one_request(target):
    size = f"Content-Length: {len(target.body)}"
    start = head(target, size, "Expect: 100-continue")
    answer = raw(target, start, lambda received: b"100 Continue" in received, target.body)
    assert b"HTTP/1.1 200" in answer
    start = head(target, size, "Upgrade: h2c", connection="Upgrade, close")
    answer = raw(target, start[:50], start[50:], target.body[:9], target.body[9:])
    assert answer.startswith(b"HTTP/1.1 200") and answer.count(b"HTTP/1.1") == 1


def test_a_body_of_two_lengths_is_never_a_5xx_nor_two_answers(target):
    size = len(target.body)
    for lines in (
        (f"Content-Length: {size}", f"Content-Length: {size + 1}"),
        (f"Content-Length: {size}", "Transfer-Encoding: chunked"),
        ("Content-Length: -1",),
        ("Content-Length: muitos",),
        ("Transfer-Encoding: inventado",),
    ):
        answer = raw(target, head(target, *lines) + target.body + b"\r\n0\r\n\r\n")
        # Uma codificação de transferência desconhecida é um 501 (RFC 9112, 6.1), e o gunicorn o diz.
        assert not re.search(rb"HTTP/1\.[01] 5(?!01)", answer), (lines, answer[:200])
        assert len(re.findall(rb"HTTP/1\.[01] \d", answer)) <= 1
    assert_read(target.post(target.body))


@pytest.mark.parametrize("counted", [True, False], ids=["com Content-Length", "aos pedaços"])
def test_the_body_limit_is_exact_and_fast_with_or_without_a_length(target, counted):
    limit = LIMITS.get(target.name, contract.MAX_BODY_BYTES)

    def send(size):
        data = b"x" * size
        pieces = iter([data[start : start + 65536] for start in range(0, size, 65536)])
        return target.post(data if counted else pieces, BYTES)

    assert send(limit)[0] not in (413, 500, 503)  # no limite ele lê (e não são imagens)
    assert_refused(send(limit + 1), 413, f"{limit:,} bytes".replace(",", "."))
    # O servidor pode fechar antes que o cliente termine de mandar.
    with soon(target.server), contextlib.suppress(http.client.HTTPException, ConnectionError):
        assert_refused(send(20_000_000), 413)
    assert target.call("GET", "/health/live")[0] == 200


def test_a_body_that_stops_coming_gets_408_and_one_cut_short_gets_400(target):
    connection, _ = target.unfinished(bytes(784), 3)
    with connection:
        assert connection.recv(4096).startswith(b"HTTP/1.1 408")
    connection, _ = target.unfinished(bytes(784), 3)
    with connection:
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(4096)[:12] in (b"HTTP/1.1 400", b"")


@pytest.mark.parametrize(
    "start", [b"GET / HTTP/1.1\r\nHost: x\r\nX: ", b"GET /", b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 9]
)
def test_a_header_without_end_is_cut(target, start):
    """Dez mebibytes de cabeçalho: o servidor responde ou fecha muito antes de os guardar."""
    before = psutil.Process(target.server.process.pid).memory_info().rss
    with target.connect() as connection:
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
        b"GET\r\n\r\n",
        b"POST /predict HTTP/9.9\r\n\r\n",
        b"\x16\x03\x01\x02\x00",
    ):
        with target.connect() as connection:
            connection.sendall(garbage)
            connection.shutdown(socket.SHUT_WR)
            assert not re.match(rb"HTTP/1\.[01] [25]", connection.recv(65536))
    assert_read(target.post(target.body))
