"""Um endpoint da AWS de bolso: o pacote sai do S3 do moto; cada variante tem um contêiner; um sorteio escolhe.

As formas dos erros são as de botocore/data/sagemaker-runtime/2017-05-13/service-2.json.
"""

import io
import json
import random
import shutil
import tarfile
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from xml.sax.saxutils import escape

from moto.core import DEFAULT_ACCOUNT_ID
from moto.s3.models import s3_backends
from werkzeug.wrappers import Response

from course_utils.classroom import servers
from course_utils.pocket_cloud.ground import NoAnswerError, ask

S3 = s3_backends[DEFAULT_ACCOUNT_ID]["aws"]


class ServiceError(Exception):
    """Um erro para o cliente: `status` HTTP, `code` (o nome da exceção no boto3; None deixa o número) e mensagem.

    `fields`: os outros campos da forma, como `OriginalStatusCode`.
    """

    def __init__(self, status, code, message, **fields):
        super().__init__(message)
        self.status, self.code, self.fields = status, code, fields

    def response(self, *, xml=False):
        """A resposta HTTP deste erro: em XML, como a do S3, ou em JSON, como a dos outros serviços."""
        if xml:
            body = f"<Error><Code>{self.code}</Code><Message>{escape(str(self))}</Message></Error>"
            return Response(body, self.status, content_type="application/xml")
        name = {"__type": self.code} if self.code else {}
        body = json.dumps(name | {"Message": str(self)} | self.fields)
        return Response(body, self.status, content_type="application/json")


def refused(message):
    """O `ValidationException` do plano de controle."""
    return ServiceError(400, "ValidationException", message)


def invalid(message):
    """O `ValidationError` do plano de dados."""
    return ServiceError(400, "ValidationError", message)


class Model:
    """Um modelo no seu contêiner. `record`: o registro do moto; `base`: a pasta em que fica a dele (Path)."""

    def __init__(self, record, base):
        primary = record.primary_container or {}
        self.uri, self.environment = primary.get("ModelDataUrl") or "", primary.get("Environment") or {}
        self.folder, self.container, self._lock = base / uuid.uuid4().hex, None, threading.Lock()

    def fetch(self):
        """Baixa o model.tar.gz do S3 e o desempacota; nada sai da pasta. Levanta `RuntimeError`."""
        self.folder.mkdir(parents=True)
        try:
            with tarfile.open(fileobj=io.BytesIO(read(self.uri)), mode="r:gz") as package:
                package.extractall(self.folder, filter="data")
        except Exception as error:
            raise RuntimeError(f'Failed to extract model data archive from URL "{self.uri}": {error}') from None

    def start(self):
        """Inicia o contêiner, se ele não está no ar. Levanta `ServiceError`."""
        with self._lock:
            try:
                own = {"SM_MODEL_DIR": str(self.folder)}
                self.container = self.container or servers.start_container(self.environment | own)
            except servers.ServerError as error:
                message = f"The primary container did not pass the ping health check: {str(error)[-600:]}"
                raise ServiceError(429, "ModelNotReadyException", message) from None

    def invoke(self, body, kind, timeout_s):
        """`POST /invocations`: `(tipo, corpo)`. Um 4xx ou 5xx, ou o silêncio, vira o `ModelError` 424."""
        try:
            status, answered, content = ask(self.container, "/invocations", body, kind, timeout_s)
        except NoAnswerError as error:
            status, content = 0, str(error).encode()
        if 200 <= status < 300:
            return answered, content
        side, said = "client" if 400 <= status < 500 else "server", content.decode("utf-8", errors="replace")
        message = f'Received {side} error ({status}) from primary with message "{said}". See the container log.'
        raise ServiceError(424, "ModelError", message, OriginalStatusCode=status, OriginalMessage=said)

    def stop(self):
        """Encerra o contêiner e apaga a pasta."""
        with self._lock:
            if self.container:
                self.container.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


class Endpoint:
    """`record` é o registro do moto, de onde saem os pesos de agora e para onde vai o estado.

    `variants`: `{nome: (configuração da variante, Model)}`; `places`: o `OutputConfig`, num endpoint assíncrono.
    Serverless: o contêiner só inicia na primeira chamada (o *cold start*).
    """

    def __init__(self, record, variants, places=None):
        self.record, self.variants, self.places = record, variants, places
        self.queue = ThreadPoolExecutor(4)
        record.endpoint_status = "Creating"

    def start(self):
        """Prepara as variantes; o estado passa a InService, ou a Failed com o motivo."""
        try:
            for settings, model in self.variants.values():
                model.fetch()
                if "ServerlessConfig" not in settings:
                    model.start()
        except Exception as error:
            self.stop()
            self.record.endpoint_status, self.record.failure_reason = "Failed", str(error)[:1024]
        else:
            self.record.endpoint_status = "InService"

    def stop(self):
        """Esquece os pedidos que ainda não começaram e encerra os contêineres."""
        self.queue.shutdown(wait=False, cancel_futures=True)
        for _, model in self.variants.values():
            model.stop()

    def choose(self):
        """`(nome, configuração, Model)`, sorteada pelos pesos de agora: os do registro, que podem ter mudado."""
        current = {item["VariantName"]: item.get("CurrentWeight") for item in self.record.production_variants}
        weights = [
            settings.get("InitialVariantWeight", 1.0) if current.get(name) is None else current[name]
            for name, (settings, _) in self.variants.items()
        ]
        if not any(weights):
            raise invalid(f"Every variant of endpoint {self.record.endpoint_name} has weight 0.")
        name = random.choices(list(self.variants), weights)[0]  # noqa: S311 – um sorteio, não um segredo
        return name, *self.variants[name]


def locate(uri):
    """`s3://balde/chave` → `(balde, chave)`."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return bucket, key


def read(uri):
    """O conteúdo do objeto (bytes). Levanta `FileNotFoundError`; sem o balde, o erro do moto."""
    found = S3.get_object(*locate(uri))
    if found is None:
        raise FileNotFoundError(f"Não há objeto em {uri}.")
    return found.value
