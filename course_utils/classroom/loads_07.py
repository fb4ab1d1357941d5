"""O que o notebook 07 mede e desenha: pedidos na fila, vazões, e por que uma requisição foi recusada."""

import os
from concurrent.futures import ThreadPoolExecutor
from time import perf_counter

import matplotlib.pyplot as plt
import numpy as np
import requests

from course_utils.classroom import plots, tables
from course_utils.measure import load
from course_utils.measure.numbers import br, times

WSGI = "waitress" if os.name == "nt" else "gunicorn"
FLASK = "course_utils.serving.flask_app:create_app"
TOGETHER, WAIT_MS = 6, 50  # os pedidos da figura, e quanto cada rota espera


def reason(answer):
    """Onde e por quê, de uma recusa do Pydantic: dois textos. De outra resposta, um traço e o corpo dela."""
    if answer.status_code != 422:
        return "–", answer.text
    first = answer.json()["detail"][0]
    return ".".join(map(str, first["loc"])), first["msg"]


def flask_command(app, *, workers, threads=1):
    """O comando que serve `app` com `workers` × `threads`; onde não há gunicorn (Windows), o do waitress."""
    if os.name == "nt":
        return f"waitress-serve --listen=127.0.0.1:{{port}} --threads={workers * threads} {app}"
    return f"gunicorn {app} --workers {workers} --threads {threads} --bind 127.0.0.1:{{port}}"


def per_second(routes, *, clients):
    """As respostas por segundo de cada rota (`{nome: endereço}`), em duas rodadas intercaladas."""
    urls = {name: (url, None, "") for name, url in routes.items()}
    loads = load.compare(urls, concurrency=clients, rounds=2, seconds=0.5, warmup=0)
    return {name: item.requests_per_second for name, item in loads.items()}


def draw_timeline(routes):
    """Seis pedidos juntos a cada rota: em cinza, a fila; em cor, os 50 ms finais. Devolve os Axes."""
    _, axes = plt.subplots(1, len(routes), figsize=(10, 2.6), sharex=True, sharey=True, layout="tight")
    rows = range(1, TOGETHER + 1)
    for axis, (name, url) in zip(axes, routes.items()):
        with ThreadPoolExecutor(TOGETHER) as pool:
            began, ended = 1000 * np.array(sorted(pool.map(_ask, [url] * TOGETHER), key=lambda span: span[1])).T
        waited, zero = ended - began, began.min()
        served = waited.clip(max=WAIT_MS)
        axis.barh(rows, waited, left=began - zero, height=0.7, color="#BBBBBB")
        color = plots.COLOR_OF["Flask" if "Flask" in name else "FastAPI"]
        axis.barh(rows, served, left=ended - zero - served, height=0.7, color=color)
        axis.set(title=name, xlabel="ms")
    axes[0].set(ylabel="pedido", yticks=rows, ylim=(TOGETHER + 0.6, 0.4))
    return axes


def _ask(url):
    """Quando um pedido partiu e quando a resposta chegou, em segundos."""
    began = perf_counter()
    requests.get(url, timeout=60).raise_for_status()
    return began, perf_counter()


def race(flask, fast, body):
    """A mesma carga, intercalada, nos dois servidores do curso: `{"Flask": Load, "FastAPI": Load}`."""
    urls = {}
    for who, server in (("Flask", flask), ("FastAPI", fast)):
        urls[who] = (server.url + "predict", body, load.BYTES, server.pids())
    return load.compare(urls, concurrency=8, rounds=2, seconds=0.6, warmup=0.15)


def show_races(races):
    """A tabela de `{modelo: race(…)}`."""
    rows = []
    for name, result in races.items():
        rates = [br(item.requests_per_second, 0) for item in result.values()]
        rows.append((name, *rates, times(load.ratios(result)["FastAPI"])))
    tables.show("8 clientes, em requisições/s", ("modelo", "Flask", "FastAPI", "FastAPI ÷ Flask"), rows)
