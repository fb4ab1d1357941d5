"""Uma AWS de bolso: um `endpoint_url` só para o S3, o SageMaker e o autoscaling do boto3.

O *plano de controle* (S3, criar, descrever e apagar no SageMaker, autoscaling) é do moto. O *plano de dados*, que
o moto só finge, é nosso: processos de verdade atendem às invocações, aos pedidos assíncronos e aos lotes, com os
limites e as formas de erro que o modelo de serviço do botocore e a documentação da AWS descrevem.
"""

import io
import logging
import re
import threading

from moto.core import DEFAULT_ACCOUNT_ID
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from moto.sagemaker import exceptions
from moto.sagemaker.models import SageMakerModelBackend, sagemaker_backends
from werkzeug.wrappers import Request, Response

from course_utils.pocket_cloud import ground
from course_utils.pocket_cloud.aws_container import ServiceError, invalid
from course_utils.pocket_cloud.aws_modes import AWS, Endpoint, run_batch
from course_utils.serving.cloud import SAGEMAKER_BODY_BYTES

log = logging.getLogger("aula32.aws")
SCOPE = re.compile(r"Credential=[^/]+/\d+/([\w-]+)/([\w-]+)/")
INVOCATION = re.compile(r"/endpoints/([^/]+)/(async-)?invocations")
# O que o moto responde a mais, ele só anota: um treino que "termina" sem treinar ensinaria errado.
CONTROL = re.compile(
    r"(Create|Describe|List|Delete)(Model|EndpointConfig|Endpoint|TransformJob)s?"
    r"|(Add|List|Delete)Tags|UpdateEndpointWeightsAndCapacities"
)
# O nome da operação recusada, a exceção do boto3 diz.
NOT_SIMULATED = (
    "não é simulado nesta AWS de bolso: ela guarda baldes, objetos e metas do autoscaling; cria, descreve e apaga "
    "modelos e endpoints; e atende a InvokeEndpoint, InvokeEndpointAsync e CreateTransformJob."
)
OPTIONS = {AWS + "Inputlocation", AWS + "Content-Type"}  # as que as invocações daqui têm

BATCH_OPTIONS = {  # as do lote, com os nomes que o moto lhes dá
    "transform_input": {"DataSource", "ContentType"},
    "transform_output": {"S3OutputPath"},
    "transform_resources": {"InstanceType", "InstanceCount"},
}


class LiveBackend(SageMakerModelBackend):
    """O SageMaker do moto numa região, em que um endpoint e um lote são processos de verdade."""

    __module__ = SageMakerModelBackend.__module__  # ao lado dele o moto procura as rotas

    def __init__(self, region_name, account_id):
        super().__init__(region_name, account_id)
        self.live = {}  # os endpoints, pelo nome

    def create_endpoint(self, endpoint_name, endpoint_config_name, tags):
        if endpoint_name in self.endpoints:
            raise exceptions.ValidationError(f'Cannot create already existing endpoint "{endpoint_name}".')
        config = self.describe_endpoint_config(endpoint_config_name)
        models = [self.describe_model(item["ModelName"]) for item in config["ProductionVariants"]]
        record = super().create_endpoint(endpoint_name, endpoint_config_name, tags)
        self.live[endpoint_name] = endpoint = Endpoint(record, config, models)
        threading.Thread(target=endpoint.start, daemon=True).start()
        return record

    def delete_endpoint(self, endpoint_name):
        record = self.endpoints.get(endpoint_name)
        if record and record.endpoint_status == "Creating":  # na AWS, também é preciso esperar
            raise exceptions.ValidationError(f'Cannot update in-progress endpoint "{endpoint_name}".')
        super().delete_endpoint(endpoint_name)
        self.live.pop(endpoint_name).stop()

    def create_transform_job(self, transform_job_name, model_name, **options):
        if transform_job_name in self.transform_jobs:
            raise exceptions.ResourceInUseException(f"Job name {transform_job_name} already exists.")
        unknown = {name for name, value in options.items() if value} - BATCH_OPTIONS.keys()
        for part, known in BATCH_OPTIONS.items():
            unknown |= options[part].keys() - known
        if unknown:
            raise exceptions.ValidationError(f"{', '.join(sorted(unknown))} não é simulado nesta AWS de bolso.")
        model = self.describe_model(model_name)
        record = super().create_transform_job(transform_job_name, model_name, **options)
        record.transform_job_status, record.transform_end_time = "InProgress", None
        threading.Thread(target=run_batch, args=(record, model), daemon=True).start()
        return record


