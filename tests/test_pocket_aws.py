"""A AWS de bolso, com o cliente boto3 de verdade: o que o notebook 04 e o laboratório dele não mostram.

Eles já provam o caminho do pacote à resposta, as variantes e os seus pesos, a fila, o lote e a limpeza.
"""

import json
import os
import shlex
import time
from pathlib import Path

import psutil
import pytest
from botocore.exceptions import ClientError
from endings import alive, wait_for_the_end
from pocket_aws import (
    MACHINE,
    connect,
    create_endpoint,
    create_model,
    deploy,
    exists,
    invoke,
    package,
    read,
    run_batch,
    settled,
    start,
)
from waiting import PATIENCE_S, wait_for

from course_utils.model import artifacts, digits
from course_utils.model.predictor import MODEL
from course_utils.pocket_cloud import ground

FAKE = Path(__file__).with_name("fake_container.py")
FAKE_APP = f"""
from course_utils.classroom import servers
from course_utils.pocket_cloud import aws, aws_endpoint

def start_fake(environment, *, ready="ping"):
    folder = environment["SM_MODEL_DIR"].replace("\\\\", "/")
    return servers.start_command(f"python {shlex.quote(FAKE.as_posix())} '{{folder}}' {{{{port}}}}", ready=ready)

servers.start_container, aws_endpoint.REALTIME_S, create_app = start_fake, 3, aws.create_app
"""
BYTES = {"ContentType": "application/octet-stream"}
POSIX = pytest.mark.skipif(os.name == "nt", reason="usa sinais")


@pytest.fixture(scope="module")
def fake_app(tmp_path_factory):
    """Um arquivo com a AWS de bolso de contêineres de mentira e prazo de três segundos."""
    file = tmp_path_factory.mktemp("app") / "app.py"
    file.write_text(FAKE_APP, encoding="utf-8")
    return f"{file}:create_app"


@pytest.fixture(scope="module")
def fake(fake_app):
    with start(fake_app) as server:
        yield connect(server)


# ------------------------------------------------------------------ contêineres de verdade


def test_containers_start_when_they_should_and_see_only_what_is_theirs(monkeypatch):
    """O que o aluno escolheu no seu terminal não é do contêiner; o que o modelo traz em `Environment`, é."""
    monkeypatch.setenv("AULA_HOST", "0.0.0.0")  # noqa: S104 – é o que não pode passar adiante
    monkeypatch.setenv("AIP_PREDICT_ROUTE", "sem barra")
    sums = f"{artifacts.sha256(MODEL)}  model.onnx\n".encode()
    archive = package(**{"7/model.onnx": MODEL.read_bytes(), "7/SHA256SUMS": sums})
    serverless = {"ServerlessConfig": {"MemorySizeInMB": 1024, "MaxConcurrency": 1}}
    with start() as server:
        aws, image = connect(server), digits.load("test")[0][0].tobytes()
        create_model(aws, "leitor", archive)
        create_endpoint(aws, "leitor")
        with pytest.raises(
            aws.runtime.exceptions.ValidationError, match="Endpoint leitor of account .* not found"
        ):
            invoke(aws, "leitor", b"")
        with pytest.raises(ClientError, match="ValidationException.*in-progress endpoint"):
            aws.sm.delete_endpoint(EndpointName="leitor")
        assert settled(aws, "leitor")["EndpointStatus"] == "InService"
        (started,) = set(server.pids()) - {server.process.pid}
        assert json.loads(invoke(aws, "leitor", image, **BYTES)["text"])["model_version"] == "7"

        create_endpoint(aws, "sob-demanda", {"VariantName": "A", "ModelName": "leitor", **serverless})
        assert settled(aws, "sob-demanda")["EndpointStatus"] == "InService"
        assert set(server.pids()) == {server.process.pid, started}
        for _ in range(2):
            assert len(json.loads(invoke(aws, "sob-demanda", image, **BYTES)["text"])["predictions"]) == 1
            assert len(server.pids()) == 3  # nasceu na primeira; a segunda o reusa
        with pytest.raises(aws.runtime.exceptions.ValidationError, match="oversize body"):
            invoke(aws, "sob-demanda", b"x" * (4 * 2**20 + 1))

        create_model(aws, "recusa", archive, Environment={"AULA_MODEL": "/nao/existe.onnx"})
        create_endpoint(aws, "recusa")
        found = settled(aws, "recusa")
        assert found["EndpointStatus"] == "Failed"
        assert "ping health check" in found["FailureReason"] and "existe.onnx" in found["FailureReason"]
        for name in ("leitor", "sob-demanda"):
            aws.sm.delete_endpoint(EndpointName=name)
        assert server.pids() == [server.process.pid]


# ------------------------------------------------------------------ limites e erros


