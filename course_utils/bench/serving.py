"""Banco de prova dos servidores: vazão, custo do servidor, lotes, partida e memória, com as metas do projeto."""

import json
import os
import re
import select
import socket
from time import perf_counter

import numpy as np
import psutil

from course_utils.bench import wide_model
from course_utils.classroom import servers
from course_utils.measure import load
from course_utils.model import artifacts, digits

FLASK, FASTAPI = "course_utils.serving.flask_app:create_app", "course_utils.serving.fastapi_app:create_app"
PRODUCTION = "waitress" if os.name == "nt" else "gunicorn"
GOALS = {  # nome: (limite, se é um mínimo)
    "fastapi_over_flask_dev": (3.0, True),
    "fastapi_over_flask_production": (1.2, True),
    "overhead_ms_median": (0.4, False),
    "batching_gain_32_clients": (3.0, True),
    "ready_s": (1.5, False),
    "memory_mb_per_process": (150, False),
}


def run():
    """Mede tudo, com rodadas intercaladas; devolve um dicionário pronto para JSON."""
    image = digits.load("test")[0][:1].tobytes()
    result = _throughput(image) | _one_client(image) | _batching(image)
    met = {name: _meets(result[name], *goal) for name, goal in GOALS.items()}
    return result | {"goals": {name: goal[0] for name, goal in GOALS.items()}, "met": met}


def text(result):
    """O resultado como tabela de texto."""
    rows = [f"{result['machine']}", "", f"{'medida':32}  {'valor':>8}  {'meta':>8}"]
    for name, (goal, minimum) in GOALS.items():
        sign = "≥" if minimum else "≤"
        mark = "✔" if result["met"][name] else "✘"
        rows.append(f"{name:32}  {result[name]:8.2f}  {sign} {goal:6g}  {mark}")
    return "\n".join([*rows, "", result["throughput_table"]])


def _meets(value, goal, minimum):
    return bool(value >= goal) if minimum else bool(value <= goal)


def _throughput(image):
    """Os servidores sob a mesma carga: 8 clientes, bytes crus, 5 rodadas."""
    start = perf_counter()
    fastapi = servers.start(FASTAPI)
    ready_s = perf_counter() - start
    with (
        fastapi,
        servers.start(FLASK, server="werkzeug") as development,
        servers.start(FLASK, server=PRODUCTION, workers=2) as production,
        servers.start(FASTAPI, workers=2) as double,
    ):
        named = {
            "FastAPI": fastapi,
            "Flask (desenvolvimento)": development,
            f"Flask ({PRODUCTION} × 2)": production,
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


def _one_client(image, calls=1500):
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
