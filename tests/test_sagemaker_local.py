"""A AWS de bolso, com o cliente boto3 de verdade por soquetes de verdade: modos, limites, erros e fim."""

import gzip
import io
import json
import os
import subprocess
import sys
import tarfile
import time
from pathlib import Path
from types import SimpleNamespace

import boto3
import botocore
import numpy as np
import psutil
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from endings import alive, wait_for_the_end
from waiting import PATIENCE_S, wait_for

from course_utils.classroom import servers
from course_utils.model import artifacts, digits
from course_utils.model.predictor import MODEL, Predictor
from course_utils.serving.sagemaker_local import container, data_plane

APP = "course_utils.serving.sagemaker_local:create_app"
FAKE = Path(__file__).with_name("fake_container.py")
ROLE = "arn:aws:iam::123456789012:role/aula"
BYTES = "application/octet-stream"
POSIX = pytest.mark.skipif(os.name == "nt", reason="usa sinais")


def connect(server):
    """Os clientes boto3 que apontam para `server`, e um balde vazio."""

    def client(service):
        return boto3.client(
            service, endpoint_url=server.url, region_name="us-east-1", aws_access_key_id="local",
            aws_secret_access_key="local", config=Config(retries={"total_max_attempts": 1}, proxies={}),
        )  # fmt: skip

    aws = SimpleNamespace(
        server=server, s3=client("s3"), sm=client("sagemaker"), runtime=client("sagemaker-runtime"),
        scaling=client("application-autoscaling"),
    )  # fmt: skip
    aws.s3.create_bucket(Bucket="aula")
    return aws


@pytest.fixture(scope="module")
def real():
    """A AWS de bolso como o notebook a usa."""
    with servers.start(APP, server="werkzeug") as server:
        yield connect(server)


@pytest.fixture(scope="module")
def fake_app(tmp_path_factory):
    """Um arquivo com a AWS de bolso de contêineres de mentira e prazo de três segundos."""
    file = tmp_path_factory.mktemp("app") / "app.py"
    file.write_text(
        "import sys\nfrom course_utils.serving.sagemaker_local.control import LocalCloud\n"
        "def create_app():\n"
        f"    cloud = LocalCloud(command=[sys.executable, {str(FAKE)!r}], timeout_s=3)\n"
        "    cloud.close_at_exit()\n    return cloud\n",
        encoding="utf-8",
    )
    return f"{file}:create_app"


@pytest.fixture(scope="module")
def fake(fake_app):
    with servers.start(fake_app, server="werkzeug") as server:
        yield connect(server)


def package(files):
    """`{nome: bytes}` → um model.tar.gz (bytes)."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def digit_package(version="1"):
    sums = f"{artifacts.sha256(MODEL)}  model.onnx\n".encode()
    return package({f"{version}/model.onnx": MODEL.read_bytes(), f"{version}/SHA256SUMS": sums})


def create_model(aws, name, archive, **container):
    aws.s3.put_object(Bucket="aula", Key=f"{name}/model.tar.gz", Body=archive)
    place = {"Image": "local/leitor:1", "ModelDataUrl": f"s3://aula/{name}/model.tar.gz"}
    aws.sm.create_model(ModelName=name, ExecutionRoleArn=ROLE, PrimaryContainer=place | container)


def variant(model, name="A", **settings):
    place = {"InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
    return {"VariantName": name, "ModelName": model} | (settings or place)


def create_endpoint(aws, name, *variants, **config):
    aws.sm.create_endpoint_config(EndpointConfigName=name, ProductionVariants=list(variants), **config)
    aws.sm.create_endpoint(EndpointName=name, EndpointConfigName=name)


def wait(aws, name):
    def settled():
        found = aws.sm.describe_endpoint(EndpointName=name)
        return found if found["EndpointStatus"] != "Creating" else None

    return wait_for(settled)


def deploy(aws, name, files=None, *, variants=(), **config):
    """Modelo (de mentira) → endpoint no ar, tudo com o mesmo nome."""
    create_model(aws, name, package(files or {"nome": name.encode()}))
    create_endpoint(aws, name, *(variants or [variant(name)]), **config)
    found = wait(aws, name)
    assert found["EndpointStatus"] == "InService", found
    return name


def invoke(aws, name, body, **options):
    return aws.runtime.invoke_endpoint(EndpointName=name, Body=body, ContentType="text/plain", **options)


def text(response):
    return response["Body"].read().decode()


def read(aws, uri):
    """O objeto do S3, quando aparecer."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    wait_for(lambda: exists(aws, uri))
    return aws.s3.get_object(Bucket=bucket, Key=key)["Body"].read()


