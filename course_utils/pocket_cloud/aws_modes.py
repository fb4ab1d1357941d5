"""Os modos da AWS de bolso: na hora (com máquinas ou serverless), assíncrono e em lote."""

import json
import uuid

from moto.core.utils import utcnow
from werkzeug.wrappers import Response

from course_utils.pocket_cloud.aws_endpoint import S3, ServiceError, invalid, locate, read, refused
from course_utils.pocket_cloud.ground import read_body

REALTIME_BYTES = 6_291_456  # botocore, InvokeEndpointInput.Body
SERVERLESS_BYTES = 4 * 2**20  # "4 MB", docs.aws.amazon.com/sagemaker, serverless-endpoints
REALTIME_S, BATCH_S, ASYNC_S = 60.0, 600.0, 900.0
AWS = "X-Amzn-Sagemaker-"
BATCH_OPTIONS = {
    "TransformInput": {"DataSource", "ContentType"},
    "TransformOutput": {"S3OutputPath"},
    "TransformResources": {"InstanceType", "InstanceCount"},
}


def invoke(endpoint, request):
    """InvokeEndpoint → Response. Levanta `ServiceError`."""
    body = read_body(request, REALTIME_BYTES)
    if body is None:
        raise ServiceError(413, None, f"HTTP content length exceeded {REALTIME_BYTES} bytes.")
    _require_simulated(request)
    if endpoint.places:
        raise invalid(f"Endpoint {endpoint.record.endpoint_name} only receives asynchronous invocations.")
    name, settings, model = endpoint.choose()
    if "ServerlessConfig" in settings and len(body) > SERVERLESS_BYTES:
        raise invalid("Request has oversize body.")
    model.start()
    kind, content = model.invoke(body, request.headers.get("Content-Type"), REALTIME_S)
    return Response(content, 200, {"x-Amzn-Invoked-Production-Variant": name}, content_type=kind)


def invoke_async(endpoint, request):
    """InvokeEndpointAsync → Response 202, já: o trabalho fica na fila do endpoint. Levanta `ServiceError`."""
    body, location = read_body(request, 0), request.headers.get(AWS + "InputLocation")
    if body is None or not location:
        raise invalid("Nesta AWS de bolso, o pedido assíncrono fica no S3: use InputLocation, sem Body.")
    _require_simulated(request, "Inputlocation", "Content-Type")
    if not endpoint.places:
        raise invalid(f"Endpoint {endpoint.record.endpoint_name} only receives real-time invocations.")
    kind = request.headers.get(AWS + "Content-Type")
    identifier = str(uuid.uuid4())
    places = {"OutputLocation": f"{endpoint.places['S3OutputPath'].rstrip('/')}/{identifier}.out"}
    if folder := endpoint.places.get("S3FailurePath"):
        places["FailureLocation"] = f"{folder.rstrip('/')}/{identifier}-error.out"
    endpoint.queue.submit(_answer, endpoint.choose()[2], location, kind, places)
    headers = {AWS + name: place for name, place in places.items()}
    return Response(json.dumps({"InferenceId": identifier}), 202, headers, content_type="application/json")


def _answer(model, location, kind, places):
    """Lê a entrada, pergunta ao contêiner e grava a resposta; uma falha também vira um objeto, se há onde."""
    try:
        content = model.invoke(read(location), kind, ASYNC_S)[1]
        S3.put_object(*locate(places["OutputLocation"]), content)
    except Exception as error:
        if "FailureLocation" in places:
            S3.put_object(*locate(places["FailureLocation"]), str(error).encode())


def _require_simulated(request, *known):
    """Recusa, pelo nome, um pedido com opções (cabeçalhos da AWS) além das conhecidas."""
    for name, _ in request.headers:
        if name.title().startswith(AWS) and name.title().removeprefix(AWS) not in known:
            raise invalid(f"{name} não é simulado nesta AWS de bolso.")


def require_simple_batch(job):
    """Recusa, pelo nome, a opção que o lote não tem. `job`: os parâmetros de CreateTransformJob."""
    unknown = job.keys() - BATCH_OPTIONS.keys() - {"TransformJobName", "ModelName"}
    for part, known in BATCH_OPTIONS.items():
        unknown |= job[part].keys() - known
    if job["TransformInput"]["DataSource"].get("S3DataSource", {}).get("S3DataType") != "S3Prefix":
        unknown.add("S3DataType diferente de S3Prefix")
    if unknown:
        raise refused(f"{', '.join(sorted(unknown))} não é simulado nesta AWS de bolso.")


def run_batch(record, model):
    """Executa o lote do registro `record` do moto, num contêiner só dele, e anota o estado final."""
    try:
        model.fetch()
        model.start()
        failures = _transform(record, model)
    except Exception as error:  # um lote nunca fica InProgress para sempre
        failures = [str(error)]
    finally:
        model.stop()
    record.transform_end_time = record.last_modified_time = utcnow()
    record.failure_reason = "; ".join(failures)[:1024]
    record.transform_job_status = "Failed" if failures else "Completed"


def _transform(record, model):
    """Um objeto do S3 de cada vez; devolve as frases dos que falharam.

    Só um objeto certo deixa a sua saída: o caminho dele depois do prefixo, e o nome com `.out`.
    """
    source, output = record.transform_input, record.transform_output["S3OutputPath"].rstrip("/")
    uri = source["DataSource"]["S3DataSource"]["S3Uri"]
    bucket, prefix = locate(uri)
    keys = S3.get_bucket(bucket).keys
    found = sorted(key for key in keys if key.startswith(prefix))
    if not found:
        raise FileNotFoundError(f"No S3 objects found under {uri}.")
    failures = []
    for key in found:
        content, place = keys[key].value, key[len(prefix.rpartition("/")[0]) :].lstrip("/")
        try:
            answer = model.invoke(content, source.get("ContentType"), BATCH_S)[1]
        except ServiceError as error:
            failures.append(f"{key}: {error}")
        else:
            S3.put_object(*locate(f"{output}/{place}.out"), answer)
    return failures