def test_a_real_time_body_of_exactly_the_limit_of_botocore_passes_and_one_byte_more_does_not(fake):
    members = fake.runtime.meta.service_model.operation_model("InvokeEndpoint").input_shape.members
    limit, name = members["Body"].metadata["max"], deploy(fake, "limite")
    assert invoke(fake, name, bytes(limit))["text"] == f"{limit} bytes"
    with pytest.raises(ClientError, match=f"HTTP content length exceeded {limit} bytes") as error:
        invoke(fake, name, bytes(limit + 1))
    assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == 413


def test_what_goes_wrong_in_the_container_is_a_model_error(fake):
    name = deploy(fake, "erros")
    for body, original, words in (
        (b"erro 400", 400, 'Received client error (400) from primary with message "motivo"'),
        (b"erro 503", 503, 'Received server error (503) from primary with message "motivo"'),
        (b"dorme 60", 0, "não respondeu"),
        (b"morre", 0, "não respondeu"),
        (b"nome", 0, "não respondeu"),  # depois de morto, também
    ):
        with pytest.raises(fake.runtime.exceptions.ModelError) as error:
            invoke(fake, name, body)
        response = error.value.response
        assert response["OriginalStatusCode"] == original and words in str(error.value)
        assert response["ResponseMetadata"]["HTTPStatusCode"] == 424


def test_an_option_that_is_not_simulated_is_refused_by_name(fake):
    name = deploy(fake, "opcoes")
    for option in ("TargetModel", "TargetVariant", "CustomAttributes", "InferenceId"):
        with pytest.raises(fake.runtime.exceptions.ValidationError, match="não é simulado"):
            invoke(fake, name, b"", **{option: "x"})
    for options, words in (
        ({"source": {"SplitType": "Line"}}, "SplitType não é simulado"),
        ({"MaxPayloadInMB": 100, "BatchStrategy": "MultiRecord"}, "BatchStrategy, MaxPayloadInMB não é simulado"),
    ):
        with pytest.raises(ClientError, match=f"ValidationError.*{words}"):
            run_batch(fake, "recusa", name, "s3://aula/x", **options)


def test_a_bucket_is_of_s3_whatever_its_name(fake):
    fake.s3.create_bucket(Bucket="endpoints")
    fake.s3.put_object(Bucket="endpoints", Key="x/invocations", Body=b"sou um objeto")
    assert fake.s3.get_object(Bucket="endpoints", Key="x/invocations")["Body"].read() == b"sou um objeto"


@pytest.mark.parametrize(
    ("archive", "words"),
    [
        (b"isto nao e um tar.gz", "not a gzip file"),
        (package(nome=b"x" * 5000)[:-40], "Failed to extract"),
        (package(**{"../fora": b"x"}), "outside the destination"),
        (package(morto=b""), "este modelo não abre"),
        (None, "Não há objeto"),
    ],
)
def test_a_package_that_does_not_serve_fails_with_the_reason_and_stops_the_other_variant(fake, archive, words):
    name, before = f"ruim-{time.monotonic_ns()}", set(fake.server.pids())
    create_model(fake, f"{name}-boa", package(nome=b"boa"))
    create_model(fake, name, archive or b"")
    if archive is None:
        fake.s3.delete_object(Bucket="aula", Key=f"{name}/model.tar.gz")
    create_endpoint(
        fake, name, *({"VariantName": item, "ModelName": item, **MACHINE} for item in (f"{name}-boa", name))
    )
    found = settled(fake, name)
    assert found["EndpointStatus"] == "Failed" and words in found["FailureReason"]
    assert set(fake.server.pids()) == before
    assert not list(ground.FOLDER.rglob("fora"))
    fake.sm.delete_endpoint(EndpointName=name)


def test_a_name_in_use_or_a_missing_model_is_refused_and_nothing_starts(fake):
    name, before = deploy(fake, "unico"), set(fake.server.pids())
    create_model(fake, "efemero", package(nome=b"x"))
    gone = [{"VariantName": "A", "ModelName": "efemero", **MACHINE}]
    fake.sm.create_endpoint_config(EndpointConfigName="efemero", ProductionVariants=gone)
    fake.sm.delete_model(ModelName="efemero")
    for endpoint, config, words in (
        (name, name, "Cannot create already existing endpoint"),
        ("outro", "nenhuma", "Could not find endpoint configuration"),
        ("outro", "efemero", "Could not find model"),
    ):
        with pytest.raises(ClientError, match=f"ValidationException.*{words}"):
            fake.sm.create_endpoint(EndpointName=endpoint, EndpointConfigName=config)
    assert set(fake.server.pids()) == before and invoke(fake, name, b"nome")["text"] == "unico"