def exists(aws, uri):
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return aws.s3.list_objects_v2(Bucket=bucket, Prefix=key)["KeyCount"] == 1


def run_job(aws, name, model, uri, **options):
    source = {"DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": uri}}, "ContentType": BYTES}
    aws.sm.create_transform_job(
        TransformJobName=name, ModelName=model, TransformInput=source | options.pop("source", {}),
        TransformOutput={"S3OutputPath": f"s3://aula/{name}"} | options.pop("output", {}),
        TransformResources={"InstanceType": "ml.m5.large", "InstanceCount": 1}, **options,
    )  # fmt: skip
    seen = []

    def ended():
        found = aws.sm.describe_transform_job(TransformJobName=name)
        seen.append(found["TransformJobStatus"])
        return found if seen[-1] != "InProgress" else None

    found = wait_for(ended)
    return seen, found


# ------------------------------------------------------------------ o leitor de dígitos, do pacote ao lote


def test_from_the_package_to_the_answer_and_to_the_end(real):
    create_model(real, "leitor", digit_package("7"))
    before = set(real.server.pids())
    create_endpoint(real, "leitor", variant("leitor", "principal"))
    assert real.sm.describe_endpoint(EndpointName="leitor")["EndpointStatus"] == "Creating"
    with pytest.raises(real.runtime.exceptions.ValidationError, match="Endpoint leitor of account .* not found"):
        invoke(real, "leitor", b"")
    assert wait(real, "leitor")["EndpointStatus"] == "InService"
    started = set(real.server.pids()) - before
    assert len(started) == 1

    images = digits.load("test")[0][:5]
    answer = real.runtime.invoke_endpoint(EndpointName="leitor", Body=images.tobytes(), ContentType=BYTES)
    assert answer["InvokedProductionVariant"] == "principal" and answer["ContentType"] == "application/json"
    body = json.loads(answer["Body"].read())
    expected = Predictor().predict(images)
    assert body["model_version"] == "7"
    assert [item["digit"] for item in body["predictions"]] == [item.digit for item in expected]
    received = np.array([item["probabilities"] for item in body["predictions"]])
    assert np.allclose(received, [item.probabilities for item in expected], atol=1e-6)

    with pytest.raises(real.runtime.exceptions.ModelError) as error:
        real.runtime.invoke_endpoint(EndpointName="leitor", Body=b"x" * 783, ContentType=BYTES)
    response = error.value.response
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 424 and response["OriginalStatusCode"] == 422
    assert "múltiplo de 784" in json.loads(response["OriginalMessage"])["detail"]

    real.sm.delete_endpoint(EndpointName="leitor")
    assert alive(started) == []
    with pytest.raises(ClientError, match="Could not find endpoint"):
        real.sm.describe_endpoint(EndpointName="leitor")
    with pytest.raises(real.runtime.exceptions.ValidationError):
        invoke(real, "leitor", b"")


def test_the_batch_of_a_thousand_images_equals_the_predictor(real):
    create_model(real, "lote", digit_package())
    images = digits.load("test")[0]
    for start in range(0, len(images), 32):
        chunk = images[start : start + 32].tobytes()
        real.s3.put_object(Bucket="aula", Key=f"entrada/{start:04}.bin", Body=chunk)
    before = set(real.server.pids())
    seen, found = run_job(real, "lote", "lote", "s3://aula/entrada/", MaxConcurrentTransforms=2)
    assert seen[0] == "InProgress" and seen[-1] == "Completed", found
    assert "TransformEndTime" in found
    predictions = []
    for start in range(0, len(images), 32):
        predictions += json.loads(read(real, f"s3://aula/lote/{start:04}.bin.out"))["predictions"]
    expected = Predictor().predict(images)
    assert [item["digit"] for item in predictions] == [item.digit for item in expected]
    received = np.array([item["probabilities"] for item in predictions])
    assert np.allclose(received, [item.probabilities for item in expected], atol=1e-5)
    assert set(real.server.pids()) == before  # o contêiner do lote morreu com ele


