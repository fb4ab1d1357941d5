"""Uma AWS de bolso: um `endpoint_url` só para o S3, o SageMaker e o autoscaling do boto3.

O *plano de controle* (S3, criar, descrever e apagar no SageMaker, autoscaling) é do moto, sem mudança. O *plano de
dados*, que o moto só finge, é nosso: processos de verdade atendem às invocações, aos pedidos assíncronos e aos
lotes, com os limites e as formas de erro que o modelo de serviço do botocore e a documentação da AWS descrevem.
"""

import io
import json
import logging
import re
import threading

from moto.core import DEFAULT_ACCOUNT_ID
from moto.core.exceptions import ServiceException
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from moto.sagemaker.models import sagemaker_backends
from werkzeug.wrappers import Request, Response

from course_utils.pocket_cloud import aws_modes, ground
from course_utils.pocket_cloud.aws_endpoint import Endpoint, Model, ServiceError, invalid, refused

log = logging.getLogger("aula32.aws")
SCOPE = re.compile(r"Credential=[^/]+/\d+/([\w-]+)/([\w-]+)/")
INVOCATION = re.compile(r"/endpoints/([^/]+)/(async-)?invocations")
# O que o moto responde a mais, ele só anota: um treino que "termina" sem treinar ensinaria errado.
CONTROL = {
    "CreateModel", "DescribeModel", "ListModels", "DeleteModel",
    "CreateEndpointConfig", "DescribeEndpointConfig", "ListEndpointConfigs", "DeleteEndpointConfig",
    "CreateEndpoint", "DescribeEndpoint", "ListEndpoints", "DeleteEndpoint", "UpdateEndpointWeightsAndCapacities",
    "CreateTransformJob", "DescribeTransformJob", "ListTransformJobs",
    "AddTags", "ListTags", "DeleteTags",
}  # fmt: skip
# O 501 o boto3 não tenta de novo; o nome da operação recusada, a exceção dele diz.
NOT_SIMULATED = (
    "não é simulado nesta AWS de bolso: ela guarda baldes, objetos e as metas do autoscaling, e atende a "
    + ", ".join(("InvokeEndpoint", "InvokeEndpointAsync", *sorted(CONTROL)))
)


class PocketAws:
    """Aplicação WSGI."""

    def __init__(self):
        self.moto, self.folder = DomainDispatcherApplication(create_backend_app), ground.prepare()
        self.endpoints = {}  # pela região e pelo nome
        self.own = {
            "CreateEndpoint": self._create_endpoint,
            "DeleteEndpoint": self._delete_endpoint,
            "CreateTransformJob": self._create_job,
        }

    def __call__(self, environ, start_response):
        if environ["PATH_INFO"] == "/health/ready":
            return Response("pronto")(environ, start_response)
        # A rota não basta para saber de quem é o pedido: um balde também pode se chamar "endpoints".
        signed = SCOPE.search(environ.get("HTTP_AUTHORIZATION", ""))
        region, service = signed.groups() if signed else (None, "s3")
        try:
            answer = self._sagemaker(environ, region) if service == "sagemaker" else self._ask_moto(environ)
        except ServiceError as error:
            answer = error.response(xml=service.startswith("s3"))
        except ServiceException as error:  # uma recusa do próprio moto, pedida por nós
            answer = refused(error.message).response()
        return answer(environ, start_response)

    def _sagemaker(self, environ, region):
        """O plano de dados, se a rota é dele; o de controle, se é uma operação que simulamos."""
        request, name = Request(environ), environ.get("HTTP_X_AMZ_TARGET", "").rpartition(".")[2]
        if invocation := INVOCATION.fullmatch(request.path):
            endpoint = self.endpoints.get((region, invocation[1]))
            if endpoint is None or endpoint.record.endpoint_status != "InService":
                ground.read_body(request, 0)  # quem ainda escreve o corpo não leria a recusa
                raise invalid(f"Endpoint {invocation[1]} of account {DEFAULT_ACCOUNT_ID} not found.")
            action = aws_modes.invoke_async if invocation[2] else aws_modes.invoke
            return action(endpoint, request)
        if name not in CONTROL:
            raise ServiceError(501, "NotImplemented", NOT_SIMULATED)
        body = ground.read_body(request, ground.CONTROL_BYTES)
        if body is None:
            raise refused(f"O pedido passa de {ground.CONTROL_BYTES} bytes.")
        environ["wsgi.input"] = io.BytesIO(body)
        try:
            backend, asked = sagemaker_backends[DEFAULT_ACCOUNT_ID][region], json.loads(body)
            return self.own.get(name, self._ask_moto)(environ, backend, asked)
        except (KeyError, ValueError) as error:  # a região, um campo, o JSON
            raise refused(f"O pedido não serve: {error}.") from None

    def _ask_moto(self, environ, *_):
        """A resposta do moto. Levanta `ServiceError` 501 onde ele não sabe responder (um erro, uma página)."""
        try:
            answer = Response.from_app(self.moto, environ, buffered=True)
        except Exception:
            log.exception("o moto falhou em %s", environ["PATH_INFO"])
        else:
            page = answer.status_code >= 400 and answer.get_data()[:9].lower() == b"<!doctype"
            if answer.status_code < 500 and not page:
                return answer
        raise ServiceError(501, "NotImplemented", NOT_SIMULATED)

    def _model(self, backend, name):
        return Model(backend.describe_model(name), self.folder)

    def _create_endpoint(self, environ, backend, asked):
        name = asked["EndpointName"]
        if name in backend.endpoints:
            raise refused(f'Cannot create already existing endpoint "{backend.endpoints[name].arn}".')
        config = backend.describe_endpoint_config(asked["EndpointConfigName"])
        variants = {
            settings["VariantName"]: (settings, self._model(backend, settings["ModelName"]))
            for settings in config["ProductionVariants"]
        }
        places = config["AsyncInferenceConfig"]["OutputConfig"] if config.get("AsyncInferenceConfig") else None
        answer = self._ask_moto(environ)
        endpoint = Endpoint(backend.endpoints[name], variants, places)
        self.endpoints[backend.region_name, name] = endpoint
        threading.Thread(target=endpoint.start, daemon=True).start()
        return answer

    def _delete_endpoint(self, environ, backend, asked):
        record = backend.endpoints.get(asked["EndpointName"])
        if record and record.endpoint_status == "Creating":  # na AWS, também é preciso esperar
            raise refused(f'Cannot update in-progress endpoint "{record.arn}".')
        answer = self._ask_moto(environ)
        if endpoint := self.endpoints.pop((backend.region_name, asked["EndpointName"]), None):
            endpoint.stop()
        return answer

    def _create_job(self, environ, backend, asked):
        name, model = asked["TransformJobName"], self._model(backend, asked["ModelName"])
        if name in backend.transform_jobs:
            raise ServiceError(400, "ResourceInUse", f"Job name {name} already exists.")
        aws_modes.require_simple_batch(asked)
        answer, record = self._ask_moto(environ), backend.transform_jobs[name]
        record.transform_job_status, record.transform_end_time = "InProgress", None
        threading.Thread(target=aws_modes.run_batch, args=(record, model), daemon=True).start()
        return answer


def create_app():
    """A aplicação: `servers.start("course_utils.pocket_cloud.aws:create_app", server="werkzeug")`."""
    return PocketAws()
