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
from pocket_aws import (
    connect,
    create_endpoint,
    create_model,
    deploy,
    invoke,
    package,
    read,
    run_batch,
    settled,
    start,
)
from waiting import PATIENCE_S, alive, wait_for, wait_for_the_end

from course_utils.model import artifacts, digits
from course_utils.model.predictor import MODEL
from course_utils.pocket_cloud import ground

FAKE = Path(__file__).with_name("fake_container.py")
FAKE_APP = f"""
from course_utils.classroom import servers
from course_utils.pocket_cloud import aws, aws_modes

def start_fake(environment, *, ready="ping"):
    folder = environment["SM_MODEL_DIR"].replace("\\\\", "/")
    return servers.start_command(f"python {shlex.quote(FAKE.as_posix())} '{{folder}}' {{{{port}}}}", ready=ready)

servers.start_container, aws_modes.REALTIME_S, create_app = start_fake, 3, aws.create_app
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


def test_containers_start_when_they_should_and_see_only_what_is_theirs(monkeypatch):
    """O que o aluno escolheu no seu terminal não é do contêiner; o que o modelo traz em `Environment`, é."""
    monkeypatch.setenv("AULA_HOST", "0.0.0.0")  # noqa: S104 – é o que não pode passar adiante
    monkeypatch.setenv("AIP_PREDICT_ROUTE", "sem barra")
    sums = f"{artifacts.sha256(MODEL)}  model.onnx\n".encode()
    archive = package(**{"7/model.onnx": MODEL.read_bytes(), "7/SHA256SUMS": sums})
    serverless = {"ServerlessConfig": {"MemorySizeInMB": 1024, "MaxConcurrency": 1}}
    with start() as server:
        aws, image = connect(server), digits.load("test")[0][0].tobytes()
        errors = aws.runtime.exceptions
        create_model(aws, "leitor", archive)
        create_endpoint(aws, "leitor")
        with pytest.raises(errors.ValidationError, match="Endpoint leitor of account .* not found"):
            invoke(aws, "leitor", b"")
        with pytest.raises(ClientError, match="ValidationException.*in-progress endpoint"):
            aws.sm.delete_endpoint(EndpointName="leitor")
        assert settled(aws, "leitor") == ("InService", "")
        (started,) = set(server.pids()) - {server.process.pid}
        assert json.loads(invoke(aws, "leitor", image, **BYTES))["model_version"] == "7"

        variant = {"VariantName": "A", "ModelName": "leitor", **serverless}
        create_endpoint(aws, "sob-demanda", ProductionVariants=[variant])
        assert settled(aws, "sob-demanda") == ("InService", "")
        assert set(server.pids()) == {server.process.pid, started}
        for _ in range(2):
            assert len(json.loads(invoke(aws, "sob-demanda", image, **BYTES))["predictions"]) == 1
            assert len(server.pids()) == 3  # nasceu na primeira; a segunda o reusa
        with pytest.raises(errors.ValidationError, match="oversize body"):
            invoke(aws, "sob-demanda", b"x" * (4 * 2**20 + 1))

        create_model(aws, "recusa", archive, Environment={"AULA_MODEL": "/nao/existe.onnx"})
        create_endpoint(aws, "recusa")
        status, reason = settled(aws, "recusa")
        assert status == "Failed" and "ping health check" in reason and "existe.onnx" in reason
        for name in ("leitor", "sob-demanda"):
            aws.sm.delete_endpoint(EndpointName=name)
        assert server.pids() == [server.process.pid]


def test_the_limit_of_botocore_passes_and_one_byte_more_or_an_option_we_do_not_have_does_not(fake):
    members = fake.runtime.meta.service_model.operation_model("InvokeEndpoint").input_shape.members
    limit, name = members["Body"].metadata["max"], deploy(fake, "limite")
    assert invoke(fake, name, bytes(limit)) == f"{limit} bytes"
    with pytest.raises(ClientError, match=f"HTTP content length exceeded {limit} bytes") as error:
        invoke(fake, name, bytes(limit + 1))
    assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == 413
    for option in ("TargetModel", "TargetVariant", "CustomAttributes", "InferenceId"):
        with pytest.raises(fake.runtime.exceptions.ValidationError, match="não é simulado"):
            invoke(fake, name, b"", **{option: "x"})
    for options, words in (
        ({"source": {"SplitType": "Line"}}, "SplitType não é simulado"),
        ({"MaxPayloadInMB": 100, "BatchStrategy": "MultiRecord"}, "batch_strategy, max_payload_in_mb não é"),
    ):
        with pytest.raises(ClientError, match=f"ValidationException.*{words}"):
            run_batch(fake, "recusa", name, "s3://aula/x", **options)


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
    create_endpoint(fake, name, f"{name}-boa", name)
    status, reason = settled(fake, name)
    assert status == "Failed" and words in reason
    assert set(fake.server.pids()) == before
    assert not list(ground.FOLDER.rglob("fora"))
    fake.sm.delete_endpoint(EndpointName=name)


def test_a_name_in_use_or_a_missing_model_is_refused_and_nothing_starts(fake):
    name, before = deploy(fake, "unico"), set(fake.server.pids())
    create_model(fake, "efemero", package(nome=b"x"))
    variants = fake.sm.describe_endpoint_config(EndpointConfigName=name)["ProductionVariants"]
    gone = [variants[0] | {"ModelName": "efemero"}]
    fake.sm.create_endpoint_config(EndpointConfigName="efemero", ProductionVariants=gone)
    fake.sm.delete_model(ModelName="efemero")
    for endpoint, config, words in (
        (name, name, "Cannot create already existing endpoint"),
        ("outro", "nenhuma", "Could not find endpoint configuration"),
        ("outro", "efemero", "Could not find model"),
    ):
        with pytest.raises(ClientError, match=f"ValidationException.*{words}"):
            fake.sm.create_endpoint(EndpointName=endpoint, EndpointConfigName=config)
    assert set(fake.server.pids()) == before and invoke(fake, name, b"nome") == "unico"


def test_the_queue_takes_what_real_time_does_not_and_each_refuses_the_other_s_call(fake):
    places = {"S3OutputPath": "s3://aula/respostas/", "S3FailurePath": "s3://aula/falhas"}
    name = deploy(fake, "fila", AsyncInferenceConfig={"OutputConfig": places})
    send, validation = fake.runtime.invoke_endpoint_async, fake.runtime.exceptions.ValidationError
    for key, body in {"longo": b"x" * 10**7, "lento": b"dorme 4"}.items():  # mais que os 3 s do tempo real
        fake.s3.put_object(Bucket="aula", Key=key, Body=body)
    for key, where, other, expected in (
        ("longo", "OutputLocation", "FailureLocation", b"10000000 bytes"),
        ("lento", "OutputLocation", "FailureLocation", b"acordei"),
        ("sumido", "FailureLocation", "OutputLocation", "Não há objeto em s3://aula/sumido.".encode()),
    ):
        answer = send(EndpointName=name, InputLocation=f"s3://aula/{key}")
        assert wait_for(lambda place=answer[where]: read(fake, place)) == expected
        assert read(fake, answer[other]) is None
    with pytest.raises(validation, match="use InputLocation"):
        send(EndpointName=name, Body=b"x")
    with pytest.raises(validation, match="only receives asynchronous"):
        invoke(fake, name, b"x")
    with pytest.raises(validation, match="only receives real-time"):
        send(EndpointName=deploy(fake, "na-hora"), InputLocation="s3://aula/longo")


def test_a_batch_with_a_bad_object_fails_and_keeps_the_good_ones(fake):
    create_model(fake, "misto", package(nome=b"x"))
    for key, body in {"1.txt": b"bom", "b/2.txt": b"erro 500", "3.txt": b"bom tambem"}.items():
        fake.s3.put_object(Bucket="aula", Key=f"misto-in/a/{key}", Body=body)
    before = set(fake.server.pids())
    found = run_batch(fake, "misto-1", "misto", "s3://aula/misto-in/a/")
    assert found["TransformJobStatus"] == "Failed"
    assert "misto-in/a/b/2.txt: Received server error (500)" in found["FailureReason"]
    outputs = [read(fake, f"s3://aula/misto-1/{name}.txt.out") for name in ("1", "b/2", "3")]
    assert outputs == [b"3 bytes", None, b"10 bytes"]
    assert set(fake.server.pids()) == before  # o contêiner do lote morreu com ele
    assert "No S3 objects found" in run_batch(fake, "vazio", "misto", "s3://aula/nada-aqui/")["FailureReason"]
    with pytest.raises(fake.sm.exceptions.ResourceInUse):
        run_batch(fake, "vazio", "misto", "s3://aula/nada-aqui/")


@pytest.mark.parametrize(
    "end", ["encerrado", pytest.param("morto", marks=POSIX), pytest.param("sem kernel", marks=POSIX)]
)
def test_it_listens_only_here_and_whatever_its_end_its_containers_and_folders_end(fake_app, end):
    """Um endpoint no ar, um ocupado e um que nunca fica pronto."""
    with start(fake_app) as server:
        aws, folder = connect(server), ground.FOLDER / str(server.process.pid)
        deploy(aws, "um")
        deploy(aws, "dois", AsyncInferenceConfig={"OutputConfig": {"S3OutputPath": "s3://aula/o"}})
        aws.s3.put_object(Bucket="aula", Key="pedido", Body=b"dorme 60")
        aws.runtime.invoke_endpoint_async(EndpointName="dois", InputLocation="s3://aula/pedido")
        ready = len(server.pids())
        create_model(aws, "doente", package(doente=b""))  # nunca responde 200 ao /ping
        create_endpoint(aws, "doente")
        wait_for(lambda: len(server.pids()) > ready)
        pids = server.pids()
        sockets = [item for pid in pids for item in psutil.Process(pid).net_connections("inet")]
        listening = [item for item in sockets if item.status == psutil.CONN_LISTEN]
        assert len(listening) >= 3 and {item.laddr.ip for item in listening} == {"127.0.0.1"}
        assert {item.raddr.ip for item in sockets if item.raddr} <= {"127.0.0.1"}
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
