"""O servidor do modelo de linguagem, sobre um motor de mentira: contrato, pedaços, fila, prazos, clientes."""

import json
import re
import socket
from concurrent.futures import ThreadPoolExecutor

import httpx
import language_cases as cases
import pytest
from fake_language import FakeEngine, serving
from fastapi.testclient import TestClient
from needs import need
from waiting import wait_for

from course_utils.model import artifacts
from course_utils.model.artifacts import CorruptedFileError
from course_utils.serving import language
from course_utils.serving.language import desk, weights
from course_utils.serving.language.app import create_app
from course_utils.serving.service import log

ROUTE = "v1/chat/completions"


@pytest.fixture(scope="module")
def client():
    with TestClient(create_app(desk.Desk(FakeEngine)), raise_server_exceptions=False) as client:
        wait_for(lambda: client.get("/health/ready").status_code == 200)
        yield client


def ask(address, content="oi", **fields):
    request = {"messages": [{"role": "user", "content": content}], "max_tokens": 4} | fields
    return httpx.post(address + ROUTE, json=request, timeout=60)


def send(client, content="oi", **fields):
    return client.post(ROUTE, json={"messages": [{"role": "user", "content": content}]} | fields)


def metrics(address):
    return httpx.get(address + "metrics").text


def leave(address, requests, **fields):
    """Um cliente que pede e se vai, mas só quando o servidor já tem `requests` pedidos em mãos, com o dele."""
    body = cases.body(**fields)
    head = f"POST /{ROUTE} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    with socket.create_connection(("127.0.0.1", httpx.URL(address).port)) as connection:
        connection.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        wait_for(lambda: f"language_requests {requests}.0" in metrics(address))


def events(text):
    """Os eventos de um corpo SSE: `(nome, dado)`, com o dado já lido se é JSON."""
    found = []
    for block in text.strip().split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines())
        data = fields["data"]
        found.append((fields.get("event", "message"), data if data == "[DONE]" else json.loads(data)))
    return found


# ---------------------------------------------------------------- contrato


def test_the_whole_answer_has_the_shape_of_openai_and_every_field_reaches_the_engine():
    with serving() as (fake, address):
        sent = {"temperature": 0.5, "top_p": 0.9, "seed": 7, "stop": "x"}
        answer = ask(address, max_tokens=3, **sent).json()
    assert answer["object"] == "chat.completion" and answer["model"] == weights.NAME
    (choice,) = answer["choices"]
    assert choice == {"index": 0, "message": {"role": "assistant", "content": " 0 1 2"}, "finish_reason": "length"}
    assert answer["usage"] == {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}
    (order,) = fake.orders
    assert order.max_tokens == 3 and {name: getattr(order, name) for name in sent} == sent


def test_the_pieces_come_one_by_one_and_the_last_says_why(client):
    response = send(client, max_completion_tokens=3, stream=True)
    assert response.headers["content-type"].startswith("text/event-stream")
    *pieces, (_, end) = events(response.text)
    assert end == "[DONE]" and {name for name, _ in pieces} == {"message"}
    *written, last = (data for _, data in pieces)
    assert [data["choices"][0]["delta"].get("content") for data in written] == [" 0", " 1", " 2"]
    assert written[0]["choices"][0]["delta"]["role"] == "assistant"
    assert last["choices"][0] == {"index": 0, "delta": {}, "finish_reason": "length"}
    assert {data["object"] for _, data in pieces} == {"chat.completion.chunk"}
    assert len({data["id"] for _, data in pieces}) == 1 and last["timings"]["predicted_n"] == 3


