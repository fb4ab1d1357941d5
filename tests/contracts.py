"""Os contratos HTTP do curso e um cliente que não esconde nada: o que as provas dos servidores têm em comum."""

import http.client
import json
import re
import shutil
import socket
from functools import partial

from cases import BYTES, JSON
from waiting import PATIENCE_S

from course_utils.classroom import servers
from course_utils.model import artifacts, digits
from course_utils.model.predictor import MODEL, Predictor

FLASK, FASTAPI = "course_utils.serving.flask_app:create_app", "course_utils.serving.fastapi_app:create_app"
TF, OIP = "course_utils.serving.tf_serving:create_app", "course_utils.serving.open_inference:create_app"
VERTEX = {"AIP_HEALTH_ROUTE": "/saude", "AIP_PREDICT_ROUTE": "/ler"}
PLACE = "models/digits"
PROBLEM = "application/problem+json"
IMAGES = digits.load("test")[0][:2]
FLAT = IMAGES.reshape(2, 784).tolist()
EXPECTED = [item.digit for item in Predictor().predict(IMAGES)]
TENSOR = {"name": "images", "shape": [2, 28, 28], "datatype": "UINT8", "data": IMAGES.ravel().tolist()}
OURS = ("/predict", "/health/live", {"images": FLAT})
start_container = partial(servers.start_container, VERTEX, ready="ping")
CONTRACTS = {  # nome: (como iniciar, rota da leitura, rota que só tem GET, corpo)
    "fastapi": (lambda: servers.start(FASTAPI), *OURS),
    "flask": (lambda: servers.start(FLASK, server="werkzeug", threads=8), *OURS),
    "gunicorn": (lambda: servers.start(FLASK, server="gunicorn", threads=8), *OURS),
    "sagemaker": (start_container, "/invocations", "/ping", {"images": FLAT}),
    "vertex": (start_container, "/ler", "/saude", {"instances": FLAT}),
    "tf": (lambda: servers.start(TF), f"/v1/{PLACE}:predict", f"/v1/{PLACE}", {"instances": IMAGES.tolist()}),
    "oip": (lambda: servers.start(OIP), f"/v2/{PLACE}/infer", f"/v2/{PLACE}", {"inputs": [TENSOR]}),
}  # fmt: skip


class Target:
    """Um servidor no ar e as rotas do seu contrato."""

    def __init__(self, server, name="", predict="/predict", get="/health/live", payload=OURS[2]):
        self.server, self.name, self.predict, self.get = server, name, predict, get
        self.body = json.dumps(payload).encode()
        self.ours = predict == "/predict"

    def call(self, method, route, body=None, headers=()):
        """`(status, cabeçalhos, corpo)` de uma requisição que não segue redirecionamento nem repete."""
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=PATIENCE_S)
        try:
            connection.request(method, route, body, dict(headers))
            response = connection.getresponse()
            return response.status, response.headers, response.read()
        finally:
            connection.close()

    def post(self, body, kind=JSON, route=None, **headers):
        """POST na rota da leitura, ou em `route`."""
        headers = {"Content-Type": kind} | {name.replace("_", "-"): value for name, value in headers.items()}
        return self.call("POST", route or self.predict, body, headers)

    def read(self, images=IMAGES[:1], **headers):
        """POST das imagens, em bytes crus."""
        return self.post(images.tobytes(), BYTES, **headers)

    def json(self, route):
        """O corpo de um GET, lido."""
        return json.loads(self.call("GET", route)[2])

    def ready(self):
        return self.call("GET", "/health/ready")[0] == 200

    def connect(self):
        return socket.create_connection(("127.0.0.1", self.server.port), timeout=PATIENCE_S)

    def unfinished(self, body, sent, kind=BYTES):
        """Uma requisição de que só os primeiros `sent` bytes do corpo foram enviados: `(conexão, o resto)`."""
        connection = self.connect()
        head = f"POST {self.predict} HTTP/1.1\r\nHost: x\r\nContent-Type: {kind}\r\n"
        connection.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body[:sent])
        return connection, body[sent:]


def assert_read(answer):
    """A resposta é 200 e traz os dígitos das duas imagens, em qualquer contrato."""
    status, _, text = answer
    assert status == 200, text
    found = json.loads(text)
    if "outputs" in found:
        assert found["outputs"][0]["data"] == EXPECTED
    else:
        assert [item["digit"] for item in found["predictions"]] == EXPECTED


def assert_refused(answer, status, words=""):
    """Um erro na forma do contrato, com uma frase que traz `words`; devolve a frase."""
    received, headers, text = answer
    assert received == status, (received, text[:300])
    problem = json.loads(text)
    if "error" in problem:  # TensorFlow Serving e Open Inference
        assert headers["Content-Type"] == JSON and list(problem) == ["error"]
        sentence = problem["error"]
    else:
        assert headers["Content-Type"] == PROBLEM and problem["status"] == status and problem["title"]
        assert problem["request_id"] == headers["X-Request-ID"]
        sentence = problem["detail"]
    assert words in sentence and len(sentence) > 10 and headers["X-Request-ID"]
    assert not re.search(rb"Traceback|Not Found|File \"", text)
    return sentence


def make_version(folder, number, *, broken=False, model=MODEL):
    """Uma versão numa pasta de versões; `broken`: um byte trocado depois de selada. Devolve o arquivo (Path)."""
    target = folder / str(number) / "model.onnx"
    target.parent.mkdir(parents=True)
    shutil.copy(model, target)
    artifacts.seal(target)
    if broken:
        target.write_bytes(target.read_bytes()[:-1] + b"?")
    return target


def own_app(folder, module, code=""):
    """Um arquivo com a aplicação de `module` depois de `code`: o endereço que `servers.start` recebe."""
    file = folder / f"propria_{module}.py"
    lines = f"import pathlib, time\nfrom course_utils.serving import asgi, contract, service, store, {module}\n"
    file.write_text(f"{lines}create_app = {module}.create_app\n{code}", encoding="utf-8")
    return f"{file}:create_app"


def gate(folder, function):
    """Código que faz `function` (de `own_app`) esperar por `folder/aberto`, e deixar um rastro ao entrar."""
    return f"""
import itertools
folder, go, count = pathlib.Path({str(folder)!r}), {function}, itertools.count()
def wait_and_go(*arguments):
    (folder / f"dentro-{{next(count)}}").touch()
    while not (folder / "aberto").exists():
        time.sleep(0.01)
    return go(*arguments)
{function} = wait_and_go
service.Service.is_quick = lambda self, images: False
"""
