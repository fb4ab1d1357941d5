"""As provas que o servidor do aluno faz: prontidão, contrato, acerto, pressa e recusas."""

import json
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from course_utils.classroom.capstone import hidden
from course_utils.classroom.capstone.report import Item
from course_utils.measure.load import BYTES

CLIENTS = 2
DEVELOPMENT = ("werkzeug", "basehttp", "simplehttp")
BAD = {
    "corpo vazio": (b"", BYTES),
    "785 bytes": (bytes(785), BYTES),
    "33 imagens": (bytes(33 * 784), BYTES),
    "JSON pela metade": (b"{", "application/json"),
    "imagem anunciada como texto": (bytes(784), "text/plain"),
}


def ready(client):
    """O aparelho liga sozinho: quem o supervisiona pergunta se já pode mandar envelopes."""
    reply = client.ask("health/ready")
    step = "responda 200 em GET /health/ready quando o modelo estiver carregado."
    return Item("Prontidão", reply.status == 200, "200 em GET /health/ready", str(reply), step)


def read_digits(reply, count):
    """Os `count` dígitos da resposta (lista de int) e None; ou None e o que havia no lugar deles (str)."""
    if reply.status != 200:
        return None, str(reply)
    try:
        predictions = json.loads(reply.body)["predictions"]
        answers = [item["digit"] for item in predictions]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None, f"o corpo {reply.body[:40].decode(errors='replace')!r}"
    if len(answers) != count:
        return None, f"{len(answers)} previsões"
    if not all(type(answer) is int and 0 <= answer <= 9 for answer in answers):
        return None, f"digit = {str(answers[0])[:20]}"
    return answers, None


def contract(client, brief):
    """Um envelope: oito imagens entram, oito dígitos saem."""
    images, _ = hidden.envelopes(brief.digits, count=1)
    answers, problem = read_digits(client.ask("predict", images.tobytes(), BYTES), brief.digits)
    step = 'em POST /predict, devolva {"predictions": [{"digit": 7}, …]}, um dígito por imagem.'
    received = problem or f"{len(answers)} dígitos"
    return Item("Contrato", problem is None, f"{brief.digits} dígitos em JSON", received, step)


def reading(client, brief):
    """A prova escondida sob carga leve: o item da acurácia e o da latência."""
    images, labels = hidden.envelopes(brief.digits)
    with ThreadPoolExecutor(CLIENTS) as pool:
        replies = list(pool.map(lambda envelope: client.ask("predict", envelope.tobytes(), BYTES), images))
    answers = [read_digits(reply, brief.digits)[0] or [-1] * brief.digits for reply in replies]
    right = np.array(answers) == labels
    lost = sum(answer[0] < 0 for answer in answers)
    wholes = f"{100 * right.mean():.1f} % ({int(right.all(1).sum())} de {len(labels)} CEPs inteiros)"
    received = wholes.replace(".", ",") + (f"; {lost} sem resposta" if lost else "")
    step = "confira a ordem dos pixels e das imagens; se o modelo é o certo, ele lê mais que isso."
    expected = f"{100 * brief.accuracy:.0f} % dos dígitos"
    accuracy = Item("Acurácia", bool(right.mean() >= brief.accuracy), expected, received, step)
    p95 = float(np.percentile([reply.ms if reply.status else np.inf for reply in replies], 95, method="higher"))
    answered = f"{p95:.0f} ms" if np.isfinite(p95) else "mais de 5 % de envelopes sem resposta"
    step = "carregue o modelo uma vez, ao iniciar, e não na requisição; depois, encolha-o."
    limit = f"p95 de até {brief.deadline_ms:.0f} ms por envelope, com {CLIENTS} clientes"
    return accuracy, Item("Latência", p95 <= brief.deadline_ms, limit, answered, step)


def refusals(client, brief):
    """Entradas ruins: cada uma merece um 4xx, e o servidor segue de pé."""
    replies = {name: client.ask("predict", body, kind) for name, (body, kind) in BAD.items()}
    wrong = {name: reply for name, reply in replies.items() if reply.status is None or reply.status // 100 != 4}
    received = "; ".join(f"{name}: {reply}" for name, reply in wrong.items()) or "todas recusadas"
    step = "valide antes de inferir (contract.read_images já sabe) e devolva o 4xx com uma frase."
    yield Item("Entradas ruins", not wrong, f"4xx nas {len(BAD)}", received, step)
    after = contract(client, brief)
    step = "um erro numa requisição não pode derrubar o processo: veja o registro dele."
    yield Item("De pé depois", after.ok, after.expected, after.received, step)


def production(client):
    """O cabeçalho `Server` diz quem atende."""
    reply = client.ask("health/ready")
    name = reply.server[:30] or "nenhum nome"
    ok = None if reply.status is None else not reply.server.lower().startswith(DEVELOPMENT)
    step = "sirva com uvicorn, gunicorn ou waitress (notebook 06)."
    return Item("Servidor", ok, "um servidor de produção", str(reply) if ok is None else name, step)