def test_the_queue_takes_what_real_time_does_not_and_each_refuses_the_other_s_call(fake):
    places = {"S3OutputPath": "s3://aula/respostas/", "S3FailurePath": "s3://aula/falhas"}
    name = deploy(fake, "fila", AsyncInferenceConfig={"OutputConfig": places})

    def send(key, body=None):
        if body is not None:
            fake.s3.put_object(Bucket="aula", Key=key, Body=body)
        return fake.runtime.invoke_endpoint_async(EndpointName=name, InputLocation=f"s3://aula/{key}")

    long, slow, missing = send("longo", b"x" * 10**7), send("lento", b"dorme 4"), send("sumido")
    assert read(fake, long["OutputLocation"]) == b"10000000 bytes"
    assert read(fake, slow["OutputLocation"]) == b"acordei"  # mais que os 3 s do tempo real
    assert "Não há objeto" in read(fake, missing["FailureLocation"]).decode()
    assert not exists(fake, missing["OutputLocation"]) and not exists(fake, long["FailureLocation"])
    validation = fake.runtime.exceptions.ValidationError
    with pytest.raises(validation, match="use InputLocation"):
        fake.runtime.invoke_endpoint_async(EndpointName=name, Body=b"x")
    with pytest.raises(validation, match="only receives asynchronous"):
        invoke(fake, name, b"x")
    with pytest.raises(validation, match="only receives real-time"):
        fake.runtime.invoke_endpoint_async(EndpointName=deploy(fake, "na-hora"), InputLocation="s3://aula/longo")


def test_a_batch_with_a_bad_object_fails_and_keeps_the_good_ones(fake):
    create_model(fake, "misto", package(nome=b"x"))
    for key, body in {"1.txt": b"bom", "b/2.txt": b"erro 500", "3.txt": b"bom tambem"}.items():
        fake.s3.put_object(Bucket="aula", Key=f"misto-in/a/{key}", Body=body)
    before = set(fake.server.pids())
    found = run_batch(fake, "misto-1", "misto", "s3://aula/misto-in/a/")
    assert found["TransformJobStatus"] == "Failed"
    assert "misto-in/a/b/2.txt: Received server error (500)" in found["FailureReason"]
    assert read(fake, "s3://aula/misto-1/1.txt.out") == b"3 bytes"
    assert read(fake, "s3://aula/misto-1/3.txt.out") == b"10 bytes"
    assert not exists(fake, "s3://aula/misto-1/b/2.txt.out")
    assert set(fake.server.pids()) == before  # o contêiner do lote morreu com ele
    assert "No S3 objects found" in run_batch(fake, "vazio", "misto", "s3://aula/nada-aqui/")["FailureReason"]
    with pytest.raises(fake.sm.exceptions.ResourceInUse):
        run_batch(fake, "vazio", "misto", "s3://aula/nada-aqui/")


# ------------------------------------------------------------------ o fim


@pytest.fixture
def busy(fake_app):
    """`(servidor, os seus processos, a sua pasta)`: um endpoint no ar, um ocupado e um que nunca fica pronto."""
    with start(fake_app) as server:
        aws = connect(server)
        deploy(aws, "um")
        deploy(aws, "dois", AsyncInferenceConfig={"OutputConfig": {"S3OutputPath": "s3://aula/o"}})
        aws.s3.put_object(Bucket="aula", Key="pedido", Body=b"dorme 60")
        aws.runtime.invoke_endpoint_async(EndpointName="dois", InputLocation="s3://aula/pedido")
        ready = len(server.pids())
        create_model(aws, "doente", package(doente=b""))  # nunca responde 200 ao /ping
        create_endpoint(aws, "doente")
        wait_for(lambda: len(server.pids()) > ready)
        yield server, server.pids(), ground.FOLDER / str(server.process.pid)


def test_it_listens_only_on_this_machine(busy):
    sockets = [item for pid in busy[1] for item in psutil.Process(pid).net_connections("inet")]
    listening = [item for item in sockets if item.status == psutil.CONN_LISTEN]
    assert len(listening) >= 3 and {item.laddr.ip for item in listening} == {"127.0.0.1"}
    assert {item.raddr.ip for item in sockets if item.raddr} <= {"127.0.0.1"}


@pytest.mark.parametrize(
    "end", ["encerrado", pytest.param("morto", marks=POSIX), pytest.param("sem kernel", marks=POSIX)]
)
def test_whatever_the_end_of_the_server_its_containers_and_folders_end(busy, fake_app, end):
    server, pids, folder = busy
    assert len(list(folder.iterdir())) == 3
    if end == "encerrado":
        server.stop()
        assert alive(pids) == []
    elif end == "morto":
        server.process.kill()
    else:
        server.process.stdin.close()  # é o que acontece quando o kernel morre, de qualquer jeito
    server.process.wait(timeout=PATIENCE_S)
    wait_for_the_end(pids)
    if end == "morto":  # ninguém limpou: a próxima é que o faz
        assert folder.exists()
        start(fake_app).stop()
    assert os.name == "nt" or not folder.exists()