def test_a_model_whose_hash_is_wrong_fails_with_the_reason(real):
    create_model(
        real, "adulterado", package({"1/model.onnx": b"nada", "1/SHA256SUMS": b"0" * 64 + b"  model.onnx\n"})
    )
    create_endpoint(real, "adulterado", variant("adulterado"))
    found = wait(real, "adulterado")
    assert found["EndpointStatus"] == "Failed"
    assert "ping health check" in found["FailureReason"] and "corrompido" in found["FailureReason"]


def test_serverless_starts_its_container_at_the_first_call(real):
    create_model(real, "sob-demanda", digit_package())
    before = set(real.server.pids())
    serverless = variant("sob-demanda", ServerlessConfig={"MemorySizeInMB": 1024, "MaxConcurrency": 1})
    create_endpoint(real, "sob-demanda", serverless)
    assert wait(real, "sob-demanda")["EndpointStatus"] == "InService"
    assert set(real.server.pids()) == before
    for _ in range(2):
        body = digits.load("test")[0][0].tobytes()
        answer = real.runtime.invoke_endpoint(EndpointName="sob-demanda", Body=body, ContentType=BYTES)
        assert len(set(real.server.pids()) - before) == 1  # nasceu na primeira; a segunda o reusa
        assert len(json.loads(answer["Body"].read())["predictions"]) == 1
    with pytest.raises(real.runtime.exceptions.ValidationError, match="oversize body"):
        invoke(real, "sob-demanda", b"x" * (4 * 2**20 + 1))
    real.sm.delete_endpoint(EndpointName="sob-demanda")
    assert set(real.server.pids()) == before


# ------------------------------------------------------------------ limites e erros


def test_the_limits_are_those_of_botocore():
    service = Path(botocore.__file__).parent / "data/sagemaker-runtime/2017-05-13/service-2.json.gz"
    shapes = json.loads(gzip.decompress(service.read_bytes()))["shapes"]

    def limit(operation):
        return shapes[shapes[operation]["members"]["Body"]["shape"]]["max"]

    assert limit("InvokeEndpointInput") == data_plane.REALTIME_BYTES
    assert limit("InvokeEndpointAsyncInput") == data_plane.ASYNC_INLINE_BYTES


def test_an_unknown_endpoint_is_a_validation_error(fake):
    with pytest.raises(fake.runtime.exceptions.ValidationError) as error:
        invoke(fake, "ninguem", b"")
    assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert error.value.response["Error"]["Message"] == "Endpoint ninguem of account 123456789012 not found."


def test_a_real_time_body_of_exactly_the_limit_passes_and_one_byte_more_does_not(fake):
    name = deploy(fake, "limite")
    assert text(invoke(fake, name, bytes(6_291_456))) == "6291456 bytes"
    for extra in (1, 10**7):
        with pytest.raises(ClientError, match="HTTP content length exceeded 6291456 bytes") as error:
            invoke(fake, name, bytes(6_291_456 + extra))
        assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == 413
    assert text(invoke(fake, name, b"ainda atende")) == "12 bytes"


@pytest.mark.parametrize(
    ("body", "original", "words"),
    [
        (b"erro 400", 400, 'Received client error (400) from primary with message "motivo"'),
        (b"erro 503", 503, 'Received server error (503) from primary with message "motivo"'),
        (b"erro 302", 302, "motivo"),
        (b"dorme 60", 0, "invocation timed out"),
        (b"morre", 0, "could not get a response"),
    ],
)
def test_what_goes_wrong_in_the_container_is_a_model_error(fake, body, original, words):
    name = deploy(fake, f"erros-{time.monotonic_ns()}")
    for _ in range(2 if body == b"morre" else 1):  # depois de morto, também
        with pytest.raises(fake.runtime.exceptions.ModelError) as error:
            invoke(fake, name, body)
        response = error.value.response
        assert response["OriginalStatusCode"] == original and words in str(error.value)
        assert response["ResponseMetadata"]["HTTPStatusCode"] == 424


