"""Um modelo da AWS de bolso no seu contêiner: o pacote sai do S3 do moto; o erro do contêiner vira o da AWS.

As formas dos erros são as de botocore/data/sagemaker-runtime/2017-05-13/service-2.json.
"""

import io
import json
import shutil
import tarfile
import threading
import uuid

import requests
from moto.core import DEFAULT_ACCOUNT_ID
from moto.s3.models import s3_backends
from werkzeug.wrappers import Response

from course_utils.classroom import servers
from course_utils.pocket_cloud import ground

S3 = s3_backends[DEFAULT_ACCOUNT_ID]["aws"]


class ServiceError(Exception):
    """Um erro para o cliente: `status` HTTP, `code` (o nome da exceção no boto3) e os outros campos da forma."""

    def __init__(self, status, code, message, **fields):
        super().__init__(message)
        self.status, self.fields = status, {"__type": code, "Message": message} | fields

    def response(self):
        """A resposta HTTP deste erro."""
        return Response(json.dumps(self.fields), self.status, content_type="application/json")


def invalid(message):
    """O `ValidationError` das invocações."""
    return ServiceError(400, "ValidationError", message)


class Container:
    """O contêiner de um modelo. `record`: o registro do moto."""

    def __init__(self, record):
        primary = record.primary_container or {}
        self.uri, self.folder = primary.get("ModelDataUrl") or "", ground.own_folder() / uuid.uuid4().hex
        self.environment = (primary.get("Environment") or {}) | {"SM_MODEL_DIR": str(self.folder)}
        self.server, self._lock = None, threading.Lock()

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
                self.server = self.server or servers.start_container(self.environment)
            except servers.ServerError as error:
                message = f"The primary container did not pass the ping health check: {str(error)[-600:]}"
                raise ServiceError(429, "ModelNotReadyException", message) from None

    def invoke(self, body, kind, timeout_s):
        """`POST /invocations`: a resposta do `requests`. Um 4xx ou 5xx, ou o silêncio, vira o `ModelError` 424."""
        headers = {"Content-Type": kind} if kind else {}
        try:
            answer = requests.post(self.server.url + "invocations", body, headers=headers, timeout=timeout_s)
        except requests.RequestException:
            status, said = 0, "O contêiner não respondeu."
        else:
            if answer.ok:
                return answer
            status, said = answer.status_code, answer.content.decode("utf-8", errors="replace")
        side = "client" if 400 <= status < 500 else "server"
        message = f'Received {side} error ({status}) from primary with message "{said}". See the container log.'
        raise ServiceError(424, "ModelError", message, OriginalStatusCode=status, OriginalMessage=said)

    def stop(self):
        """Encerra o contêiner e apaga a pasta."""
        with self._lock:
            if self.server:
                self.server.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


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


def write(uri, content):
    """Grava `content` (bytes) em `uri`."""
    S3.put_object(*locate(uri), content)
