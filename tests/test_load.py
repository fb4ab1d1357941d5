"""O gerador de carga, contra servidores de comportamento conhecido: contas, limites, erros e processos."""

import json
import socket
import sys
import threading
import urllib.request
from contextlib import contextmanager
from dataclasses import replace
from subprocess import PIPE

import numpy as np
import psutil
import pytest
from waiting import PATIENCE_S

from course_utils import processes
from course_utils.classroom import servers
from course_utils.measure import generator, load
from course_utils.measure.load import Load

APP = """
import asyncio, time

from fastapi import FastAPI, Request, Response

app, seen, clients, busy, peak = FastAPI(), [], set(), 0, 0

@app.get("/ready")
async def ready():
    return "ok"

@app.get("/seen")
async def tell():
    global peak
    told = {"seen": [*seen], "clients": len(clients), "peak": peak}
    seen.clear(), clients.clear()
    peak = 0
    return told

@app.api_route("/{name}", methods=["GET"])
@app.api_route("/{name}/{value}", methods=["GET", "POST"])
async def answer(request: Request, name: str, value: str = "0"):
    global busy, peak
    body = await request.body()
    seen.append(f"POST {len(body)} {request.headers['content-type']}" if body else request.url.path)
    clients.add(request.client)
    busy += 1
    peak = max(peak, busy)
    if name == "delay":
        await asyncio.sleep(float(value))
    while name == "together" and peak < int(value):  # só responde quando tantos pedidos estão aqui dentro
        await asyncio.sleep(0.001)
    limit = time.thread_time() + float(value)  # de CPU: com vizinhos, o relógio anda e ela não
    while name == "spin" and time.thread_time() < limit:
        pass
    busy -= 1
    return Response("ok", 500 if name == "thirds" and len(seen) % 3 == 0 else 200)
"""
SHORT = {"warmup": 0, "seconds": 0.4}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    file = tmp_path_factory.mktemp("carga") / "known.py"
    file.write_text(APP, encoding="utf-8")
    with servers.start(f"{file}:app", ready="ready") as running:
        yield running


@pytest.fixture
def seen(server):
    """O que o servidor viu desde a última pergunta."""

    def ask():
        with urllib.request.urlopen(server.url + "seen", timeout=PATIENCE_S) as response:
            return json.load(response)

    ask()
    return ask


