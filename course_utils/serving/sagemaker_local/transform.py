"""A transformação em lote (*batch transform*): um contêiner que nasce para o lote, responde a tudo e morre."""

from concurrent.futures import ThreadPoolExecutor

from moto.core.utils import utcnow

from course_utils.serving.sagemaker_local import storage
from course_utils.serving.sagemaker_local.endpoint import call, fetch
from course_utils.serving.sagemaker_local.wire import ServiceError

DEFAULT_MB, MAX_MB = 6, 100  # documentação de CreateTransformJob no modelo de serviço do botocore
TIMEOUT_S = 600


def require_supported(job):
    """Recusa, com `ServiceError`, o que este lote não sabe fazer. `job`: os parâmetros de CreateTransformJob."""
    source, output = job["TransformInput"], job["TransformOutput"]
    limit = job.get("MaxPayloadInMB", DEFAULT_MB)
    if not 0 < limit <= MAX_MB:
        raise _unsupported(f"MaxPayloadInMB must be between 1 and {MAX_MB}.")
    if limit * job.get("MaxConcurrentTransforms", 1) > MAX_MB:
        raise _unsupported(f"MaxConcurrentTransforms * MaxPayloadInMB cannot exceed {MAX_MB} MB.")
    lines = source.get("SplitType", "None") == "Line"
    asked = {
        "S3DataType": (source["DataSource"].get("S3DataSource", {}).get("S3DataType"), {"S3Prefix"}),
        "SplitType": (source.get("SplitType", "None"), {"None", "Line"}),
        "CompressionType": (source.get("CompressionType", "None"), {"None"}),
        "BatchStrategy": (
            job.get("BatchStrategy"),
            {"SingleRecord"} if lines else {None, "SingleRecord", "MultiRecord"},
        ),
        "AssembleWith": (output.get("AssembleWith", "None"), {"Line"} if lines else {"None"}),
    }
    for name, (value, accepted) in asked.items():
        if value not in accepted:
            raise _unsupported(f"{name}={value} não é simulado nesta AWS de bolso.")
    if job.get("DataProcessing"):
        raise _unsupported("DataProcessing não é simulado nesta AWS de bolso.")


def run(record, model, container):
    """Executa o lote do registro `record` do moto, num contêiner novo, e anota nele o estado final."""
    try:
        fetch(model, container.folder)
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
    """Um objeto do S3 de cada vez (ou MaxConcurrentTransforms); devolve as frases dos que falharam.

    Só um objeto inteiro certo deixa a sua saída: a pasta dele dentro do prefixo, e o nome com `.out`.
    """
    source, output = record.transform_input, record.transform_output
    uri = source["DataSource"]["S3DataSource"]["S3Uri"]
    bucket, prefix = storage.split(uri)
    base = prefix.rpartition("/")[0]
    found = storage.keys(uri)
    if not found:
        raise FileNotFoundError(f"No S3 objects found under {uri}.")
    headers = {"Content-Type": source.get("ContentType"), "Accept": output.get("Accept")}
    headers = {name: value for name, value in headers.items() if value}
    limit = 10**6 * (record.max_payload_in_mb or DEFAULT_MB)

    def transform(key):
        content = storage.read(f"s3://{bucket}/{key}")
        records = content.splitlines() if source.get("SplitType") == "Line" else [content]
        try:
            answers = []
            for item in records:
                if len(item) > limit:
                    raise ValueError(f"record of {len(item)} bytes exceeds MaxPayloadInMB")
                answers.append(call(container, item, headers, TIMEOUT_S)[1])
        except (ServiceError, ValueError) as error:
            return f"{key}: {error}"
        place = key[len(base) :].lstrip("/")
        ending = b"\n" if source.get("SplitType") == "Line" else b""
        storage.write(f"{output['S3OutputPath'].rstrip('/')}/{place}.out", b"".join(a + ending for a in answers))
        return None

    with ThreadPoolExecutor(record.max_concurrent_transforms or 1) as pool:
        return [failure for failure in pool.map(transform, found) if failure]


def _unsupported(message):
    return ServiceError(400, "ValidationException", message)
