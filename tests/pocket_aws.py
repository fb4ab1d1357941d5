"""Os clientes boto3 que falam com a AWS de bolso, e os passos que os testes repetem."""

import io
import tarfile
from types import SimpleNamespace

import boto3
from botocore.config import Config
from waiting import wait_for

from course_utils.classroom import servers

APP = "course_utils.pocket_cloud.aws:create_app"
ROLE = "arn:aws:iam::123456789012:role/aula"
MACHINE = {"InstanceType": "ml.m5.large", "InitialInstanceCount": 1}


def start(app=APP):
    return servers.start(app, server="werkzeug")


def client(server, service, region="us-east-1"):
    config = Config(retries={"total_max_attempts": 1}, inject_host_prefix=False, read_timeout=120)
    return boto3.client(
        service, endpoint_url=server.url, region_name=region, aws_access_key_id="local",
        aws_secret_access_key="local", config=config,
    )  # fmt: skip


def connect(server):
    """Os clientes que apontam para `server`, e um balde vazio."""
    clients = {"s3": "s3", "sm": "sagemaker", "runtime": "sagemaker-runtime"}
    aws = SimpleNamespace(server=server, **{name: client(server, service) for name, service in clients.items()})
    aws.s3.create_bucket(Bucket="aula")
    return aws


def package(**files):
    """`nome=bytes` → um model.tar.gz (bytes)."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def create_model(aws, name, archive, **container):
    aws.s3.put_object(Bucket="aula", Key=f"{name}/model.tar.gz", Body=archive)
    place = {"Image": "local/leitor:1", "ModelDataUrl": f"s3://aula/{name}/model.tar.gz"}
    aws.sm.create_model(ModelName=name, ExecutionRoleArn=ROLE, PrimaryContainer=place | container)


def create_endpoint(aws, name, *models, **config):
    """O endpoint, com uma variante por modelo (sem `models`, o de mesmo nome). Volta sem esperar."""
    variants = [{"VariantName": model, "ModelName": model, **MACHINE} for model in models or [name]]
    config = {"ProductionVariants": variants} | config
    aws.sm.create_endpoint_config(EndpointConfigName=name, **config)
    aws.sm.create_endpoint(EndpointName=name, EndpointConfigName=name)


def settled(aws, name):
    """`(estado, motivo da falha)` do endpoint, quando deixa de estar em criação."""

    def found():
        endpoint = aws.sm.describe_endpoint(EndpointName=name)
        status = endpoint["EndpointStatus"]
        return (status, endpoint.get("FailureReason", "")) if status != "Creating" else None

    return wait_for(found)


def deploy(aws, name, **config):
    """Modelo (de mentira) → endpoint no ar, tudo com o mesmo nome."""
    create_model(aws, name, package(nome=name.encode()))
    create_endpoint(aws, name, **config)
    assert settled(aws, name) == ("InService", "")
    return name


def invoke(aws, name, body, **options):
    """O corpo que o endpoint respondeu (str)."""
    answer = aws.runtime.invoke_endpoint(EndpointName=name, Body=body, **{"ContentType": "text/plain"} | options)
    return answer["Body"].read().decode()


def read(aws, uri):
    """O objeto do S3, ou None."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    found = aws.s3.list_objects_v2(Bucket=bucket, Prefix=key)["KeyCount"]
    return aws.s3.get_object(Bucket=bucket, Key=key)["Body"].read() if found else None


def run_batch(aws, name, model, uri, source=(), **options):
    """A descrição do lote, no fim."""
    place = {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": uri}}
    aws.sm.create_transform_job(
        TransformJobName=name, ModelName=model,
        TransformInput={"DataSource": place, "ContentType": "application/octet-stream"} | dict(source),
        TransformOutput={"S3OutputPath": f"s3://aula/{name}"},
        TransformResources={"InstanceType": "ml.m5.large", "InstanceCount": 1}, **options,
    )  # fmt: skip

    def ended():
        found = aws.sm.describe_transform_job(TransformJobName=name)
        return found if found["TransformJobStatus"] != "InProgress" else None

    return wait_for(ended)