@contextmanager
def raw_server(answer):
    """Um servidor que, a cada conexão, lê o pedido, escreve `answer` e fecha; `None`: fica calado."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        held = []

        def serve():
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                connection.recv(65536)
                held.append(connection)
                if answer is not None:
                    connection.sendall(answer)
                    connection.close()

        threading.Thread(target=serve, daemon=True).start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
        listener.shutdown(socket.SHUT_RDWR)
        for connection in held:
            connection.close()


def test_counts_and_latencies_are_those_of_a_server_of_known_delay(server, seen):
    result = load.run(server.url + "delay/0.05", concurrency=4, **SHORT)
    assert result.errors == {} and result.n == len(result.latencies) == len(seen()["seen"])
    assert 4 <= result.n <= 4 * 9  # de cada um, ao menos um pedido e, em 0,4 s, no máximo oito, e uma folga
    assert 49 <= result.latencies.min() <= result.latencies.max() <= 1000 * result.seconds
    assert result.requests_per_second == pytest.approx(result.n / result.seconds)
    assert result.seconds >= 0.4 and result.requests_per_second < 4 / 0.05 * 1.02
    warmed = load.run(server.url + "delay/0.02", concurrency=2, seconds=0.2, warmup=0.4)
    assert len(seen()["seen"]) >= warmed.n + 2 >= 4  # o aquecimento não conta


def test_the_clients_are_simultaneous_and_keep_their_connections(server, seen, monkeypatch):
    monkeypatch.setattr(load, "TIMEOUT_S", 3)
    url, options = server.url + "together/6", {"warmup": 0.3, "seconds": 0.3}
    two, six = (load.run(url, concurrency=clients, **options) for clients in (2, 6))
    view = seen()
    assert (two.concurrency, six.concurrency) == (2, 6) and two.failed == 2  # esperavam por seis, até o prazo
    assert view["peak"] == 6 and view["clients"] == 2 * 2 + 6 and six.n >= 6


@pytest.mark.parametrize(
    ("answer", "kinds"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc", {"IncompleteReadError"}),
        (b"isto nao e HTTP\r\n\r\n", {"ValueError"}),
        (None, {"TimeoutError"}),
        (b"HTTP/1.0 200 OK\r\n\r\nsem tamanho: termina com a conexao", set()),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding:chunked\r\nconnection:close\r\n\r\n3\r\nabc\r\n0\r\n\r\n", set()),
    ],
)
def test_what_a_server_answers_is_an_answer_or_an_error_counted_by_kind(monkeypatch, answer, kinds):
    monkeypatch.setattr(load, "TIMEOUT_S", 0.2)
    with raw_server(answer) as url:
        result = load.run(url, concurrency=2, **SHORT)
    assert result.errors.keys() == kinds
    assert result.n > 0 and result.failed == (result.n if kinds else 0) and np.isnan(result.p50) == bool(kinds)


def test_a_refused_connection_and_some_bad_answers_are_counted(server):
    refused = load.run(f"http://127.0.0.1:{servers.free_port()}/", concurrency=2, **SHORT)
    assert refused.errors.keys() == {"ConnectionRefusedError"}
    result = load.run(server.url + "thirds", concurrency=1, **SHORT)
    assert result.errors == {"500": result.n // 3} and len(result.latencies) == result.n - result.n // 3


@pytest.mark.parametrize(
    "url",
    ["http://localhost:8000/", "http://127.0.0.1.example.com/", "http://127.0.0.1@example.com/",
     "http://10.0.0.1/127.0.0.1", "https://127.0.0.1:8000/", "127.0.0.1:8000"],
)  # fmt: skip
def test_it_only_aims_at_this_machine(url):
    for call in (load.run, lambda url: load.compare({"x": (url, None, "")})):
        with pytest.raises(ValueError, match="sua própria máquina"):
            call(url)


@pytest.mark.parametrize(
    "options", [{"concurrency": 0}, {"concurrency": 1000}, {"seconds": 1e6}, {"seconds": 0}, {"warmup": -1}]
)
def test_it_refuses_a_load_without_bounds(options):
    with pytest.raises(ValueError, match="Recebi"):
        load.run("http://127.0.0.1:8000/", **options)


def test_rounds_are_interleaved_and_bodies_arrive_whole(server, seen):
    slow, fast = server.url + "delay/0.06", server.url + "delay/0.02"
    big = (fast, b"x" * 300_000, "image/png", server.pids())
    loads = load.compare({"a": (slow, None, ""), "b": big}, rounds=2, **SHORT)
    routes = seen()["seen"]
    changes = [route for before, route in zip([None, *routes], routes) if route != before]
    assert changes == ["/delay/0.06", "POST 300000 image/png"] * 2
    assert [item.n for item in loads.values()] == [routes.count(route) for route in changes[:2]]
    assert loads["a"].cpu_percent is None and loads["b"].cpu_percent is not None
    text = load.report(loads)
    assert "1,00×" in text and text.count("em 2 rodadas") == 2 and "8 clientes em laço fechado" in text


def test_cpu_and_memory_are_those_of_the_server(server):
    before = sum(psutil.Process(server.process.pid).cpu_times()[:2])
    idle = load.run(server.url + "delay/0.1", concurrency=1, seconds=0.5, warmup=0, pids=server.pids())
    busy = load.run(server.url + "spin/0.05", concurrency=2, seconds=5, warmup=0, pids=server.pids())
    spent = sum(psutil.Process(server.process.pid).cpu_times()[:2]) - before
    assert spent >= 0.3 and idle.cpu_seconds + busy.cpu_seconds == pytest.approx(spent, rel=0.3)
    assert idle.cpu_seconds < 0.3 * busy.cpu_seconds
    resident = sum(psutil.Process(pid).memory_info().rss for pid in server.pids())
    assert busy.peak_memory_bytes == pytest.approx(resident, rel=0.2)


def test_what_a_process_spent_counts_even_after_it_died():
    work = "sum(range(10**7)); print(1, flush=True); input()"
    child = processes.start([sys.executable, "-c", work], stdout=PIPE)
    spent = {psutil.Process(child.pid): 0.0}
    with child:
        child.stdout.readline()
        alive, memory = generator.usage(spent)
        child.stdin.close()
    assert alive > 0 and memory > 0 and generator.usage(spent) == (alive, 0)


def test_the_report_says_errors_and_a_saturated_generator_and_ratios_are_those_of_the_rates():
    result = Load(1, np.full(1234, 2.5), {"503": 7}, 1.0, 0.876, 123_400_000, 99.0)
    text = load.report([result])
    for piece in ("1 cliente", "1241", "1.234", "2,50", "88", "123", "7 × 503", "gerador de carga chegou ao"):
        assert piece in text
    unanswered = Load(8, np.array([]), {"TimeoutError": 3}, 1.0)
    assert "–" in load.report([unanswered]) and "CPU" not in load.report([unanswered])
    assert load.ratios({"a": result, "b": replace(result, seconds=0.5)}) == {"a": 1, "b": 2}
    assert result.requests_per_core_second == pytest.approx(1234 / 0.876)
