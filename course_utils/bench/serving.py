"""Os servidores: o que o laboratório 07 mede sob carga, o que um só cliente espera, o que o contrato custa."""

import contextlib
import json
import socket
from statistics import median
from time import perf_counter

import numpy as np

from course_utils.bench import notebooks, table
from course_utils.classroom import servers
from course_utils.measure import load
from course_utils.measure.numbers import br
from course_utils.model import artifacts, digits
from course_utils.processes import HOST

LAB = "laboratorios/07_carga_e_lotes"
MEASURES = {
    "requests_per_second": "{name: item.requests_per_second for name, item in large.items()}",
    "errors": "{name: item.failed for name, item in large.items()}",
    "fastapi_over_flask_dev": 'large_ratios["FastAPI"]',
    "fastapi_over_flask_production": "over_production[0]",
    "batching_gain_1_client": "batching_gain[1]",
    "batching_gain_32_clients": "batching_gain[32]",
    "memory_mb_per_process": "curve[0].peak_memory_bytes / 1e6",
    "throughput_table": "load.report(large)",
}
CALLS, WARMUP = 1500, 50
ROUNDS, CLIENTS = 7, 8
OURS, BARE = "servidor do curso", "rota nua"


def run():
    """Executa o laboratório e mede um cliente só; devolve um dicionário pronto para o JSON."""
    runs = {LAB: notebooks.measure(LAB, MEASURES)}
    typical = notebooks.middle(runs[LAB])
    result = {"runs": runs} | {key: typical[key] for key in MEASURES} | one_client() | against_bare()
    lines = [result["throughput_table"], notebooks.text(runs)]
    for name, meaning in (("request", "a requisição inteira"), ("overhead", "o que o servidor acrescenta")):
        middle, p95 = (br(result[f"{name}_ms_{key}"], 2) for key in ("median", "p95"))
        lines.append(f"um cliente, {meaning}: mediana {middle} ms, p95 {p95} ms, n = {CALLS}")
    lines += [result["bare_table"], f"da partida à prontidão: {br(result['ready_s'], 2)} s"]
    values = {name: result[name] for name in table.GOALS if name in result}
    return result | {"values": values, "text": "\n\n".join(lines)}


def against_bare(rounds=ROUNDS, seconds=1.5):
    """A vazão do servidor do curso sobre a de `bare_route`, um processo cada, com o modelo de sempre e o pequeno.

    A razão é a mediana das de cada rodada, e as rodadas são intercaladas. Com o modelo pequeno, que
    responde bem mais depressa, aparece o que custam o contrato, os limites, as métricas e o registro.
    """
    image, result, tables = digits.load("test")[0][0].tobytes(), {}, []
    for name in ("reference", "small"):
        model = artifacts.DATA / f"{name}.onnx"
        with (
            servers.start("course_utils.bench.bare_route:app", model=model, ready="openapi.json") as bare,
            servers.start(model=model) as ours,
        ):
            jobs = {
                label: (f"{server.url}predict", image, load.BYTES, server.pids())
                for label, server in {BARE: bare, OURS: ours}.items()
            }
            loads = load.compare(jobs, concurrency=CLIENTS, rounds=rounds, seconds=seconds)
        pairs = zip(loads[OURS].rates, loads[BARE].rates)
        result[f"over_bare_route_{name}"] = median(one / other for one, other in pairs)
        tables.append(f"{name}.onnx: {load.report(loads)}")
    return result | {"bare_table": "\n\n".join(tables)}


def one_client(calls=CALLS):
    """Da partida à prontidão, em s; e, numa conexão mantida, a requisição e o que o servidor acrescenta, em ms.

    Soquete cru, e um cliente que espera sem dormir: montar cabeçalhos com `http.client`, ou acordar um núcleo
    adormecido numa máquina virtual, custa tanto quanto o que se quer medir.
    """
    image = digits.load("test")[0][0].tobytes()
    head = "POST /predict HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/octet-stream\r\n"
    request = f"{head}Content-Length: {len(image)}\r\n\r\n".encode() + image
    totals, overheads, start = [], [], perf_counter()
    with servers.start() as server, socket.create_connection((HOST, server.port)) as connection:
        ready_s = perf_counter() - start
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.setblocking(False)
        for call in range(calls + WARMUP):
            start, answer = perf_counter(), b""
            connection.sendall(request)
            while not answer.endswith(b"}"):  # onde acaba o JSON da resposta
                with contextlib.suppress(BlockingIOError):
                    answer += connection.recv(65536) or b"}"  # nada: o servidor fechou, e isto não é um JSON
            elapsed = 1000 * (perf_counter() - start)
            if call >= WARMUP:
                totals.append(elapsed)
                overheads.append(elapsed - json.loads(answer.partition(b"\r\n\r\n")[2])["inference_ms"])
    result = {"ready_s": ready_s}
    for name, times in {"request_ms": totals, "overhead_ms": overheads}.items():
        result |= {f"{name}_median": float(np.median(times)), f"{name}_p95": float(np.percentile(times, 95))}
    return result
