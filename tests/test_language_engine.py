"""O modelo de verdade: o que responde, o fim do dono, a memória depois de 200 pedidos."""

import math
import subprocess
import sys

import httpx
import language_cases as cases
import psutil
import pytest
from endings import alive, wait_for_the_end
from needs import need
from waiting import PATIENCE_S, wait_for

from course_utils.classroom import servers
from course_utils.measure import memory

pytestmark = pytest.mark.slow
TARGET = "course_utils.serving.language.app:create_app"
OWNER = f"""
from course_utils.classroom import servers
running = servers.start("{TARGET}")
print(*running.pids(), flush=True)
input()
"""


@pytest.fixture(scope="module")
def running():
    need("xllamacpp")
    with servers.start(TARGET) as server:
        yield server


@pytest.fixture
def chat(running):
    def ask(content="Say hello.", **fields):
        request = {"messages": [{"role": "user", "content": content}], "max_tokens": 8, "temperature": 0}
        return httpx.post(f"{running.url}v1/chat/completions", json=request | fields, timeout=PATIENCE_S)

    return ask


def test_the_engine_knows_the_capital_of_france_and_counts_its_tokens():
    need("xllamacpp")
    from course_utils.serving.language.engine import LlamaEngine, Order, Piece, TooLongError

    engine = LlamaEngine(slots=1, context=256)
    numbers = [number for number, _ in engine.tokenize("The capital of France is")]
    (_, text, log), *_ = engine.next_tokens(numbers, 5)
    assert text == " Paris" and math.exp(log) > 0.5  # 0,77: pesos guardados
    pieces = []
    engine.generate(Order([{"role": "user", "content": "Hi."}], max_tokens=4, temperature=0), pieces.append)
    *written, last = pieces
    assert written and isinstance(last, Piece) and last.finish == "length" and last.timings["predicted_n"] == 4
    with pytest.raises(TooLongError, match="cabem 256"):
        engine.generate(Order([{"role": "user", "content": "hi " * 300}]), pieces.append)
    engine.close()


def test_the_weights_written_at_another_precision_are_the_same_model(tmp_path):
    need("xllamacpp")
    from course_utils.serving.language import weights
    from course_utils.serving.language.engine import LlamaEngine

    def likely(path):
        engine = LlamaEngine(path, slots=1, context=256)
        found = engine.next_tokens([number for number, _ in engine.tokenize("The capital of France is")], 3)
        engine.close()
        return {text: math.exp(log) for _, text, log in found}

    exact, whole = likely(None), likely(weights.rewrite(tmp_path / "16.gguf", "F16"))
    assert list(exact) == list(whole) and all(abs(exact[text] - whole[text]) < 0.03 for text in exact)
    broken = likely(weights.rewrite(tmp_path / "0.gguf", "Q8_0", lambda matrix: 0 * matrix))
    assert broken.get(" Paris", 0) < 0.1


def test_the_server_streams_counts_and_refuses(running, chat):
    whole = chat(max_tokens=4).json()
    assert whole["usage"]["completion_tokens"] == 4 and whole["choices"][0]["finish_reason"] == "length"
    assert chat(stream=True).text.endswith("data: [DONE]\n\n")
    assert chat("hello " * 1300).status_code == 422 and chat(max_tokens=513).status_code == 422
    peer = {item.laddr.ip for item in psutil.Process(running.pids()[0]).net_connections("tcp")}
    assert peer == {"127.0.0.1"}


def test_nothing_that_one_sends_is_above_4xx(running):
    with httpx.Client(base_url=running.url, timeout=PATIENCE_S) as http:
        for headers, kind, body, *_ in [*cases.GOOD_BODIES, *cases.BAD_BODIES]:
            body = body.replace(b'{"messages"', b'{"max_tokens": 1, "messages"') if kind == cases.JSON else body
            response = http.post("v1/chat/completions", content=body, headers={"Content-Type": kind} | headers)
            assert response.status_code < 500, (body[:80], response.text)
        assert http.get("health/ready").status_code == 200


def test_two_hundred_requests_half_of_them_abandoned_leave_the_memory_where_it_was(running, chat):
    url = f"{running.url}v1/chat/completions"

    def some(n):
        for number in range(n):
            body = {"messages": [{"role": "user", "content": f"Count from {number}."}], "stream": True}
            if number % 2:
                chat(f"Count from {number}.")
                continue
            body |= {"max_tokens": 256}
            with httpx.stream("POST", url, json=body, timeout=PATIENCE_S) as answer:
                next(answer.iter_lines())  # e vai embora
        wait_for(lambda: "language_slots_busy 0.0" in httpx.get(running.url + "metrics").text)
        return memory.tree_bytes(running.pids()[0]) / 1e6

    before, after = some(50), some(200)
    print(f"memória: {before:.0f} MB depois de 50 pedidos, {after:.0f} depois de mais 200")
    assert after - before < 15


def test_a_killed_owner_leaves_no_server():
    need("xllamacpp")
    owner = subprocess.Popen(
        [sys.executable, "-c", OWNER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8"
    )
    pids = [int(pid) for pid in owner.stdout.readline().split()]
    assert alive(pids) == pids and pids
    owner.kill()
    owner.wait()
    wait_for_the_end(pids)