def test_models_health_documentation_and_page(client):
    assert [model["id"] for model in client.get("v1/models").json()["data"]] == [weights.NAME]
    assert client.get("health/live").json() == {"status": "vivo"}
    assert client.get("health/ready").json()["slots"] == 2
    operation = client.get("openapi.json").json()["paths"]["/v1/chat/completions"]["post"]
    assert "messages" in operation["requestBody"]["content"]["application/json"]["schema"]["properties"]
    assert "503" in operation["responses"] and "text/event-stream" in operation["responses"]["200"]["content"]
    page = client.get("/").text
    for path in re.findall(r'(?:src|href)="(web/[^"]+)"', page):
        assert client.get(path).status_code == 200
    assert "://" not in page  # nada de fora: funciona sem internet
    assert "http://" not in client.get("docs").text and "https://" not in client.get("docs").text


@pytest.mark.parametrize("number", range(len(cases.BODIES)))
def test_a_good_body_is_answered_and_a_bad_one_is_refused_with_a_sentence(client, number):
    headers, body, status = cases.BODIES[number]
    response = client.post(ROUTE, content=body, headers=headers)
    assert response.status_code == status, (body[:80], response.text)
    if status != 200:
        assert response.headers["content-type"] == "application/problem+json"
        problem = response.json()
        assert problem["status"] == status and problem["detail"].endswith(".") and len(problem["detail"]) < 300
        assert not re.search(r"Traceback|pydantic|Input should", problem["detail"])


def test_an_engine_that_breaks_is_a_500_before_the_first_byte_and_an_event_after_it(client, caplog):
    log.propagate = True
    for stream in (False, True):
        response = send(client, "quebre no 0", stream=stream)
        assert response.status_code == 500 and response.headers["content-type"] == "application/problem+json"
    response = send(client, "quebre no 2", stream=True)
    assert response.status_code == 200
    *pieces, (name, data) = events(response.text)
    assert len(pieces) == 2 and name == "error"
    assert data["error"]["status"] == 500 and data["error"]["message"] and "bum" not in response.text
    assert "bum" in caplog.text  # o porquê fica no registro


# ---------------------------------------------------------------- fila, prazos, quem se vai


def test_a_full_queue_refuses_at_once_and_says_when_to_come_back():
    with serving(max_waiting=1) as (fake, address), ThreadPoolExecutor(8) as pool:
        fake.gate.clear()
        inside = [pool.submit(ask, address) for _ in range(3)]  # duas vagas e um que espera
        wait_for(lambda: "language_requests 3.0" in metrics(address) and fake.running == 2)
        assert "language_slots_busy 2.0" in metrics(address)
        refused = ask(address)
        assert refused.status_code == 503 and refused.headers["retry-after"] == "2"
        assert refused.headers["content-type"] == "application/problem+json"
        fake.gate.set()
        assert [answer.result().status_code for answer in inside] == [200, 200, 200]


def test_deadlines_before_and_after_the_first_byte():
    with serving(first_token_s=0.2) as (fake, address):
        fake.gate.clear()
        assert ask(address).status_code == 504
        assert ask(address, stream=True).status_code == 504
        fake.gate.set()
        wait_for(lambda: not fake.running)
    with serving(total_s=0.5) as (fake, address):
        *pieces, (name, data) = events(ask(address, "pare no 2", stream=True).text)
        assert len(pieces) == 2 and (name, data["error"]["status"]) == ("error", 504)


@pytest.mark.parametrize("stream", [True, False])
def test_a_client_that_leaves_frees_its_slot(stream):
    with serving() as (fake, address):
        for _ in range(3):  # mais do que as vagas
            fake.gate.clear()
            leave(address, 1, max_tokens=500, stream=stream)
            wait_for(lambda: "language_requests 0.0" in metrics(address))
            fake.gate.set()
            wait_for(lambda: not fake.running)
        assert fake.written <= 6  # nunca escreveu os 500 de quem já não estava
        assert ask(address).status_code == 200


