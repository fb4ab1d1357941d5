"""A porta de entrada: o que é do plano de dados fica aqui; o resto segue ao moto, e algumas respostas dele têm
consequências (CreateEndpoint inicia processos, DeleteEndpoint os encerra, CreateTransformJob roda um lote)."""

import io
import json
import logging
import os
import re
import shutil
import threading
import uuid

import psutil
from moto.core import DEFAULT_ACCOUNT_ID
from moto.core.exceptions import ServiceException
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from moto.sagemaker.models import sagemaker_backends
from werkzeug.wrappers import Request, Response

from course_utils.model import artifacts
from course_utils.serving.sagemaker_local import transform
from course_utils.serving.sagemaker_local.container import COMMAND, close_at_exit
from course_utils.serving.sagemaker_local.data_plane import REALTIME_S, AsyncQueue, DataPlane
from course_utils.serving.sagemaker_local.endpoint import Endpoint, Variant, new_container
from course_utils.serving.sagemaker_local.simulated import INVOCATION, not_simulated, require_simulated
from course_utils.serving.sagemaker_local.wire import ServiceError, read_body

log = logging.getLogger("aula32.aws")
FOLDER = artifacts.ARTIFACTS / "sagemaker_local"
CONTROL_BYTES = 2**20  # um pedido do plano de controle tem poucos quilobytes
SCOPE = re.compile(r"Credential=[^/]+/\d+/([\w-]+)/([\w-]+)/")


class LocalCloud:
    """Aplicação WSGI. `command`: o que cada contêiner executa; `timeout_s`: prazo de uma invocação."""

    def __init__(self, *, command=COMMAND, timeout_s=REALTIME_S):
        self.moto = DomainDispatcherApplication(create_backend_app)
        self.command, self.endpoints, self.jobs = command, {}, []
        self.data = DataPlane(self.endpoints, timeout_s)
        self.folder = FOLDER / str(os.getpid())
        _remove_leftovers()

    def __call__(self, environ, start_response):
        if environ["PATH_INFO"] == "/health/ready":
            return Response("pronto")(environ, start_response)
        # A rota não basta para saber de quem é o pedido: um balde também pode se chamar "endpoints".
        signed = SCOPE.search(environ.get("HTTP_AUTHORIZATION", ""))
        region, service = signed.groups() if signed else (None, "s3")
        try:
            answer = self._sagemaker(environ, region) if service == "sagemaker" else self._ask_moto(environ)
        except ServiceError as fault:
            answer = fault.xml_response() if service.startswith("s3") else fault.response()
        except ServiceException as error:  # uma recusa do próprio moto, pedida por nós
            answer = refused(error.message).response()
        return answer(environ, start_response)

    def _sagemaker(self, environ, region):
        """O plano de dados, se a rota é dele; o de controle, se é uma operação que simulamos."""
        name, path = environ.get("HTTP_X_AMZ_TARGET", "").rpartition(".")[2], environ["PATH_INFO"]
        require_simulated(name, path)
        if region not in sagemaker_backends[DEFAULT_ACCOUNT_ID].regions:
            raise refused(f"A região {region} não existe.")
        if invocation := INVOCATION.fullmatch(path):
            action = self.data.invoke_async if invocation[2] else self.data.invoke
            return action(Request(environ), region, invocation[1])
        return self._control(environ, region, name)

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
        before, after = {
            "CreateEndpoint": (self._check_endpoint, self._start_endpoint),
            "DeleteEndpoint": (None, self._stop_endpoint),
            "CreateTransformJob": (self._check_job, self._start_job),
        }.get(name, (None, None))
        body = read_body(Request(environ), CONTROL_BYTES)
        if body is None:
            raise refused(f"O pedido passa de {CONTROL_BYTES} bytes.")
        environ["wsgi.input"] = io.BytesIO(body)
        backend = sagemaker_backends[DEFAULT_ACCOUNT_ID][region]
        try:
            asked = json.loads(body)
            if before:
                before(backend, asked)
        except ValueError:
            raise ServiceError(400, "SerializationException", "O corpo não é um JSON.") from None
        except KeyError as missing:
            raise refused(f"Falta o campo {missing}.") from None
        answer = self._ask_moto(environ)
        if after and answer.status_code == 200:
            after(backend, asked)
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
        variants = []
        for settings in config.production_variants:
            model = backend.describe_model(settings["ModelName"])
            variants.append(Variant(settings, model, new_container(model, self._new_folder(), self.command)))
        queue = AsyncQueue(config.async_inference_config) if config.async_inference_config else None
        endpoint = self.endpoints[backend.region_name, record.endpoint_name] = Endpoint(record, variants, queue)
        threading.Thread(target=endpoint.start, daemon=True).start()

    def _stop_endpoint(self, backend, asked):
        if endpoint := self.endpoints.pop((backend.region_name, asked["EndpointName"]), None):
            endpoint.stop()

    def _check_job(self, backend, asked):
        backend.describe_model(asked["ModelName"])
        if asked["TransformJobName"] in backend.transform_jobs:
            raise ServiceError(400, "ResourceInUse", f"Job name {asked['TransformJobName']} already exists.")
        transform.require_supported(asked)

    def _start_job(self, backend, asked):
        record = backend.transform_jobs[asked["TransformJobName"]]
        record.transform_job_status, record.transform_end_time = "InProgress", None
        model = backend.describe_model(asked["ModelName"])
        container = new_container(model, self._new_folder(), self.command)
        self.jobs.append(container)
        threading.Thread(target=transform.run, args=(record, model, container), daemon=True).start()

    def _new_folder(self):
        return self.folder / uuid.uuid4().hex

    def close(self):
        """Encerra todos os contêineres e apaga as suas pastas."""
        containers = [v.container for endpoint in self.endpoints.values() for v in endpoint.variants.values()]
        containers += self.jobs
        for container in containers:  # primeiro avisa todos: eles saem ao mesmo tempo
            if container.process:
                container.process.terminate()
        for container in containers:
            container.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def close_at_exit(self):
        """Fecha tudo quando o processo termina."""
        close_at_exit(self.close)


def refused(message):
    """O `ValidationException` do plano de controle."""
    return ServiceError(400, "ValidationException", message)


def _remove_leftovers():
    """Apaga as pastas de processos que já não existem: um `kill -9` não deixa ninguém limpar."""
    for folder in FOLDER.glob("*"):
        if not (folder.name.isdigit() and psutil.pid_exists(int(folder.name))):
            shutil.rmtree(folder, ignore_errors=True)
