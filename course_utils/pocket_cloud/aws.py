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

from course_utils.pocket_cloud import aws_modes
from course_utils.pocket_cloud.aws_endpoint import Endpoint, Model
from course_utils.pocket_cloud.aws_errors import ServiceError, invalid, not_simulated, refused
from course_utils.pocket_cloud.ground import CONTROL_BYTES, Ground, read_body

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
SIMULATED = "ela simula " + ", ".join(("InvokeEndpoint", "InvokeEndpointAsync", *sorted(CONTROL)))
INSTEAD = {
    "UpdateEndpoint": "para trocar o modelo, crie outro endpoint, ou duas variantes, e mude os pesos com "
    "UpdateEndpointWeightsAndCapacities",
    "invocations-response-stream": "InvokeEndpoint devolve a resposta inteira, de uma vez",
}


class PocketAws:
    """Aplicação WSGI."""

    def __init__(self):
        self.moto, self.ground = DomainDispatcherApplication(create_backend_app), Ground()
        self.endpoints = {}  # pela região e pelo nome

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
        name, path = environ.get("HTTP_X_AMZ_TARGET", "").rpartition(".")[2], environ["PATH_INFO"]
        invocation = INVOCATION.fullmatch(path)
        if not invocation and name not in CONTROL:
            raise not_simulated(name or path, INSTEAD.get(name or path.rpartition("/")[2], SIMULATED))
        if region not in sagemaker_backends[DEFAULT_ACCOUNT_ID].regions:
            raise refused(f"A região {region} não existe.")
        if not invocation:
            return self._control(environ, region, name)
        request, endpoint = Request(environ), self.endpoints.get((region, invocation[1]))
        if endpoint is None or endpoint.record.endpoint_status != "InService":
            read_body(request, 0)  # quem ainda escreve o corpo não leria a recusa
            raise invalid(f"Endpoint {invocation[1]} of account {DEFAULT_ACCOUNT_ID} not found.")
        action = aws_modes.invoke_async if invocation[2] else aws_modes.invoke
        return action(endpoint, request)

    def _ask_moto(self, environ):
        """A resposta do moto. Levanta `ServiceError` 501 onde ele não sabe responder (um erro, uma página)."""
        what = environ.get("HTTP_X_AMZ_TARGET", "").rpartition(".")[2]
        what = what or f"{environ['REQUEST_METHOD']} {Request(environ).full_path}".rstrip("?")
        try:
            answer = Response.from_app(self.moto, environ, buffered=True)
        except Exception:
            log.exception("o moto falhou em %s", what)
        else:
            page = answer.status_code >= 400 and answer.get_data()[:9].lower() == b"<!doctype"
            if answer.status_code < 500 and not page:
                return answer
        raise not_simulated(what, "ela guarda baldes, objetos e as metas do autoscaling, e serve endpoints")

    def _control(self, environ, region, name):
        """Confere, passa ao moto e, se ele aceitou, faz acontecer."""
        check, act = {
            "CreateEndpoint": (self._check_endpoint, self._start_endpoint),
            "DeleteEndpoint": (self._check_settled, self._stop_endpoint),
            "CreateTransformJob": (self._check_job, self._start_job),
        }.get(name, (None, None))
        body = read_body(Request(environ), CONTROL_BYTES)
        if body is None:
            raise refused(f"O pedido passa de {CONTROL_BYTES} bytes.")
        environ["wsgi.input"] = io.BytesIO(body)
        backend = sagemaker_backends[DEFAULT_ACCOUNT_ID][region]
        try:
            asked = json.loads(body)
            if check:
                check(backend, asked)
        except ValueError:
            raise ServiceError(400, "SerializationException", "O corpo não é um JSON.") from None
        except KeyError as missing:
            raise refused(f"Falta o campo {missing}.") from None
        answer = self._ask_moto(environ)
        if act and answer.status_code == 200:
            act(backend, asked)
        return answer

    def _check_endpoint(self, backend, asked):
        name = asked["EndpointName"]
        if name in backend.endpoints:
            raise refused(f'Cannot create already existing endpoint "{backend.endpoints[name].arn}".')
        config = backend.describe_endpoint_config(asked["EndpointConfigName"])
        for settings in config["ProductionVariants"]:
            backend.describe_model(settings["ModelName"])
        places = (config.get("AsyncInferenceConfig") or {}).get("OutputConfig")
        if places is not None and not places.get("S3OutputPath"):
            raise refused("AsyncInferenceConfig sem S3OutputPath não é simulado nesta AWS de bolso.")

    def _start_endpoint(self, backend, asked):
        record = backend.endpoints[asked["EndpointName"]]
        config = backend.endpoint_configs[record.endpoint_config_name]
        variants = {
            settings["VariantName"]: (settings, Model(backend.describe_model(settings["ModelName"]), self.ground))
            for settings in config.production_variants
        }
        settings = config.async_inference_config
        queue = aws_modes.AsyncQueue(settings["OutputConfig"]) if settings else None
        endpoint = self.endpoints[backend.region_name, record.endpoint_name] = Endpoint(record, variants, queue)
        threading.Thread(target=endpoint.start, daemon=True).start()

    def _check_settled(self, backend, asked):
        record = backend.endpoints.get(asked["EndpointName"])
        if record and record.endpoint_status == "Creating":  # na AWS, também é preciso esperar
            raise refused(f'Cannot update in-progress endpoint "{record.arn}".')

    def _stop_endpoint(self, backend, asked):
        if endpoint := self.endpoints.pop((backend.region_name, asked["EndpointName"]), None):
            endpoint.stop()

    def _check_job(self, backend, asked):
        backend.describe_model(asked["ModelName"])
        if asked["TransformJobName"] in backend.transform_jobs:
            raise ServiceError(400, "ResourceInUse", f"Job name {asked['TransformJobName']} already exists.")
        aws_modes.require_simple_batch(asked)

    def _start_job(self, backend, asked):
        record = backend.transform_jobs[asked["TransformJobName"]]
        record.transform_job_status, record.transform_end_time = "InProgress", None
        model = Model(backend.describe_model(asked["ModelName"]), self.ground)
        threading.Thread(target=aws_modes.run_batch, args=(record, model), daemon=True).start()


def create_app():
    """A aplicação: `servers.start("course_utils.pocket_cloud.aws:create_app", server="werkzeug")`."""
    return PocketAws()
