"""O gerador de carga, contra servidores de comportamento conhecido: contas, limites, erros e processos."""

import json
import socket
import threading
import urllib.request
from contextlib import contextmanager
from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np
import psutil
import pytest
from waiting import PATIENCE_S

from course_utils.classroom import plots, servers
from course_utils.measure import load
from course_utils.measure.load_result import Load

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


def test_the_clients_are_simultaneous_and_keep_their_connections(server, seen):
    result, view = load.run(server.url + "together/6", concurrency=6, **SHORT), seen()
    assert view["peak"] == 6 and view["clients"] == 6 and len(view["seen"]) == result.n >= 6


def test_the_warm_up_does_not_count(server, seen):
    result = load.run(server.url + "delay/0.02", concurrency=2, seconds=0.2, warmup=0.4)
    assert len(seen()["seen"]) >= result.n + 2 >= 4  # de cada cliente, um pedido ao menos em cada fase


def test_answers_that_are_not_2xx_are_errors_counted_by_status(server):
    result = load.run(server.url + "thirds", concurrency=1, **SHORT)
    assert result.errors == {"500": result.n // 3} and len(result.latencies) == result.n - result.n // 3


def test_connection_failures_are_counted_by_kind(monkeypatch):
    monkeypatch.setattr(load, "TIMEOUT_S", 0.2)
    options = {"concurrency": 2, **SHORT}
    refused = load.run(f"http://127.0.0.1:{servers.free_port()}/", **options)
    assert refused.errors.keys() == {"ConnectionRefusedError"} and np.isnan(refused.p50)
    for answer, kind in (
        (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc", "ConnectionResetError"),
        (b"isto nao e HTTP\r\n\r\n", "HttpParser"),
        (None, "TimeoutError"),
    ):
        with raw_server(answer) as url:
            result = load.run(url, **options)
        assert result.n == result.failed > 0 and all(name.startswith(kind) for name in result.errors)
    with raw_server(b"HTTP/1.0 200 OK\r\n\r\nresposta sem tamanho") as url:  # termina com a conexão, e é resposta
        result = load.run(url, **options)
    assert result.errors == {} and len(result.latencies) == result.n > 0


@pytest.mark.parametrize(
    "url",
    ["http://localhost:8000/", "http://127.0.0.1.example.com/", "http://127.0.0.1@example.com/",
     "http://10.0.0.1/127.0.0.1", "https://127.0.0.1:8000/", "127.0.0.1:8000"],
)  # fmt: skip
def test_it_only_aims_at_this_machine(url):
    for call in (load.run, load.sweep):
        with pytest.raises(ValueError, match="sua própria máquina"):
            call(url)
    with pytest.raises(ValueError, match="sua própria máquina"):
        load.compare({"x": (url, None, "")})


def test_it_refuses_a_load_without_bounds(server):
    for options in ({"concurrency": 0}, {"concurrency": 1000}, {"seconds": 1e6}, {"seconds": 0}, {"warmup": -1}):
        with pytest.raises(ValueError, match="Recebi"):
            load.run(server.url, **options)


def test_percentiles_are_those_of_numpy_and_ratios_those_of_the_rates():
    times = np.arange(1.0, 101.0)
    result = Load(8, times, {"503": 4}, 2.0, (50.0,))
    assert (result.p50, result.p95, result.p99) == tuple(np.percentile(times, [50, 95, 99]))
    assert (result.n, result.failed, result.requests_per_second) == (104, 4, 50.0)
    assert replace(result, cpu_percent=125.0).requests_per_core_second == 40.0
    assert load.ratios({"a": result, "b": replace(result, latencies=np.ones(300))}) == {"a": 1, "b": 3}


def test_rounds_are_interleaved_and_bodies_arrive_whole(server, seen):
    slow, fast = server.url + "delay/0.06", server.url + "delay/0.02"
    big = (fast, b"x" * 300_000, "image/png", server.pids())
    loads = load.compare({"a": (slow, None, ""), "b": big}, rounds=2, **SHORT)
    routes = seen()["seen"]
    changes = [route for before, route in zip([None, *routes], routes) if route != before]
    assert changes == ["/delay/0.06", "POST 300000 image/png"] * 2
    assert [item.n for item in loads.values()] == [routes.count(route) for route in changes[:2]]
    assert all(len(item.rates) == 2 for item in loads.values())
    assert loads["a"].cpu_percent is None and loads["b"].cpu_percent is not None
    text = load.report(loads)
    assert "1,00×" in text and "em 2 rodadas" in text and "8 clientes em laço fechado" in text


def test_a_sweep_multiplies_the_clients(server, seen):
    one, four = load.sweep(server.url + "delay/0.03", concurrencies=(1, 4), **SHORT)
    assert (one.concurrency, four.concurrency) == (1, 4)
    assert seen()["clients"] == 1 + 4 and one.n >= 1 and four.n >= 4


def test_cpu_and_memory_are_those_of_the_server(server):
    def cpu_seconds(result):
        return result.cpu_percent / 100 * result.seconds

    before = sum(psutil.Process(server.process.pid).cpu_times()[:2])
    idle = load.run(server.url + "delay/0.1", concurrency=1, seconds=0.5, warmup=0, pids=server.pids())
    busy = load.run(server.url + "spin/0.05", concurrency=2, seconds=5, warmup=0, pids=server.pids())
    spent = sum(psutil.Process(server.process.pid).cpu_times()[:2]) - before
    assert spent >= 1 and cpu_seconds(idle) + cpu_seconds(busy) == pytest.approx(spent, rel=0.3)
    assert cpu_seconds(idle) < 0.3 * cpu_seconds(busy)
    resident = sum(psutil.Process(pid).memory_info().rss for pid in server.pids())
    assert busy.peak_memory_bytes == pytest.approx(resident, rel=0.2)


def test_the_report_names_errors_and_a_saturated_generator():
    result = Load(1, np.full(1234, 2.5), {"503": 7}, 1.0, (1234.0,), 87.6, 123_400_000, 99.0)
    text = load.report(result)
    assert load.report([result]) == text
    for piece in ("1 cliente", "1241", "1.234", "2,50", "88", "123", "7 × 503", "gerador de carga chegou ao"):
        assert piece in text
    unanswered = load.report(Load(8, np.array([]), {"TimeoutError": 3}, 1.0, (0.0,)))
    assert "–" in unanswered and "CPU" not in unanswered  # o que ninguém mediu não ocupa uma coluna


def test_the_curve_shows_latency_and_throughput_with_units():
    loads = [Load(number, np.full(10, 2.0 * number), {}, 1.0, (10.0,)) for number in (1, 4, 16)]
    latency, rate = plots.load_curve(loads, title="curva")
    assert "ms" in latency.get_ylabel() and "requisições/s" in rate.get_ylabel()
    assert [list(line.get_ydata()) for line in latency.lines] == [[2, 8, 32]] * 2  # p50 e p95
    assert list(rate.lines[0].get_xdata()) == [1, 4, 16] and list(rate.lines[0].get_ydata()) == [10] * 3
    plt.close("all")
