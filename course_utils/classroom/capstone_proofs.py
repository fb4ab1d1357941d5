"""As provas que o desafio faz por HTTP no servidor do aluno: prontidão, contrato, acerto, pressa e recusas.

A prova escondida são envelopes feitos com a divisão de *validação*, deslocada e suja como na esteira. O teste
continua tocado uma vez só (notebook 09): o que serve para escolher e corrigir é a validação.
"""

import json
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from time import perf_counter

import numpy as np
import requests
import urllib3

from course_utils.measure.load import BYTES
from course_utils.measure.numbers import percent
from course_utils.model import digits

LOCAL = re.compile(r"http://(127\.0\.0\.1|localhost):\d+/?")
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


@dataclass(frozen=True)
class Item:
    """Um item do laudo. `ok`: verdadeiro, falso, ou None se não deu para conferir."""

    what: str
    ok: bool | None
    expected: str
    received: str
    next_step: str = ""


@dataclass(frozen=True)
class Reply:
    """O que voltou, em quantos ms. `status` é 0 se nada aproveitável voltou, e então `problem` diz por quê."""

    status: int
    body: bytes = b""
    server: str = ""
    problem: str = ""
    ms: float = np.inf

    def __str__(self):
        return self.problem or f"status {self.status}"


def local_address(url):
    """O endereço, com a barra no fim; levanta `ValueError` se não é `http://127.0.0.1:porta/`: nada sai daqui."""
    if not LOCAL.fullmatch(url):
        raise ValueError(f"o endereço {url[:60]!r}")
    return url.rstrip("/") + "/"


def send(url, body=None, kind=None):
    """POST de `body` (ou GET, se None), sem seguir desvios; sempre devolve um `Reply`."""
    start, method = perf_counter(), "GET" if body is None else "POST"
    options = {"headers": {"Content-Type": kind}, "allow_redirects": False, "stream": True}
    try:
        with requests.request(method, url, data=body, timeout=REQUEST_S, **options) as response:
            received = response.raw.read(MAX_BODY, decode_content=True)
    except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
        return Reply(0, problem=f"nenhuma resposta inteira em {REQUEST_S:.0f} s ({type(error).__name__})")
    ms = 1000 * (perf_counter() - start)
    return Reply(response.status_code, received, response.headers.get("Server") or "", ms=ms)


def envelopes(count=50):
    """Sempre os mesmos CEPs: imagens uint8 (count, 8, 28, 28) e rótulos (count, 8)."""
    random = np.random.default_rng(SEED)
    images, labels = digits.load("validation")
    chosen = random.permutation(len(images))[: count * DIGITS]
    moved = np.stack([_move(images[index], *random.integers(-SHIFT, SHIFT + 1, 2)) for index in chosen])
    dirty = moved + random.normal(0, NOISE, moved.shape) * (moved > 0)
    shape = (count, DIGITS)
    return dirty.round().clip(0, 255).astype(np.uint8).reshape(*shape, 28, 28), labels[chosen].reshape(shape)


def _move(image, down, right):
    """A imagem deslocada; o que sai por uma borda não volta pela outra."""
    padded = np.pad(image, SHIFT)
    top, left = SHIFT - down, SHIFT - right
    return padded[top : top + 28, left : left + 28]


def ready(url):
    """O aparelho liga sozinho: quem o supervisiona pergunta se já pode mandar envelopes."""
    reply = send(url + "health/ready")
    step = "responda 200 em GET /health/ready quando o modelo estiver carregado."
    return Item("Prontidão", reply.status == 200, "200 em GET /health/ready", str(reply), step)


def _digits(reply):
    """Os dígitos de um envelope (lista de int) e None; ou None e o que havia no lugar deles (str)."""
    if reply.status != 200:
        return None, str(reply)
    try:
        answers = [item["digit"] for item in json.loads(reply.body)["predictions"]]
    except (ValueError, KeyError, TypeError):
        answers = []
    if len(answers) != DIGITS or not all(answer in range(10) for answer in answers):
        return None, f"o corpo {reply.body[:60].decode(errors='replace')!r}"
    return answers, None


def contract(url):
    """Um envelope: oito imagens entram, oito dígitos saem."""
    images, _ = envelopes(1)
    answers, problem = _digits(send(url + "predict", images.tobytes(), BYTES))
    step = 'em POST /predict, devolva {"predictions": [{"digit": 7}, …]}, um dígito por imagem.'
    received = problem or f"{len(answers)} dígitos"
    return Item("Contrato", problem is None, f"{DIGITS} dígitos em JSON", received, step)


def reading(url):
    """A prova escondida sob carga leve: o item da acurácia e o da latência."""
    images, labels = envelopes()
    with ThreadPoolExecutor(CLIENTS) as pool:
        replies = list(pool.map(lambda envelope: send(url + "predict", envelope.tobytes(), BYTES), images))
    right = np.array([_digits(reply)[0] or [-1] * DIGITS for reply in replies]) == labels
    received = f"{percent(right.mean())} ({int(right.all(1).sum())} de {len(labels)} CEPs inteiros)"
    step = "confira a ordem dos pixels e das imagens; se o modelo é o certo, ele lê mais que isso."
    expected = f"{percent(ACCURACY, 0)} dos dígitos"
    accuracy = Item("Acurácia", bool(right.mean() >= ACCURACY), expected, received, step)
    p95 = float(np.percentile([reply.ms for reply in replies], 95, method="higher"))
    step = "carregue o modelo uma vez, ao iniciar, e não na requisição; depois, encolha-o."
    limit = f"p95 de até {DEADLINE_MS} ms por envelope, com {CLIENTS} clientes"
    return accuracy, Item("Latência", p95 <= DEADLINE_MS, limit, f"{p95:.0f} ms", step)


def refusals(url):
    """Entradas ruins: cada uma merece um 4xx, e o servidor segue de pé."""
    replies = {name: send(url + "predict", body, kind) for name, (body, kind) in BAD.items()}
    wrong = {name: reply for name, reply in replies.items() if reply.status // 100 != 4}
    received = "; ".join(f"{name}: {reply}" for name, reply in wrong.items()) or "todas recusadas"
    step = "valide antes de inferir (contract.read_images já sabe) e devolva o 4xx com uma frase."
    yield Item("Entradas ruins", not wrong, f"4xx nas {len(BAD)}", received, step)
    after = contract(url)
    step = "um erro numa requisição não pode derrubar o processo: veja o registro dele."
    yield Item("De pé depois", after.ok, after.expected, after.received, step)


def production(url):
    """O cabeçalho `Server` diz quem atende."""
    reply = send(url + "health/ready")
    ok = not reply.server.lower().startswith(DEVELOPMENT) if reply.status else None
    step = "sirva com uvicorn, gunicorn ou waitress (notebook 06)."
    return Item("Servidor", ok, "um servidor de produção", reply.server[:30] or str(reply), step)
