"""As provas que o desafio faz por HTTP no servidor do aluno: prontidão, contrato, acerto, pressa e recusas.

A prova escondida são envelopes feitos com a divisão de *validação*, deslocada e suja como na esteira. O teste
continua tocado uma vez só (notebook 09): o que serve para escolher e corrigir é a validação.
"""

import json
from concurrent.futures import ThreadPoolExecutor
from time import perf_counter
from typing import NamedTuple

import numpy as np
import requests
import urllib3

from course_utils.measure.load import BYTES
from course_utils.measure.numbers import percent
from course_utils.model import digits

REQUEST_S, MAX_BODY = 5.0, 10**6

DIGITS, DEADLINE_MS, ACCURACY = 8, 150, 0.97  # um envelope, o p95 dele, os dígitos certos
SEED = 32
SHIFT = 2  # pixels, para cada lado
NOISE = 12.0  # desvio padrão, em níveis de cinza, só onde há tinta
CLIENTS = 2
DEVELOPMENT = ("werkzeug", "basehttp", "simplehttp")
BAD = {
    "corpo vazio": (b"", BYTES),
    "785 bytes": (bytes(785), BYTES),
    "33 imagens": (bytes(33 * 784), BYTES),
    "JSON pela metade": (b"{", "application/json"),
    "imagem anunciada como texto": (bytes(784), "text/plain"),
}


class Item(NamedTuple):
    """Um item do laudo. `ok`: verdadeiro, falso, ou None se não deu para conferir."""

    what: str
    ok: bool | None
    expected: str
    received: str
    next_step: str = ""


class Reply(NamedTuple):
    """O que voltou, numa frase e em partes, em quantos ms; `status` é 0 se nada aproveitável voltou."""

    told: str
    status: int = 0
    body: bytes = b""
    server: str = ""
    ms: float = np.inf


def prove(url):
    """Os itens do laudo do servidor em `url`, que acaba numa barra; sem o contrato, o resto não se prova."""
    ready = send(url + "health/ready")
    step = "responda 200 em GET /health/ready quando o modelo estiver carregado."
    yield Item("Prontidão", ready.status == 200, "200 em GET /health/ready", ready.told, step)
    first = _contract("Contrato", url, 'em POST /predict, devolva {"predictions": [{"digit": 7}, …]}.')
    yield first
    if first.ok:
        yield from _reading(url)
        yield _refusals(url)
        step = "um erro numa requisição não pode derrubar o processo: veja o registro dele."
        yield _contract("De pé depois", url, step)
    ok = not ready.server.lower().startswith(DEVELOPMENT) if ready.status else None
    step = "sirva com uvicorn, gunicorn ou waitress (notebook 06)."
    yield Item("Servidor", ok, "um servidor de produção", ready.server[:30] or ready.told, step)


def send(url, body=None, kind=None):
    """POST de `body` (ou GET, se None), sem seguir desvios; sempre devolve um `Reply`."""
    start, method = perf_counter(), "GET" if body is None else "POST"
    options = {"headers": {"Content-Type": kind}, "allow_redirects": False, "stream": True}
    try:
        with requests.request(method, url, data=body, timeout=REQUEST_S, **options) as response:
            received = response.raw.read(MAX_BODY, decode_content=True)
    except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
        return Reply(f"nenhuma resposta inteira em {REQUEST_S:.0f} s ({type(error).__name__})")
    status, server = response.status_code, response.headers.get("Server") or ""
    return Reply(f"status {status}", status, received, server, 1000 * (perf_counter() - start))


def envelopes(count=50):
    """Sempre os mesmos CEPs: imagens uint8 (count, 8, 28, 28) e rótulos (count, 8)."""
    random = np.random.default_rng(SEED)
    images, labels = digits.load("validation")
    chosen = random.permutation(len(images))[: count * DIGITS]
    # Com uma margem, o que sai por uma borda não volta pela outra.
    padded = np.pad(images[chosen], ((0, 0), (SHIFT, SHIFT), (SHIFT, SHIFT)))
    corners = SHIFT - random.integers(-SHIFT, SHIFT + 1, (len(chosen), 2))
    moved = np.stack([image[top : top + 28, left : left + 28] for image, (top, left) in zip(padded, corners)])
    dirty = moved + random.normal(0, NOISE, moved.shape) * (moved > 0)
    shape = (count, DIGITS)
    return dirty.round().clip(0, 255).astype(np.uint8).reshape(*shape, 28, 28), labels[chosen].reshape(shape)


def _read(reply):
    """Os dígitos de um envelope (lista de int); vazia se a resposta não os tem."""
    try:
        answers = [item["digit"] for item in json.loads(reply.body)["predictions"]]
    except (ValueError, KeyError, TypeError):
        return []
    valid = reply.status == 200 and len(answers) == DIGITS and all(answer in range(10) for answer in answers)
    return answers if valid else []


def _contract(what, url, step):
    """Um envelope: oito imagens entram, oito dígitos saem."""
    images, _ = envelopes(1)
    reply = send(url + "predict", images.tobytes(), BYTES)
    ok, body = bool(_read(reply)), reply.body[:60].decode(errors="replace")
    received = f"{DIGITS} dígitos" if ok else f"{reply.told}, com o corpo {body!r}"
    return Item(what, ok, f"{DIGITS} dígitos em JSON", received, step)


def _reading(url):
    """A prova escondida sob carga leve: o item da acurácia e o da latência."""
    images, labels = envelopes()
    with ThreadPoolExecutor(CLIENTS) as pool:
        replies = list(pool.map(lambda envelope: send(url + "predict", envelope.tobytes(), BYTES), images))
    right = np.array([_read(reply) or [-1] * DIGITS for reply in replies]) == labels
    received = f"{percent(right.mean())} ({int(right.all(1).sum())} de {len(labels)} CEPs inteiros)"
    step = "confira a ordem dos pixels e das imagens; se o modelo é o certo, ele lê mais que isso."
    expected = f"{percent(ACCURACY, 0)} dos dígitos"
    yield Item("Acurácia", bool(right.mean() >= ACCURACY), expected, received, step)
    p95 = float(np.percentile([reply.ms for reply in replies], 95, method="higher"))
    step = "carregue o modelo uma vez, ao iniciar, e não na requisição; depois, encolha-o."
    limit = f"p95 de até {DEADLINE_MS} ms por envelope, com {CLIENTS} clientes"
    yield Item("Latência", p95 <= DEADLINE_MS, limit, f"{p95:.0f} ms", step)


def _refusals(url):
    """Entradas ruins: cada uma merece um 4xx."""
    replies = {name: send(url + "predict", body, kind) for name, (body, kind) in BAD.items()}
    wrong = [f"{name}: {reply.told}" for name, reply in replies.items() if reply.status // 100 != 4]
    step = "valide antes de inferir (contract.read_images já sabe) e devolva o 4xx com uma frase."
    return Item("Entradas ruins", not wrong, f"4xx nas {len(BAD)}", "; ".join(wrong) or "todas recusadas", step)
