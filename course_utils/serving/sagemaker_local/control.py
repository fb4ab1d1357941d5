"""A porta de entrada: o que é do plano de dados fica aqui; o resto segue ao moto, e algumas respostas dele têm
consequências (CreateEndpoint inicia processos, DeleteEndpoint os encerra, CreateTransformJob roda um lote)."""

import atexit
import io
import json
import os
import re
import shutil
import signal
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
from course_utils.serving.sagemaker_local.container import COMMAND
from course_utils.serving.sagemaker_local.data_plane import REALTIME_S, AsyncQueue, DataPlane
from course_utils.serving.sagemaker_local.endpoint import Endpoint, Variant, new_container
from course_utils.serving.sagemaker_local.wire import ServiceError

FOLDER = artifacts.ARTIFACTS / "sagemaker_local"
INVOCATION = re.compile(r"/endpoints/([^/]+)/(async-)?invocations")
SCOPE = re.compile(r"Credential=[^/]+/\d+/([\w-]+)/sagemaker/")


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
        signed = SCOPE.search(environ.get("HTTP_AUTHORIZATION", ""))  # só o SageMaker; um balde pode ter essa rota
        if not signed:
            return self.moto(environ, start_response)
        region, invocation = signed[1], INVOCATION.fullmatch(environ["PATH_INFO"])
        try:
            if invocation:
                action = self.data.invoke_async if invocation[2] else self.data.invoke
                answer = action(Request(environ), region, invocation[1])
            else:
                answer = self._control(environ, region)
        except ServiceError as fault:
            answer = fault.response()
        except ServiceException as error:  # uma recusa do próprio moto, pedida por nós
            answer = refused(error.message).response()
        return answer(environ, start_response)

    def _control(self, environ, region):
        """Confere, passa ao moto e, se ele aceitou, faz acontecer."""
        name = environ.get("HTTP_X_AMZ_TARGET", "").rpartition(".")[2]
        before, after = {
            "CreateEndpoint": (self._check_endpoint, self._start_endpoint),
            "DeleteEndpoint": (None, self._stop_endpoint),
            "CreateTransformJob": (self._check_job, self._start_job),
        }.get(name, (None, None))
        body = Request(environ).get_data()
        environ["wsgi.input"] = io.BytesIO(body)
        backend = sagemaker_backends[DEFAULT_ACCOUNT_ID][region]
        if before:
            before(backend, json.loads(body))
        answer = Response.from_app(self.moto, environ, buffered=True)
        if after and answer.status_code == 200:
            after(backend, json.loads(body))
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
        """Fecha tudo quando o processo termina, também por SIGTERM; depois de um `kill -9`, os canos o fazem."""
        atexit.register(self.close)

        def leave(*_):
            self.close()
            os._exit(0)  # sem esperar pelas threads da fila assíncrona

        signal.signal(signal.SIGTERM, leave)


def refused(message):
    """O `ValidationException` do plano de controle."""
    return ServiceError(400, "ValidationException", message)


def _remove_leftovers():
    """Apaga as pastas de processos que já não existem: um `kill -9` não deixa ninguém limpar."""
    for folder in FOLDER.glob("*"):
        if not (folder.name.isdigit() and psutil.pid_exists(int(folder.name))):
            shutil.rmtree(folder, ignore_errors=True)