class PocketAws:
    """Aplicação WSGI."""

    def __init__(self):
        ground.prepare()
        sagemaker_backends.backend = LiveBackend  # antes da primeira região
        self.moto = DomainDispatcherApplication(create_backend_app)

    def __call__(self, environ, start_response):
        if environ["PATH_INFO"] == "/health/ready":
            return Response("pronto")(environ, start_response)
        # A rota não basta para saber de quem é o pedido: um balde também pode se chamar "endpoints".
        signed = SCOPE.search(environ.get("HTTP_AUTHORIZATION", ""))
        region, service = signed.groups() if signed else (None, "s3")
        try:
            answer = self._sagemaker(environ, region) if service == "sagemaker" else self._ask_moto(environ)
        except NotImplementedError:
            answer = ServiceError(501, "NotImplemented", NOT_SIMULATED).response()
            if service.startswith("s3"):
                answer.data = f"<Error><Code>NotImplemented</Code><Message>{NOT_SIMULATED}</Message></Error>"
        except ServiceError as error:
            answer = error.response()
        except (KeyError, ValueError) as error:  # a região, os pesos
            answer = invalid(f"O pedido não serve: {error}.").response()
        return answer(environ, start_response)

    def _sagemaker(self, environ, region):
        """A resposta do plano de dados, se a rota é dele; a do moto, se é uma operação que simulamos."""
        request, operation = Request(environ), environ.get("HTTP_X_AMZ_TARGET", "").rpartition(".")[2]
        invocation = INVOCATION.fullmatch(request.path)
        if not invocation and not CONTROL.fullmatch(operation):
            raise NotImplementedError
        backend = sagemaker_backends[DEFAULT_ACCOUNT_ID][region]
        limit = SAGEMAKER_BODY_BYTES if invocation else ground.CONTROL_BYTES
        body = ground.read_body(request, limit)
        if body is None:
            raise ServiceError(413, "413", f"HTTP content length exceeded {limit} bytes.")
        if invocation:
            endpoint = backend.live.get(invocation[1])
            if endpoint is None or endpoint.record.endpoint_status != "InService":
                raise invalid(f"Endpoint {invocation[1]} of account {DEFAULT_ACCOUNT_ID} not found.")
            if unknown := {name for name, _ in request.headers if name.startswith(AWS)} - OPTIONS:
                raise invalid(f"{', '.join(sorted(unknown))} não é simulado nesta AWS de bolso.")
            return endpoint.answer(body, request.headers, queued=invocation[2])
        environ["wsgi.input"] = io.BytesIO(body)
        return self._ask_moto(environ)

    def _ask_moto(self, environ):
        """A resposta do moto. Levanta `NotImplementedError` onde ele não sabe responder (um erro, uma página)."""
        try:
            answer = Response.from_app(self.moto, environ, buffered=True)
        except Exception:
            log.exception("o moto falhou em %s", environ["PATH_INFO"])
            raise NotImplementedError from None
        page = answer.status_code >= 400 and answer.get_data()[:9].lower() == b"<!doctype"
        if answer.status_code >= 500 or page:
            raise NotImplementedError
        return answer


def create_app():
    """A aplicação: `servers.start("course_utils.pocket_cloud.aws:create_app", server="werkzeug")`."""
    return PocketAws()
