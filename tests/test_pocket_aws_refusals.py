"""A AWS de bolso, operação por operação: o que ela não simula é recusado pelo nome, na exceção do boto3.

As operações são as do modelo de serviço do botocore, cada uma com o mínimo que ele exige.
"""

import datetime
import re

import pytest
import requests
from botocore import xform_name
from botocore.exceptions import ClientError, ParamValidationError
from pocket_aws import ROLE, client, start

SERVICES = ("sagemaker", "sagemaker-runtime", "application-autoscaling", "s3")
# O que se guardaria e mudaria a resposta das outras: um balde apagado, uma política que não é JSON.
LAST = ("DeleteBucket", "PutBucketPolicy")


@pytest.fixture(scope="module")
def server():
    with start() as server:
        yield server


def example(shape):
    """O menor valor que o botocore aceita para esta forma."""
    kind = shape.type_name
    if kind == "structure":
        return {name: example(item) for name, item in shape.members.items() if name in shape.required_members}
    if kind == "list":
        return [example(shape.member)] * max(1, shape.metadata.get("min", 1))
    if kind == "map":
        return {example(shape.key): example(shape.value)}
    if kind == "string":
        return shape.enum[0] if shape.enum else "a" * max(4, shape.metadata.get("min", 1))
    if kind in ("integer", "long"):
        return max(1, shape.metadata.get("min", 1))
    return {
        "blob": b"x",
        "boolean": True,
        "float": 1.0,
        "double": 1.0,
        "timestamp": datetime.datetime(2026, 1, 1),
    }[kind]


def ask(connection, name):
    """A exceção do boto3 ao chamar a operação, ou None se ela respondeu."""
    model = connection.meta.service_model.operation_model(name)
    arguments = example(model.input_shape) if model.input_shape else {}
    if "Bucket" in arguments:
        arguments["Bucket"] = "aula"
    try:
        getattr(connection, xform_name(name))(**arguments)
    except ClientError as error:
        return error
    except ParamValidationError:  # uma união, de que só um membro vale: o pedido nem saiu
        return None
    return None


@pytest.mark.slow
@pytest.mark.parametrize("service", SERVICES)
def test_no_operation_of_the_service_ends_in_a_500_or_in_a_page(server, service):
    client(server, "s3").create_bucket(Bucket="aula")
    connection = client(server, service)
    names = sorted(connection.meta.service_model.operation_names, key=lambda name: (name in LAST, name))
    refused = 0
    for name in names:
        error = ask(connection, name)
        if error is None:
            continue
        status = error.response["ResponseMetadata"]["HTTPStatusCode"]
        code, said = error.response["Error"]["Code"], error.response["Error"]["Message"]
        assert 400 <= status < 500 or status == 501, (name, status, said)
        assert "<html" not in said and (not code.isdigit() or service == "s3"), (name, code, said)
        if status == 501:
            refused += 1
            assert code == "NotImplemented" and "não é simulado nesta AWS de bolso: " in said, (name, said)
    print(f"{service}: {len(names)} operações, {refused} recusadas pelo nome")


def test_what_is_not_simulated_is_refused_by_name_with_what_there_is_instead(server):
    connection, runtime = client(server, "sagemaker"), client(server, "sagemaker-runtime")
    assert ask(connection, "ListModels") is None
    errors = [ask(connection, "CreateTrainingJob"), ask(connection, "UpdateEndpoint")]
    errors.append(ask(runtime, "InvokeEndpointWithResponseStream"))
    for error in errors:
        said = rf"NotImplemented.* {error.operation_name} operation.*: não é simulado.*InvokeEndpoint"
        assert re.search(said, str(error))


def test_a_bucket_is_of_s3_whatever_its_name(server):
    s3 = client(server, "s3")
    s3.create_bucket(Bucket="endpoints")
    s3.put_object(Bucket="endpoints", Key="x/invocations", Body=b"sou um objeto")
    assert s3.get_object(Bucket="endpoints", Key="x/invocations")["Body"].read() == b"sou um objeto"


def test_a_region_that_does_not_exist_or_has_no_such_endpoint_is_said_so(server):
    with pytest.raises(ClientError, match="xx-nada-1"):
        client(server, "sagemaker", "xx-nada-1").list_models()
    for region in ("sa-east-1", "us-east-1"):
        with pytest.raises(ClientError, match="ValidationException.*Could not find endpoint"):
            client(server, "sagemaker", region).describe_endpoint(EndpointName="ninguem")
        with pytest.raises(ClientError, match="ValidationError.*Endpoint ninguem .* not found"):
            client(server, "sagemaker-runtime", region).invoke_endpoint(EndpointName="ninguem", Body=bytes(10**6))


def test_a_control_request_too_big_is_refused_and_the_next_one_answered(server):
    connection = client(server, "sagemaker")
    container = {"Image": "x", "Environment": {f"N{number}": "x" * 1000 for number in range(2000)}}
    with pytest.raises(ClientError, match="exceeded 1048576 bytes"):
        connection.create_model(ModelName="gordo", ExecutionRoleArn=ROLE, PrimaryContainer=container)
    assert connection.list_models(NameContains="gordo")["Models"] == []


@pytest.mark.parametrize("body", [b"{", b"{}", b"[]", b""])
@pytest.mark.parametrize("target", ["SageMaker.CreateEndpoint", "SageMaker.CreateTransformJob", ""])
def test_a_request_that_no_client_would_write_is_refused_too(server, target, body):
    signature = "AWS4-HMAC-SHA256 Credential=a/20260101/us-east-1/sagemaker/aws4_request, Signature=b"
    headers = {"Authorization": signature, "X-Amz-Target": target}
    answer = requests.post(server.url, body, headers=headers, timeout=120)
    assert answer.status_code in (400, 501) and "json" in answer.headers["Content-Type"]