def test_a_client_that_leaves_in_the_middle_stops_the_writing():
    with serving() as (fake, address):
        request = {"messages": [{"role": "user", "content": "pare no 2"}], "max_tokens": 512, "stream": True}
        with httpx.stream("POST", address + ROUTE, json=request, timeout=60) as response:
            lines = response.iter_lines()  # o httpx fecha a conexão de quem larga este gerador
            next(lines)
            wait_for(lambda: fake.written == 2)
        wait_for(lambda: "language_requests 0.0" in metrics(address))
        fake.gate.set()
        wait_for(lambda: not fake.running)
        assert fake.written == 3  # o token que já estava a caminho, e nenhum mais


def test_who_leaves_the_queue_is_never_written_to():
    with serving() as (fake, address), ThreadPoolExecutor(2) as pool:
        fake.gate.clear()
        inside = [pool.submit(ask, address) for _ in range(2)]
        wait_for(lambda: fake.running == 2)
        leave(address, 3)
        wait_for(lambda: "language_requests 2.0" in metrics(address))
        fake.gate.set()
        assert [answer.result().status_code for answer in inside] == [200, 200]
        assert ask(address).status_code == 200 and len(fake.orders) == 3


def test_the_end_interrupts_what_is_running_and_closes_the_engine():
    with ThreadPoolExecutor(3) as pool:
        with serving() as (fake, address):
            answers = [pool.submit(ask, address, "devagar", max_tokens=512) for _ in range(3)]
            wait_for(lambda: fake.written)
        assert fake.closed and not fake.running and fake.written < 512
        for answer in answers:
            answer.exception()  # o servidor saiu no meio: com erro ou sem, o cliente não fica preso


def test_a_model_that_does_not_load_says_why():
    def broken():
        raise CorruptedFileError("O arquivo mudou.")

    with TestClient(create_app(desk.Desk(broken))) as client:
        wait_for(lambda: client.get("health/ready").json()["detail"] == "O arquivo mudou.")
        assert (send(client).status_code, client.get("health/live").status_code) == (503, 200)


# ---------------------------------------------------------------- o cliente da OpenAI, os pesos


@pytest.mark.slow
def test_the_client_of_openai_works_as_it_is():
    need("openai")
    import openai

    with serving(max_waiting=0) as (fake, address):
        here = openai.OpenAI(base_url=address + "v1", api_key="nenhuma", max_retries=0, timeout=60)
        asked = {"model": here.models.list().data[0].id, "messages": cases.HELLO, "max_tokens": 3}
        assert here.chat.completions.create(**asked).choices[0].message.content == " 0 1 2"
        pieces = list(here.chat.completions.create(**asked, stream=True))
        assert "".join(piece.choices[0].delta.content or "" for piece in pieces) == " 0 1 2"
        with pytest.raises(openai.UnprocessableEntityError) as problem:
            here.chat.completions.create(**asked | {"max_tokens": 9999})
        assert problem.value.body["detail"] == "max_tokens: o máximo é 512."
        with pytest.raises(openai.APIError, match="registro"):
            list(here.chat.completions.create(**asked | {"messages": [{"role": "user", "content": "quebre no 1"}]},
                                              stream=True))  # fmt: skip


def test_without_the_extra_one_sentence_says_how_to_get_it(monkeypatch):
    monkeypatch.setattr(language, "find_spec", lambda name: None)
    for start in (create_app, weights.find):
        with pytest.raises(language.MissingLanguageError, match="python -m course_utils --extra llm"):
            start()


def test_a_changed_file_is_not_opened_and_the_origin_of_the_right_one_is_told(monkeypatch, tmp_path):
    monkeypatch.setattr(language, "require", lambda: None)
    place = type("Spec", (), {"submodule_search_locations": [str(tmp_path)]})
    monkeypatch.setattr(weights, "find_spec", lambda name: place)
    for write in (lambda: None, lambda: (tmp_path / weights.FILE).write_bytes(b"GGUF")):
        write()
        with pytest.raises(CorruptedFileError, match="--extra llm"):
            weights.find()
    told = (artifacts.ROOT / "data" / "README.md").read_text(encoding="utf-8")
    assert weights.SHA256 in told and weights.FILE in told and "Apache 2.0" in told
