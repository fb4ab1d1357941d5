"""Os erros da AWS de bolso, na forma em que o boto3 os reconhece.

Fonte das formas: botocore/data/sagemaker-runtime/2017-05-13/service-2.json.
"""

import json
import uuid
from xml.sax.saxutils import escape

from werkzeug.wrappers import Response


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
        body = {"message": str(self), "Message": str(self)} | self.fields
        headers = {"x-amzn-requestid": str(uuid.uuid4())}
        if self.code:
            headers["x-amzn-errortype"] = body["__type"] = self.code
        return Response(json.dumps(body), self.status, headers, content_type="application/json")


def refused(message):
    """O `ValidationException` do plano de controle."""
    return ServiceError(400, "ValidationException", message)


def invalid(message):
    """O `ValidationError` do plano de dados."""
    return ServiceError(400, "ValidationError", message)


def not_simulated(what, instead):
    """O 501 `NotImplemented`, que o boto3 não tenta de novo: `what` foi pedido; `instead` diz o que há."""
    return ServiceError(501, "NotImplemented", f"{what} não é simulado nesta AWS de bolso: {instead}.")
