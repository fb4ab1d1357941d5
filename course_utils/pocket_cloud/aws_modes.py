"""Os modos da AWS de bolso: um endpoint, que responde na hora ou pela fila, e o lote (*batch transform*)."""

import json
import random
import uuid
from concurrent.futures import ThreadPoolExecutor

from moto.core.utils import utcnow
from werkzeug.wrappers import Response

from course_utils.pocket_cloud.aws_container import S3, Container, ServiceError, invalid, locate, read, write

SERVERLESS_BYTES = 4 * 2**20  # "4 MB", docs.aws.amazon.com/sagemaker, serverless-endpoints
REALTIME_S, BATCH_S, ASYNC_S = 60.0, 600.0, 900.0
AWS = "X-Amzn-Sagemaker-"


class Endpoint:
    """`record`: o registro do moto, com o estado e, por variante, o peso; `config`: a configuração (dict).

    Serverless: o contêiner só inicia na primeira chamada (o *cold start*).
    """

    def __init__(self, record, config, models):
        """`models`: os registros dos modelos, na ordem das variantes."""
        self.record, self.variants = record, record.production_variants
        self.places = (config.get("AsyncInferenceConfig") or {}).get("OutputConfig")
        self.queue = ThreadPoolExecutor(4)
        self.containers = {}
        for variant, settings, model in zip(self.variants, config["ProductionVariants"], models, strict=True):
            variant["CurrentWeight"] = settings.get("InitialVariantWeight", 1.0)  # o moto esquece o 0 e o padrão
            self.containers[variant["VariantName"]] = Container(model)
        record.endpoint_status = "Creating"

    def start(self):
        """Prepara as variantes; o estado passa a InService, ou a Failed com o motivo."""
        try:
            for variant in self.variants:
                container = self.containers[variant["VariantName"]]
                container.fetch()
                if "CurrentServerlessConfig" not in variant:
                    container.start()
        except Exception as error:
            self.stop()
            self.record.endpoint_status, self.record.failure_reason = "Failed", str(error)[:1024]
        else:
            self.record.endpoint_status = "InService"

    def stop(self):
        """Esquece os pedidos que ainda não começaram e encerra os contêineres."""
        self.queue.shutdown(wait=False, cancel_futures=True)
        for container in self.containers.values():
            container.stop()

    def answer(self, body, headers, *, queued):
        """InvokeEndpoint ou, com `queued`, InvokeEndpointAsync → Response. Levanta `ServiceError`."""
        if bool(queued) != bool(self.places):
            kind = "asynchronous" if self.places else "real-time"
            raise invalid(f"Endpoint {self.record.endpoint_name} only receives {kind} invocations.")
        weights = [variant["CurrentWeight"] for variant in self.variants]
        variant = random.choices(self.variants, weights)[0]  # noqa: S311 – um sorteio, não um segredo
        container = self.containers[variant["VariantName"]]
        if queued:
            return self._enqueue(container, body, headers)
        if "CurrentServerlessConfig" in variant and len(body) > SERVERLESS_BYTES:
            raise invalid("Request has oversize body.")
        container.start()
        answer = container.invoke(body, headers.get("Content-Type"), REALTIME_S)
        chosen = {"x-Amzn-Invoked-Production-Variant": variant["VariantName"]}
        return Response(answer.content, 200, chosen, content_type=answer.headers.get("Content-Type"))

    def _enqueue(self, container, body, headers):
        location, identifier = headers.get(AWS + "InputLocation"), str(uuid.uuid4())
        if body or not location:
            raise invalid("Nesta AWS de bolso, o pedido assíncrono fica no S3: use InputLocation, sem Body.")
        places = {"OutputLocation": f"{self.places['S3OutputPath'].rstrip('/')}/{identifier}.out"}
        if folder := self.places.get("S3FailurePath"):
            places["FailureLocation"] = f"{folder.rstrip('/')}/{identifier}-error.out"

        def work():
            try:
                answer = container.invoke(read(location), headers.get(AWS + "Content-Type"), ASYNC_S)
                write(places["OutputLocation"], answer.content)
            except Exception as error:
                if "FailureLocation" in places:
                    write(places["FailureLocation"], str(error).encode())

        self.queue.submit(work)
        told = {AWS + name: place for name, place in places.items()}
        return Response(json.dumps({"InferenceId": identifier}), 202, told, content_type="application/json")


def run_batch(record, model):
    """Executa o lote do registro `record` do moto, num contêiner só dele, e anota o estado final."""
    container = Container(model)
    try:
        container.fetch()
        container.start()
        failures = _transform(record, container)
    except Exception as error:  # um lote nunca fica InProgress para sempre
        failures = [str(error)]
    finally:
        container.stop()
    record.transform_end_time = record.last_modified_time = utcnow()
    record.failure_reason = "; ".join(failures)[:1024]
    record.transform_job_status = "Failed" if failures else "Completed"


def _transform(record, container):
    """Um objeto do S3 de cada vez; devolve as frases dos que falharam.

    Só um objeto certo deixa a sua saída: o caminho dele depois do prefixo, e o nome com `.out`.
    """
    source, output = record.transform_input, record.transform_output["S3OutputPath"].rstrip("/")
    bucket, prefix = locate(source["DataSource"]["S3DataSource"]["S3Uri"])
    keys = S3.get_bucket(bucket).keys
    found = sorted(key for key in keys if key.startswith(prefix))
    failures = [] if found else [f"No S3 objects found under {prefix} of {bucket}."]
    for key in found:
        place = key[len(prefix.rpartition("/")[0]) :].lstrip("/")
        try:
            answer = container.invoke(keys[key].value, source.get("ContentType"), BATCH_S)
        except ServiceError as error:
            failures.append(f"{key}: {error}")
        else:
            write(f"{output}/{place}.out", answer.content)
    return failures
