"""Banco de prova dos servidores: vazão, custo do servidor, lotes, partida e memória, com as metas do projeto."""

import json
import os
import re
import select
import socket
from time import perf_counter

import numpy as np
import psutil

from course_utils.bench import goals, wide_model
from course_utils.classroom import servers
from course_utils.measure import latency, load
from course_utils.model import artifacts, digits

FLASK, FASTAPI = "course_utils.serving.flask_app:create_app", "course_utils.serving.fastapi_app:create_app"
PRODUCTION = "waitress" if os.name == "nt" else "gunicorn"
CALLS = 1500


def run():
    """Mede tudo, com rodadas intercaladas; devolve um dicionário pronto para JSON."""
    image = digits.load("test")[0][:1].tobytes()
    result = _throughput(image) | _one_client(image) | _batching(image)
    return result | goals.judge(result, goals.SERVING)


def text(result):
    """O resultado como tabela de texto: a vazão, e o que vê um cliente só."""
    names = {"request": "a requisição inteira", "overhead": "o que o servidor acrescenta à inferência"}
    rows = []
    for name, meaning in names.items():
        median, p95 = (latency.number(result[f"{name}_ms_{key}"], 0, 2) for key in ("median", "p95"))
        rows.append(f"um cliente, {meaning}: mediana {median} ms, p95 {p95} ms, n = {CALLS}")
    return "\n".join([result["throughput_table"], "", *rows])


def _throughput(image):
    """Os servidores sob a mesma carga: 8 clientes, bytes crus, 5 rodadas."""
    start = perf_counter()
    fastapi = servers.start(FASTAPI)
    ready_s = perf_counter() - start
    with (
        fastapi,
        servers.start(FLASK, server="werkzeug") as development,
        servers.start(FLASK, server=PRODUCTION, workers=2, threads=4) as production,
        servers.start(FASTAPI, workers=2) as double,
    ):
        named = {
            "FastAPI": fastapi,
            "Flask (desenvolvimento)": development,
            f"Flask ({PRODUCTION} 2 × 4)": production,
        }
        named |= {"FastAPI (uvicorn × 2)": double}
        urls = {name: (f"{item.url}predict", image, load.BYTES, item.pids()) for name, item in named.items()}
        loads = load.compare(urls, concurrency=8, rounds=5, seconds=2)
        memory = max(psutil.Process(pid).memory_info().rss for item in named.values() for pid in item.pids())
    rates = {name: item.requests_per_second for name, item in loads.items()}
    first, second, third, _ = rates.values()
    return {
        "requests_per_second": rates,
        "errors": {name: item.failed for name, item in loads.items()},
        "fastapi_over_flask_dev": first / second,
        "fastapi_over_flask_production": first / third,
        "ready_s": ready_s,
        "memory_mb_per_process": memory / 1e6,
        "throughput_table": load.report(loads),
    }


def _one_client(image, calls=CALLS):
    """Um cliente, conexão mantida: o que o servidor acrescenta à inferência, em ms.

    Soquete cru, e um cliente que espera sem dormir: montar cabeçalhos com `http.client`, ou acordar um núcleo
    adormecido numa máquina virtual, custa tanto quanto o que se quer medir.
    """
    head = "POST /predict HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/octet-stream\r\n"
    request = f"{head}Content-Length: {len(image)}\r\n\r\n".encode() + image
    totals, overheads = [], []
    with servers.start(FASTAPI) as server, socket.create_connection(("127.0.0.1", server.port), 10) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for number in range(calls + 50):
            start = perf_counter()
            connection.sendall(request)
            body = _receive(connection)
            elapsed = 1000 * (perf_counter() - start)
            if number >= 50:
                totals.append(elapsed)
                overheads.append(elapsed - json.loads(body)["inference_ms"])
    names = {"request_ms": totals, "overhead_ms": overheads}
    values = {f"{name}_median": float(np.median(times)) for name, times in names.items()}
    return values | {f"{name}_p95": float(np.percentile(times, 95)) for name, times in names.items()}


def _receive(connection):
    """Espera, sem dormir, uma resposta inteira e devolve o corpo dela."""
    while not select.select([connection], [], [], 0)[0]:
        pass
    data = b""
    while b"\r\n\r\n" not in data:
        data += connection.recv(8192)
    head, body = data.split(b"\r\n\r\n", 1)
    length = int(re.search(rb"content-length: (\d+)", head.lower())[1])
    while len(body) < length:
        body += connection.recv(8192)
    return body


def _batching(image):
    """Um modelo que ganha com lotes, servido com e sem micro-batching, com 1 e com 32 clientes."""
    model = wide_model.build(artifacts.ARTIFACTS / "bench" / "wide.onnx")
    place = "course_utils.bench.wide_model:create_"
    with (
        servers.start(f"{place}direct", model=model, ready="health") as direct,
        servers.start(f"{place}batched", model=model, ready="health") as batched,
    ):
        plans = {"direto": direct, "em lotes": batched}
        urls = {name: (f"{item.url}predict", image, load.BYTES, item.pids()) for name, item in plans.items()}
        gains = {}
        for clients in (1, 32):
            loads = load.compare(urls, concurrency=clients, rounds=3, seconds=1.5)
            gains[clients] = loads["em lotes"].requests_per_second / loads["direto"].requests_per_second
    return {"batching_gain_1_client": gains[1], "batching_gain_32_clients": gains[32]}
