"""O que esta AWS de bolso simula; o resto é recusado pelo nome, na exceção do próprio boto3 (`ClientError`).

O moto responde a mais do que isto, mas só anota: um treino que "termina" sem treinar ensinaria errado.
"""

import re

from course_utils.serving.sagemaker_local.wire import ServiceError

INVOCATION = re.compile(r"/endpoints/([^/]+)/(async-)?invocations")
# O plano de controle do SageMaker: o que é feito de verdade, e o que só consulta o que foi feito.
CONTROL = {
    "CreateModel", "DescribeModel", "ListModels", "DeleteModel",
    "CreateEndpointConfig", "DescribeEndpointConfig", "ListEndpointConfigs", "DeleteEndpointConfig",
    "CreateEndpoint", "DescribeEndpoint", "ListEndpoints", "DeleteEndpoint", "UpdateEndpointWeightsAndCapacities",
    "CreateTransformJob", "DescribeTransformJob", "ListTransformJobs",
    "AddTags", "ListTags", "DeleteTags",
}  # fmt: skip
RUNTIME = ("InvokeEndpoint", "InvokeEndpointAsync")
INSTEAD = {
    "UpdateEndpoint": "para trocar o modelo, crie outro endpoint, ou duas variantes, e mude os pesos com "
    "UpdateEndpointWeightsAndCapacities",
    "invocations-response-stream": "InvokeEndpoint devolve a resposta inteira, de uma vez",
}


def require_simulated(operation, path):
    """Recusa, com `ServiceError` 501, o que não é simulado.

    `operation`: a do plano de controle, ou "" se o pedido não é dele; `path`: a rota.
    """
    if not INVOCATION.fullmatch(path) and operation not in CONTROL:
        raise not_simulated(operation or path, INSTEAD.get(operation or path.rpartition("/")[2]))


def not_simulated(what, instead=None):
    """O 501 `NotImplemented`, que o boto3 não tenta de novo: `what` foi pedido; `instead`, o que fazer."""
    instead = instead or "do SageMaker, ela simula " + ", ".join((*RUNTIME, *sorted(CONTROL)))
    return ServiceError(501, "NotImplemented", f"{what} não é simulado nesta AWS de bolso: {instead}.")
