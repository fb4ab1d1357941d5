"""O plano de dados (`sagemaker-runtime`): invocar na hora, ou deixar o pedido no S3 e buscar a resposta depois."""

import json
import uuid
from concurrent.futures import ThreadPoolExecutor

from moto.core import DEFAULT_ACCOUNT_ID
from werkzeug.wrappers import Response

from course_utils.serving.sagemaker_local import storage
from course_utils.serving.sagemaker_local.endpoint import StartError
from course_utils.serving.sagemaker_local.wire import ServiceError, invalid, read_body

REALTIME_BYTES = 6_291_456  # botocore, InvokeEndpointInput.Body
ASYNC_INLINE_BYTES = 128_000  # botocore, InvokeEndpointAsyncInput.Body
SERVERLESS_BYTES = 4 * 2**20  # "4 MB", docs.aws.amazon.com/sagemaker, serverless-endpoints
REALTIME_S = 60.0
ASYNC_S, MAX_ASYNC_S = 900, 3600
AWS = "X-Amzn-SageMaker-"
NOT_SIMULATED = (
    "Target-Model", "Target-Container-Hostname", "Inference-Component", "Session-Id", "Enable-Explanations",
    "S3OutputPathExtension", "Filename",
)  # fmt: skip


class DataPlane:
    """`endpoints`: `{(região, nome): Endpoint}`; `timeout_s`: o prazo de uma invocação em tempo real."""

    def __init__(self, endpoints, timeout_s=REALTIME_S):
        self.endpoints, self.timeout_s = endpoints, timeout_s

    def invoke(self, request, region, name):
        """InvokeEndpoint → Response. Levanta `ServiceError`."""
        body = read_body(request, REALTIME_BYTES)
        if body is None:
            raise ServiceError(413, None, f"HTTP content length exceeded {REALTIME_BYTES} bytes.")
        endpoint = self._find(request, region, name, asynchronous=False)
        variant = endpoint.choose(request.headers.get(AWS + "Target-Variant"))
        if variant.serverless and len(body) > SERVERLESS_BYTES:
            raise invalid(f"Request {uuid.uuid4()} has oversize body.")
        try:
            answered, content = variant.invoke(body, _headers(request, "Content-Type", "Accept"), self.timeout_s)
        except StartError as error:  # só no serverless: a primeira chamada inicia o contêiner
            raise ServiceError(429, "ModelNotReadyException", str(error)) from None
        headers = {"x-Amzn-Invoked-Production-Variant": variant.name, "x-amzn-requestid": str(uuid.uuid4())}
        if custom := answered.get(AWS + "Custom-Attributes"):
            headers[AWS + "Custom-Attributes"] = custom
        return Response(content, 200, headers, content_type=answered.get("Content-Type"))

    def invoke_async(self, request, region, name):
        """InvokeEndpointAsync → Response 202, já: o trabalho fica na fila do endpoint. Levanta `ServiceError`."""
        body = read_body(request, ASYNC_INLINE_BYTES)
        if body is None:
            raise invalid(f"The inline payload exceeds {ASYNC_INLINE_BYTES} bytes; use InputLocation.")
        location = request.headers.get(AWS + "InputLocation")
        if bool(location) == bool(body):
            raise invalid("Provide exactly one of Body and InputLocation.")
        seconds = request.headers.get(AWS + "InvocationTimeoutSeconds", ASYNC_S, int)
        if not 1 <= seconds <= MAX_ASYNC_S:
            raise invalid(f"InvocationTimeoutSeconds must be between 1 and {MAX_ASYNC_S}.")
        endpoint = self._find(request, region, name, asynchronous=True)
        job = endpoint.asynchronous.accept(
            endpoint.choose(), body or location, _headers(request, AWS + "Content-Type", AWS + "Accept"), seconds
        )
        identifier = request.headers.get(AWS + "Inference-Id", job.identifier)
        headers = {AWS + "OutputLocation": job.output, "x-amzn-requestid": str(uuid.uuid4())}
        if job.failure:
            headers[AWS + "FailureLocation"] = job.failure
        content = json.dumps({"InferenceId": identifier})
        return Response(content, 202, headers, content_type="application/json")

    def _find(self, request, region, name, *, asynchronous):
        """O endpoint, se existe, está no ar e atende deste modo. Levanta `ServiceError`."""
        if unknown := [item for item in NOT_SIMULATED if AWS + item in request.headers]:
            raise invalid(f"{AWS}{unknown[0]} não é simulado nesta AWS de bolso.")
        endpoint = self.endpoints.get((region, name))
        if endpoint is None or endpoint.record.endpoint_status != "InService":
            raise invalid(f"Endpoint {name} of account {DEFAULT_ACCOUNT_ID} not found.")
        if asynchronous != bool(endpoint.asynchronous):
            kind = "asynchronous" if endpoint.asynchronous else "real-time"
            raise invalid(f"Endpoint {name} only receives {kind} invocations.")
        return endpoint


class AsyncQueue:
    """A fila de um endpoint assíncrono. `settings`: o `AsyncInferenceConfig` da configuração."""

    def __init__(self, settings):
        places, client = settings["OutputConfig"], settings.get("ClientConfig") or {}
        self.output, self.failure = places.get("S3OutputPath"), places.get("S3FailurePath")
        self._pool = ThreadPoolExecutor(client.get("MaxConcurrentInvocationsPerInstance") or 4)

    def accept(self, variant, source, headers, seconds):
        """Põe na fila um pedido (`source`: o corpo, em bytes, ou o endereço dele) e devolve o `AsyncJob`."""
        job = AsyncJob(self, variant, source, headers, seconds)
        self._pool.submit(job.run)
        return job

    def close(self):
        """Esquece os pedidos que ainda não começaram."""
        self._pool.shutdown(wait=False, cancel_futures=True)


class AsyncJob:
    """Um pedido assíncrono: lê a entrada, pergunta ao contêiner, grava a resposta ou a falha no S3."""

    def __init__(self, queue, variant, source, headers, seconds):
        self.variant, self.source, self.headers, self.seconds = variant, source, headers, seconds
        self.identifier = str(uuid.uuid4())
        self.output = f"{queue.output.rstrip('/')}/{self.identifier}.out"
        self.failure = queue.failure and f"{queue.failure.rstrip('/')}/{self.identifier}-error.out"

    def run(self):
        """Roda numa thread da fila; nada levanta: uma falha vira um objeto em `failure`."""
        try:
            body = self.source if isinstance(self.source, bytes) else storage.read(self.source)
            _, content = self.variant.invoke(body, self.headers, self.seconds)
            storage.write(self.output, content)
        except Exception as error:
            if self.failure:
                storage.write(self.failure, str(error).encode())


def _headers(request, content_type, accept):
    """Os cabeçalhos que chegam ao contêiner: os outros, a AWS os retira."""
    names = {"Content-Type": content_type, "Accept": accept, AWS + "Custom-Attributes": AWS + "Custom-Attributes"}
    return {name: request.headers[source] for name, source in names.items() if source in request.headers}