def test_the_container_sees_only_what_is_its_own(fake):
    create_model(fake, "ambiente", package({"nome": b"x"}), Environment={"MINHA": "42"})
    create_endpoint(fake, "ambiente", variant("ambiente"))
    wait(fake, "ambiente")
    response = invoke(fake, "ambiente", b"ambiente", Accept="text/plain", CustomAttributes="do-cliente")
    assert response["CustomAttributes"] == "do-modelo" and response["ContentType"] == "text/plain"
    seen = json.loads(response["Body"].read())
    assert seen["env"]["MINHA"] == "42" and not [
        name for name in seen["env"] if name.startswith(("AULA_", "AIP_"))
    ]
    assert seen["headers"]["X-Amzn-SageMaker-Custom-Attributes"] == "do-cliente"
    assert "Authorization" not in seen["headers"]


def test_what_is_not_simulated_is_refused_by_name(fake):
    with pytest.raises(fake.runtime.exceptions.ValidationError, match="Target-Model não é simulado"):
        invoke(fake, "ninguem", b"", TargetModel="a.tar.gz")


def test_a_bucket_called_endpoints_still_belongs_to_s3(fake):
    fake.s3.create_bucket(Bucket="endpoints")
    fake.s3.put_object(Bucket="endpoints", Key="x/invocations", Body=b"sou um objeto")
    assert fake.s3.get_object(Bucket="endpoints", Key="x/invocations")["Body"].read() == b"sou um objeto"


def test_it_listens_only_on_this_machine(fake):
    deploy(fake, "portas")
    processes = [psutil.Process(pid) for pid in fake.server.pids()]
    sockets = [item for process in processes for item in process.net_connections("inet")]
    listening = [item for item in sockets if item.status == psutil.CONN_LISTEN]
    assert len(listening) >= 2 and {item.laddr.ip for item in listening} == {"127.0.0.1"}
    assert {item.raddr.ip for item in sockets if item.raddr} <= {"127.0.0.1"}


# ------------------------------------------------------------------ criar e apagar


@pytest.mark.parametrize(
    ("archive", "words"),
    [
        (b"isto nao e um tar.gz", "valid tar.gz archive"),
        (package({"nome": b"x" * 5000})[:-40], "valid tar.gz archive"),
        (package({"../fora": b"x"}), "outside the destination"),
        (package({"/etc/fora": b"x", "morto": b""}), "ping health check"),  # o caminho absoluto vira relativo
        (package({"morto": b""}), "este modelo não abre"),
        (None, "Failed to download model data"),
    ],
    ids=["texto", "cortado", "fora da pasta", "caminho absoluto", "modelo que não abre", "ausente"],
)
def test_a_package_that_does_not_serve_fails_with_the_reason(fake, archive, words):
    name = f"ruim-{time.monotonic_ns()}"
    create_model(fake, name, archive or b"")
    if archive is None:
        fake.s3.delete_object(Bucket="aula", Key=f"{name}/model.tar.gz")
    before = set(fake.server.pids())
    create_endpoint(fake, name, variant(name))
    found = wait(fake, name)
    assert found["EndpointStatus"] == "Failed" and words in found["FailureReason"]
    assert set(fake.server.pids()) == before
    assert not list((artifacts.ARTIFACTS / "sagemaker_local").rglob("fora"))
    with pytest.raises(fake.runtime.exceptions.ValidationError):
        invoke(fake, name, b"")
    fake.sm.delete_endpoint(EndpointName=name)


def test_one_broken_variant_fails_the_endpoint_and_stops_the_other(fake):
    create_model(fake, "boa", package({"nome": b"boa"}))
    create_model(fake, "rachada", b"nada")
    before = set(fake.server.pids())
    create_endpoint(fake, "meio", variant("boa", "A"), variant("rachada", "B"))
    assert wait(fake, "meio")["EndpointStatus"] == "Failed"
    assert set(fake.server.pids()) == before


def test_two_endpoints_at_once_do_not_mix(fake):
    one, two = deploy(fake, "um"), deploy(fake, "dois")
    assert (text(invoke(fake, one, b"nome")), text(invoke(fake, two, b"nome"))) == ("um", "dois")
    fake.sm.delete_endpoint(EndpointName=one)
    assert text(invoke(fake, two, b"nome")) == "dois"


