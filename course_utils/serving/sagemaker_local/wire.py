"""O que passa no fio: corpos com limite e erros na forma em que o boto3 os reconhece.

Fonte das formas: botocore/data/sagemaker-runtime/2017-05-13/service-2.json.
"""

import json
import uuid
from xml.sax.saxutils import escape

from werkzeug.wrappers import Response

CHUNK_BYTES = 2**16


class ServiceError(Exception):
    """Um erro para o cliente: `status` HTTP, `code` (o nome da exceção no boto3; None deixa o número) e mensagem.

    `fields`: os outros campos da forma, como `OriginalStatusCode`.
    """

    def __init__(self, status, code, message, **fields):
        super().__init__(message)
        self.status, self.code, self.fields = status, code, fields

    def response(self):
        """A resposta HTTP deste erro, que serve aos protocolos json e rest-json."""
        body = {"message": str(self), "Message": str(self)} | self.fields
        headers = {"x-amzn-requestid": str(uuid.uuid4())}
        if self.code:
            headers["x-amzn-errortype"] = body["__type"] = self.code
        return Response(json.dumps(body), self.status, headers, content_type="application/json")

    def xml_response(self):
        """A resposta HTTP deste erro, na forma do S3."""
        body = f"<Error><Code>{self.code}</Code><Message>{escape(str(self))}</Message></Error>"
        return Response(body, self.status, content_type="application/xml")


def invalid(message):
    """O `ValidationError` do plano de dados."""
    return ServiceError(400, "ValidationError", message)


def read_body(request, limit):
    """O corpo (bytes), ou None se passa de `limit` bytes.

    Lê até o fim mesmo o que vai recusar: fechar a conexão no meio esconderia o erro do cliente.
    """
    body, size = bytearray(), 0
    while chunk := request.stream.read(CHUNK_BYTES):
        size += len(chunk)
        if size <= limit:
            body += chunk
    return bytes(body) if size <= limit else None
