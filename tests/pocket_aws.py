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
    return boto3.client(
        service, endpoint_url=server.url, region_name=region, aws_access_key_id="local",
        aws_secret_access_key="local",
        config=Config(retries={"total_max_attempts": 1}, proxies={}, inject_host_prefix=False, read_timeout=120),
    )  # fmt: skip


def connect(server):
    """Os clientes que apontam para `server`, e um balde vazio."""
    aws = SimpleNamespace(
        server=server, s3=client(server, "s3"), sm=client(server, "sagemaker"),
        runtime=client(server, "sagemaker-runtime"),
    )  # fmt: skip
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


def create_endpoint(aws, name, *variants, **config):
    """O endpoint; sem `variants`, com uma, do modelo de mesmo nome. Volta sem esperar."""
    variants = variants or [{"VariantName": "A", "ModelName": name, **MACHINE}]
    aws.sm.create_endpoint_config(EndpointConfigName=name, ProductionVariants=list(variants), **config)
    aws.sm.create_endpoint(EndpointName=name, EndpointConfigName=name)


def settled(aws, name):
    """A descrição do endpoint, quando deixa de estar em criação."""

    def found():
        endpoint = aws.sm.describe_endpoint(EndpointName=name)
        return endpoint if endpoint["EndpointStatus"] != "Creating" else None

    return wait_for(found)


def deploy(aws, name, *variants, **config):
    """Modelo (de mentira) → endpoint no ar, tudo com o mesmo nome."""
    create_model(aws, name, package(nome=name.encode()))
    create_endpoint(aws, name, *variants, **config)
    endpoint = settled(aws, name)
    assert endpoint["EndpointStatus"] == "InService", endpoint
    return name


def invoke(aws, name, body, **options):
    """O que o endpoint respondeu: a resposta do boto3 e, em `text`, o corpo."""
    options = {"ContentType": "text/plain"} | options
    answer = aws.runtime.invoke_endpoint(EndpointName=name, Body=body, **options)
    return answer | {"text": answer["Body"].read().decode()}


def read(aws, uri):
    """O objeto do S3, quando aparecer."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    wait_for(lambda: exists(aws, uri))
    return aws.s3.get_object(Bucket=bucket, Key=key)["Body"].read()


def exists(aws, uri):
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return aws.s3.list_objects_v2(Bucket=bucket, Prefix=key)["KeyCount"] == 1


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