def test_a_name_in_use_or_a_missing_model_is_refused(fake):
    name = deploy(fake, "unico")
    before = set(fake.server.pids())
    with pytest.raises(ClientError, match="ValidationException.*Cannot create already existing endpoint"):
        fake.sm.create_endpoint(EndpointName=name, EndpointConfigName=name)
    with pytest.raises(ClientError, match="ValidationException.*Could not find endpoint configuration"):
        fake.sm.create_endpoint(EndpointName="outro", EndpointConfigName="nenhuma")
    create_model(fake, "efemero", package({"nome": b"x"}))
    fake.sm.create_endpoint_config(EndpointConfigName="efemero", ProductionVariants=[variant("efemero")])
    fake.sm.delete_model(ModelName="efemero")
    with pytest.raises(ClientError, match="ValidationException.*Could not find model"):
        fake.sm.create_endpoint(EndpointName="efemero", EndpointConfigName="efemero")
    assert set(fake.server.pids()) == before


def test_deleting_an_endpoint_that_is_still_being_created_leaves_nothing(fake):
    create_model(fake, "apressado", package({"doente": b""}))  # nunca responde 200 ao /ping
    before = set(fake.server.pids())
    create_endpoint(fake, "apressado", variant("apressado"))
    wait_for(lambda: set(fake.server.pids()) != before)
    fake.sm.delete_endpoint(EndpointName="apressado")
    wait_for(lambda: set(fake.server.pids()) == before)


# ------------------------------------------------------------------ A/B, assíncrono, lote, autoscaling


