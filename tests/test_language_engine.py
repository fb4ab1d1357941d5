"""O modelo de verdade: o que responde, o fim do dono, a memória depois de 200 pedidos."""

import math

import httpx
import language_cases as cases
import psutil
import pytest
from needs import need
from waiting import PATIENCE_S, wait_for, wait_for_the_end

from course_utils.classroom import servers
from course_utils.measure import memory

pytestmark = pytest.mark.slow
TARGET = "course_utils.serving.language.app:create_app"


@pytest.fixture(scope="module")
def running():
    need("xllamacpp")
    with servers.start(TARGET) as server:
        yield server


def likely(path, n):
    """Os `n` primeiros tokens mais prováveis depois de "The capital of France is": `{texto: chance}`."""
    from course_utils.serving.language.engine import LlamaEngine

    engine = LlamaEngine(path, slots=1, context=256)
    found = engine.next_tokens([number for number, _ in engine.tokenize("The capital of France is")], n)
    engine.close()
    return {text: math.exp(log) for _, text, log in found}


def test_the_engine_counts_its_tokens_stops_where_asked_and_refuses_what_does_not_fit():
    need("xllamacpp")
    from course_utils.serving.language.engine import LlamaEngine, Order, TooLongError

    engine, pieces = LlamaEngine(slots=1, context=256), []
    asked = [{"role": "user", "content": "Hi."}]
    engine.generate(Order(asked, max_tokens=4, temperature=0), pieces.append)
    *written, last = pieces
    assert written and last.finish == "length" and last.timings["predicted_n"] == 4
    for stop in (written[1].text, [written[1].text]):
        pieces.clear()
        engine.generate(Order(asked, max_tokens=4, temperature=0, stop=stop), pieces.append)
        assert "".join(piece.text for piece in pieces) == written[0].text and pieces[-1].finish == "stop"
    with pytest.raises(TooLongError, match="cabem 256"):
        engine.generate(Order([{"role": "user", "content": "hi " * 300}]), pieces.append)
    engine.close()


def test_the_model_knows_the_capital_of_france_also_written_at_another_precision(tmp_path):
    need("xllamacpp")
    from course_utils.serving.language import weights

    exact, whole = likely(None, 3), likely(weights.rewrite(tmp_path / "16.gguf", "F16"), 3)
    assert next(iter(exact)) == " Paris" and exact[" Paris"] > 0.5  # 0,77: pesos guardados
    assert list(exact) == list(whole) and all(abs(exact[text] - whole[text]) < 0.03 for text in exact)
    broken = likely(weights.rewrite(tmp_path / "0.gguf", "Q8_0", lambda matrix: 0 * matrix), 3)
    assert broken.get(" Paris", 0) < 0.1


def test_the_server_counts_streams_listens_only_here_and_nothing_one_sends_is_above_4xx(running):
    with httpx.Client(base_url=running.url, timeout=PATIENCE_S) as http:
        asked = {"messages": cases.HELLO, "max_tokens": 4}
        whole = http.post("v1/chat/completions", json=asked).json()
        assert whole["usage"]["completion_tokens"] == 4 and whole["choices"][0]["finish_reason"] == "length"
        assert http.post("v1/chat/completions", json=asked | {"stream": True}).text.endswith("data: [DONE]\n\n")
        long = cases.said("hello " * 1300)
        for headers, body, _ in [*cases.BODIES, (cases.JSON, long, 422)]:
            body = body.replace(b'{"messages"', b'{"max_tokens": 1, "messages"') if headers == cases.JSON else body
            response = http.post("v1/chat/completions", content=body, headers=headers)
            assert response.status_code < 500, (body[:80], response.text)
        assert response.status_code == 422 and http.get("health/ready").status_code == 200
    peer = {item.laddr.ip for item in psutil.Process(running.pids()[0]).net_connections("tcp")}
    assert peer == {"127.0.0.1"}


def test_two_hundred_requests_half_of_them_abandoned_leave_the_memory_where_it_was(running):
    url = f"{running.url}v1/chat/completions"

    def some(n):
        for number in range(n):
            body = {"messages": [{"role": "user", "content": f"Count from {number}."}]}
            if number % 2:
                httpx.post(url, json=body | {"max_tokens": 8}, timeout=PATIENCE_S)
                continue
            body |= {"max_tokens": 256, "stream": True}
            with httpx.stream("POST", url, json=body, timeout=PATIENCE_S) as answer:
                next(answer.iter_lines())  # e vai embora
        wait_for(lambda: "language_slots_busy 0.0" in httpx.get(running.url + "metrics").text)
        return memory.tree_bytes(running.pids()[0]) / 1e6

    before, after = some(50), some(200)
    print(f"memória: {before:.0f} MB depois de 50 pedidos, {after:.0f} depois de mais 200")
    assert after - before < 15


def test_the_end_of_its_owner_is_the_end_of_the_server(running):
    """A última prova deste arquivo: depois dela, o servidor das outras já não existe."""
    pids = running.pids()
    assert pids
    running.process.stdin.close()  # é o que o sistema faz quando o kernel morre
    wait_for_the_end(pids)