def test_traffic_follows_the_weights_and_their_change(fake):
    for name in ("velho", "novo"):
        create_model(fake, name, package({"nome": name.encode()}))
    place = {"InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
    create_endpoint(
        fake, "ab", variant("velho", "A", **place, InitialVariantWeight=3),
        variant("novo", "B", **place, InitialVariantWeight=1),
    )  # fmt: skip
    wait(fake, "ab")

    def share(calls):
        answers = [invoke(fake, "ab", b"nome") for _ in range(calls)]
        assert {(a["InvokedProductionVariant"], text(a)) for a in answers} <= {("A", "velho"), ("B", "novo")}
        return sum(answer["InvokedProductionVariant"] == "A" for answer in answers)

    assert 255 <= share(400) <= 345  # 300, mais ou menos cinco desvios-padrão
    assert {invoke(fake, "ab", b"x", TargetVariant="B")["InvokedProductionVariant"] for _ in range(20)} == {"B"}
    with pytest.raises(fake.runtime.exceptions.ValidationError, match="Variant C not found"):
        invoke(fake, "ab", b"x", TargetVariant="C")
    weights = [{"VariantName": "A", "DesiredWeight": 0}, {"VariantName": "B", "DesiredWeight": 1}]
    fake.sm.update_endpoint_weights_and_capacities(EndpointName="ab", DesiredWeightsAndCapacities=weights)
    found = fake.sm.describe_endpoint(EndpointName="ab")
    assert [item["CurrentWeight"] for item in found["ProductionVariants"]] == [0, 1]
    assert found["EndpointStatus"] == "InService" and share(40) == 0


def test_asynchronous_answers_and_failures_land_in_s3(fake):
    places = {"S3OutputPath": "s3://aula/respostas/", "S3FailurePath": "s3://aula/falhas"}
    name = deploy(fake, "fila", AsyncInferenceConfig={"OutputConfig": places})

    def send(**source):
        return fake.runtime.invoke_endpoint_async(EndpointName=name, ContentType="text/plain", **source)

    fake.s3.put_object(Bucket="aula", Key="pedido", Body=b"x" * 10**7)  # mais do que o tempo real aceita
    answer = send(InputLocation="s3://aula/pedido", InferenceId="meu-id")
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 202 and answer["InferenceId"] == "meu-id"
    assert answer["OutputLocation"].startswith("s3://aula/respostas/")
    assert read(fake, answer["OutputLocation"]) == b"10000000 bytes"
    assert not exists(fake, answer["FailureLocation"])

    slow = send(Body=b"dorme 4")  # mais que os três segundos do tempo real
    assert read(fake, slow["OutputLocation"]) == b"acordei"
    assert read(fake, send(Body=b"x" * 128_000)["OutputLocation"]) == b"128000 bytes"

    fake.s3.put_object(Bucket="aula", Key="ruim", Body=b"erro 422")
    for location, words in (("s3://aula/ruim", "client error (422)"), ("s3://aula/sumido", "Não há objeto")):
        failed = send(InputLocation=location)
        assert words in read(fake, failed["FailureLocation"]).decode()
        assert not exists(fake, failed["OutputLocation"])
    late = send(Body=b"dorme 9", InvocationTimeoutSeconds=1)
    assert "timed out" in read(fake, late["FailureLocation"]).decode()

    validation = fake.runtime.exceptions.ValidationError
    with pytest.raises(validation, match="exceeds 128000 bytes"):
        send(Body=b"x" * 128_001)
    with pytest.raises(validation, match="exactly one"):
        send(Body=b"x", InputLocation="s3://aula/pedido")
    with pytest.raises(validation, match="exactly one"):
        send()
    with pytest.raises(validation, match="only receives asynchronous"):
        invoke(fake, name, b"x")
    deploy(fake, "na-hora")
    with pytest.raises(validation, match="only receives real-time"):
        fake.runtime.invoke_endpoint_async(EndpointName="na-hora", Body=b"x")


def test_a_batch_with_a_bad_object_fails_and_keeps_the_good_ones(fake):
    create_model(fake, "misto", package({"nome": b"x"}))
    for key, body in {"a/1.txt": b"bom", "a/b/2.txt": b"erro 500", "a/3.txt": b"bom tambem"}.items():
        fake.s3.put_object(Bucket="aula", Key=f"misto-in/{key}", Body=body)
    seen, found = run_job(fake, "misto-1", "misto", "s3://aula/misto-in/a/")
    assert seen[-1] == "Failed" and "misto-in/a/b/2.txt: Received server error (500)" in found["FailureReason"]
    assert read(fake, "s3://aula/misto-1/1.txt.out") == b"3 bytes"
    assert read(fake, "s3://aula/misto-1/3.txt.out") == b"10 bytes"
    assert not exists(fake, "s3://aula/misto-1/b/2.txt.out")


def test_a_batch_splits_lines_and_enforces_the_size_of_a_record(fake):
    create_model(fake, "linhas", package({"nome": b"x"}))
    fake.s3.put_object(Bucket="aula", Key="linhas-in/x.jsonl", Body=b"a\nbb\nccc\n")
    by_line = {
        "source": {"SplitType": "Line"},
        "output": {"AssembleWith": "Line"},
        "BatchStrategy": "SingleRecord",
    }
    seen, _ = run_job(fake, "linhas-1", "linhas", "s3://aula/linhas-in/", **by_line)
    assert seen[-1] == "Completed"
    assert read(fake, "s3://aula/linhas-1/x.jsonl.out") == b"1 bytes\n2 bytes\n3 bytes\n"
    fake.s3.put_object(Bucket="aula", Key="gordo/x.bin", Body=bytes(10**6 + 1))
    seen, found = run_job(fake, "gordo-1", "linhas", "s3://aula/gordo/", MaxPayloadInMB=1)
    assert seen[-1] == "Failed" and "exceeds MaxPayloadInMB" in found["FailureReason"]
    seen, found = run_job(fake, "vazio-1", "linhas", "s3://aula/nada-aqui/")
    assert seen[-1] == "Failed" and "No S3 objects found" in found["FailureReason"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"source": {"SplitType": "RecordIO"}}, "SplitType=RecordIO não é simulado"),
        ({"source": {"SplitType": "Line"}, "BatchStrategy": "MultiRecord"}, "BatchStrategy=MultiRecord"),
        ({"output": {"AssembleWith": "Line"}}, "AssembleWith=Line"),
        ({"MaxPayloadInMB": 101}, "MaxPayloadInMB must be"),
        ({"MaxPayloadInMB": 60, "MaxConcurrentTransforms": 2}, "cannot exceed 100 MB"),
    ],
)
def test_a_batch_refuses_what_it_cannot_do(fake, options, words):
    create_model(fake, "recusa", package({"nome": b"x"}))
    with pytest.raises(ClientError, match=f"ValidationException.*{words}"):
        run_job(fake, "recusa-1", "recusa", "s3://aula/x", **options)
    with pytest.raises(ClientError, match="ValidationException.*Could not find model"):
        run_job(fake, "recusa-1", "ninguem", "s3://aula/x")


def test_a_batch_job_name_is_used_once(fake):
    create_model(fake, "um-so", package({"nome": b"x"}))
    run_job(fake, "um-so", "um-so", "s3://aula/nada")
    with pytest.raises(fake.sm.exceptions.ResourceInUse):
        run_job(fake, "um-so", "um-so", "s3://aula/nada")


def test_autoscaling_policies_are_registered_and_removed(fake):
    name = deploy(fake, "elastico")
    where = {
        "ServiceNamespace": "sagemaker", "ResourceId": f"endpoint/{name}/variant/A",
        "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
    }  # fmt: skip
    fake.scaling.register_scalable_target(**where, MinCapacity=1, MaxCapacity=4)
    metric = {"PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"}
    policy = {"TargetValue": 70.0, "PredefinedMetricSpecification": metric}
    fake.scaling.put_scaling_policy(
        **where,
        PolicyName="p",
        PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration=policy,
    )
    found = fake.scaling.describe_scaling_policies(ServiceNamespace="sagemaker")["ScalingPolicies"]
    assert found[0]["TargetTrackingScalingPolicyConfiguration"]["TargetValue"] == 70.0
    fake.scaling.delete_scaling_policy(**where, PolicyName="p")
    fake.scaling.deregister_scalable_target(**where)
    assert fake.scaling.describe_scalable_targets(ServiceNamespace="sagemaker")["ScalableTargets"] == []


# ------------------------------------------------------------------ o fim


def test_stopping_the_server_ends_the_containers_and_their_folders(fake_app):
    with servers.start(fake_app, server="werkzeug") as server:
        aws = connect(server)
        deploy(aws, "um")
        deploy(aws, "dois", AsyncInferenceConfig={"OutputConfig": {"S3OutputPath": "s3://aula/o"}})
        aws.runtime.invoke_endpoint_async(EndpointName="dois", Body=b"dorme 60")
        pids, folder = server.pids(), artifacts.ARTIFACTS / "sagemaker_local" / str(server.process.pid)
        assert len(pids) == 3 and len(list(folder.iterdir())) == 4  # duas pastas, dois registros
    assert alive(pids) == []
    assert os.name == "nt" or not folder.exists()


@POSIX
def test_killing_the_server_ends_the_containers_and_the_next_one_sweeps(fake_app):
    server = servers.start(fake_app, server="werkzeug")
    deploy(connect(server), "orfao")
    pids, folder = server.pids(), artifacts.ARTIFACTS / "sagemaker_local" / str(server.process.pid)
    assert len(pids) == 2
    server.process.kill()
    server.process.wait()
    wait_for_the_end(pids)
    assert folder.exists()
    server.stop()
    with servers.start(fake_app, server="werkzeug"):
        assert not folder.exists()


@POSIX
def test_the_end_of_the_kernel_ends_everything(fake_app):
    server = servers.start(fake_app, server="werkzeug")
    deploy(connect(server), "sem-dono")
    pids, folder = server.pids(), artifacts.ARTIFACTS / "sagemaker_local" / str(server.process.pid)
    server.process.stdin.close()  # é o que acontece quando o kernel morre, de qualquer jeito
    server.process.wait(timeout=PATIENCE_S)
    wait_for_the_end(pids)
    assert len(pids) == 2 and not folder.exists()
    server.stop()


def test_a_port_lost_to_another_container_is_changed(tmp_path, monkeypatch):
    command = [sys.executable, str(FAKE)]
    one, two = (container.Container(tmp_path / name, command=command) for name in ("um", "dois"))
    try:
        one.start()
        ports = iter([one.port, container._free_port()])
        monkeypatch.setattr(container, "_free_port", lambda: next(ports))
        two.start()
        assert two.port != one.port and two.request("POST", "/invocations", b"oi")[2] == b"2 bytes"
    finally:
        one.stop()
        two.stop()


def test_importing_it_costs_nothing():
    code = f"import {APP.partition(':')[0]}, sys; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"moto", "boto3", "numpy", "werkzeug"} & set(run.stdout.split())
