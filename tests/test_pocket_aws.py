"""A AWS de bolso, com o cliente boto3 de verdade por soquetes de verdade: modos, limites, erros e fim."""

import json
import os
import shlex
import time
from pathlib import Path

import numpy as np
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
from course_utils.model.predictor import MODEL, Predictor
from course_utils.pocket_cloud import ground

FAKE = Path(__file__).with_name("fake_container.py")
FAKE_APP = f"""
from course_utils.classroom import servers
from course_utils.pocket_cloud import aws, aws_modes

def start_fake(environment, *, ready):
    folder = environment["SM_MODEL_DIR"].replace("\\\\", "/")
    return servers.start_command(f"python {shlex.quote(FAKE.as_posix())} '{{folder}}' {{{{port}}}}", ready=ready)

servers.start_container, aws_modes.REALTIME_S, create_app = start_fake, 3, aws.create_app
"""
BYTES = {"ContentType": "application/octet-stream"}
POSIX = pytest.mark.skipif(os.name == "nt", reason="usa sinais")


@pytest.fixture(scope="module")
def real():
    """A AWS de bolso como o notebook a usa; o que o aluno escolheu no seu terminal não é do contêiner."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AULA_HOST", "0.0.0.0")  # noqa: S104 – é o que não pode passar adiante
        patch.setenv("AIP_PREDICT_ROUTE", "sem barra")
        with start() as server:
            yield connect(server)


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


def digit_package(version):
    sums = f"{artifacts.sha256(MODEL)}  model.onnx\n".encode()
    return package(**{f"{version}/model.onnx": MODEL.read_bytes(), f"{version}/SHA256SUMS": sums})


# ------------------------------------------------------------------ o leitor de dígitos, do pacote à resposta


def test_from_the_package_to_the_answer_and_to_the_end(real):
    create_model(real, "leitor", digit_package("7"))
    before = set(real.server.pids())
    create_endpoint(real, "leitor", {"VariantName": "principal", "ModelName": "leitor", **MACHINE})
    assert real.sm.describe_endpoint(EndpointName="leitor")["EndpointStatus"] == "Creating"
    with pytest.raises(real.runtime.exceptions.ValidationError, match="Endpoint leitor of account .* not found"):
        invoke(real, "leitor", b"")
    with pytest.raises(ClientError, match="ValidationException.*in-progress endpoint"):
        real.sm.delete_endpoint(EndpointName="leitor")
    assert settled(real, "leitor")["EndpointStatus"] == "InService"
    started = set(real.server.pids()) - before
    assert len(started) == 1

    images = digits.load("test")[0][:5]
    answer = invoke(real, "leitor", images.tobytes(), **BYTES)
    assert answer["InvokedProductionVariant"] == "principal" and answer["ContentType"] == "application/json"
    body, expected = json.loads(answer["text"]), Predictor().predict(images)
    assert body["model_version"] == "7"
    assert [item["digit"] for item in body["predictions"]] == [item.digit for item in expected]
    received = np.array([item["probabilities"] for item in body["predictions"]])
    assert np.allclose(received, [item.probabilities for item in expected], atol=1e-6)

    with pytest.raises(real.runtime.exceptions.ModelError) as error:
        invoke(real, "leitor", b"x" * 783, **BYTES)
    response = error.value.response
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 424 and response["OriginalStatusCode"] == 422
    assert "múltiplo de 784" in json.loads(response["OriginalMessage"])["detail"]

    real.sm.delete_endpoint(EndpointName="leitor")
    assert alive(started) == []
    with pytest.raises(ClientError, match="Could not find endpoint"):
        real.sm.describe_endpoint(EndpointName="leitor")
    with pytest.raises(real.runtime.exceptions.ValidationError):
        invoke(real, "leitor", b"")


def test_serverless_starts_its_container_at_the_first_call(real):
    create_model(real, "sob-demanda", digit_package("1"))
    before, body = set(real.server.pids()), digits.load("test")[0][0].tobytes()
    serverless = {"ServerlessConfig": {"MemorySizeInMB": 1024, "MaxConcurrency": 1}}
    create_endpoint(real, "sob-demanda", {"VariantName": "A", "ModelName": "sob-demanda", **serverless})
    assert settled(real, "sob-demanda")["EndpointStatus"] == "InService"
    assert set(real.server.pids()) == before
    for _ in range(2):
        assert len(json.loads(invoke(real, "sob-demanda", body, **BYTES)["text"])["predictions"]) == 1
        assert len(set(real.server.pids()) - before) == 1  # nasceu na primeira; a segunda o reusa
    with pytest.raises(real.runtime.exceptions.ValidationError, match="oversize body"):
        invoke(real, "sob-demanda", b"x" * (4 * 2**20 + 1))
    real.sm.delete_endpoint(EndpointName="sob-demanda")
    assert set(real.server.pids()) == before


def test_a_container_that_refuses_its_model_gives_the_reason(real):
    create_model(real, "recusa", digit_package("1"), Environment={"AULA_MODEL": "/nao/existe.onnx"})
    create_endpoint(real, "recusa")
    found = settled(real, "recusa")
    assert found["EndpointStatus"] == "Failed"
    assert "ping health check" in found["FailureReason"] and "existe.onnx" in found["FailureReason"]


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


def test_a_bucket_is_of_s3_whatever_its_name(fake):
    fake.s3.create_bucket(Bucket="endpoints")
    fake.s3.put_object(Bucket="endpoints", Key="x/invocations", Body=b"sou um objeto")
    assert fake.s3.get_object(Bucket="endpoints", Key="x/invocations")["Body"].read() == b"sou um objeto"


# ------------------------------------------------------------------ criar e apagar


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
def test_a_package_that_does_not_serve_fails_with_the_reason(fake, archive, words):
    name, before = f"ruim-{time.monotonic_ns()}", set(fake.server.pids())
    create_model(fake, name, archive or b"")
    if archive is None:
        fake.s3.delete_object(Bucket="aula", Key=f"{name}/model.tar.gz")
    create_endpoint(fake, name)
    found = settled(fake, name)
    assert found["EndpointStatus"] == "Failed" and words in found["FailureReason"]
    assert set(fake.server.pids()) == before
    assert not list(ground.FOLDER.rglob("fora"))
    fake.sm.delete_endpoint(EndpointName=name)


def test_one_broken_variant_fails_the_endpoint_and_stops_the_other(fake):
    create_model(fake, "boa", package(nome=b"boa"))
    create_model(fake, "rachada", b"nada")
    before = set(fake.server.pids())
    variants = [{"VariantName": model, "ModelName": model, **MACHINE} for model in ("boa", "rachada")]
    create_endpoint(fake, "meio", *variants)
    assert settled(fake, "meio")["EndpointStatus"] == "Failed"
    assert set(fake.server.pids()) == before


def test_neighbours_do_not_mix_and_a_name_in_use_or_a_missing_model_is_refused(fake):
    name, other = deploy(fake, "unico"), deploy(fake, "vizinho")
    assert [invoke(fake, item, b"nome")["text"] for item in (name, other)] == ["unico", "vizinho"]
    fake.sm.delete_endpoint(EndpointName=other)
    assert invoke(fake, name, b"nome")["text"] == "unico"
    before = set(fake.server.pids())
    with pytest.raises(ClientError, match="ValidationException.*Cannot create already existing endpoint"):
        fake.sm.create_endpoint(EndpointName=name, EndpointConfigName=name)
    with pytest.raises(ClientError, match="ValidationException.*Could not find endpoint configuration"):
        fake.sm.create_endpoint(EndpointName="outro", EndpointConfigName="nenhuma")
    create_model(fake, "efemero", package(nome=b"x"))
    gone = [{"VariantName": "A", "ModelName": "efemero", **MACHINE}]
    fake.sm.create_endpoint_config(EndpointConfigName="efemero", ProductionVariants=gone)
    fake.sm.delete_model(ModelName="efemero")
    with pytest.raises(ClientError, match="ValidationException.*Could not find model"):
        fake.sm.create_endpoint(EndpointName="efemero", EndpointConfigName="efemero")
    assert set(fake.server.pids()) == before


# ------------------------------------------------------------------ A/B, assíncrono, lote


def test_traffic_follows_the_weights_and_their_change(fake):
    variants = []
    for variant, model, weight in (("A", "velho", 3), ("B", "novo", 1)):
        create_model(fake, model, package(nome=model.encode()))
        settings = {"VariantName": variant, "ModelName": model, **MACHINE, "InitialVariantWeight": weight}
        variants.append(settings)
    create_endpoint(fake, "ab", *variants)
    settled(fake, "ab")

    def share(calls):
        answers = [invoke(fake, "ab", b"nome") for _ in range(calls)]
        assert {(a["InvokedProductionVariant"], a["text"]) for a in answers} <= {("A", "velho"), ("B", "novo")}
        return sum(answer["InvokedProductionVariant"] == "A" for answer in answers)

    assert 255 <= share(400) <= 345  # 300, mais ou menos cinco desvios-padrão
    weights = [{"VariantName": "A", "DesiredWeight": 0}, {"VariantName": "B", "DesiredWeight": 1}]
    fake.sm.update_endpoint_weights_and_capacities(EndpointName="ab", DesiredWeightsAndCapacities=weights)
    found = fake.sm.describe_endpoint(EndpointName="ab")
    assert [item["CurrentWeight"] for item in found["ProductionVariants"]] == [0, 1]
    assert found["EndpointStatus"] == "InService" and share(40) == 0


def test_asynchronous_answers_and_failures_land_in_s3(fake):
    places = {"S3OutputPath": "s3://aula/respostas/", "S3FailurePath": "s3://aula/falhas"}
    name = deploy(fake, "fila", AsyncInferenceConfig={"OutputConfig": places})

    def send(body=None, location="s3://aula/pedido"):
        if body is not None:
            fake.s3.put_object(Bucket="aula", Key="pedido", Body=body)
        kind = "text/plain"
        return fake.runtime.invoke_endpoint_async(EndpointName=name, ContentType=kind, InputLocation=location)

    answer = send(b"x" * 10**7)  # mais do que o tempo real aceita
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 202 and answer["InferenceId"]
    assert answer["OutputLocation"].startswith("s3://aula/respostas/")
    assert read(fake, answer["OutputLocation"]) == b"10000000 bytes"
    assert not exists(fake, answer["FailureLocation"])
    assert read(fake, send(b"dorme 4")["OutputLocation"]) == b"acordei"  # mais que os 3 s do tempo real
    missing = send(location="s3://aula/sumido")
    for failed, words in ((send(b"erro 422"), "client error (422)"), (missing, "Não há objeto")):
        assert words in read(fake, failed["FailureLocation"]).decode()
        assert not exists(fake, failed["OutputLocation"])

    validation = fake.runtime.exceptions.ValidationError
    with pytest.raises(validation, match="use InputLocation"):
        fake.runtime.invoke_endpoint_async(EndpointName=name, Body=b"x")
    with pytest.raises(validation, match="only receives asynchronous"):
        invoke(fake, name, b"x")
    deploy(fake, "na-hora")
    with pytest.raises(validation, match="only receives real-time"):
        fake.runtime.invoke_endpoint_async(EndpointName="na-hora", InputLocation="s3://aula/pedido")


def test_a_batch_with_a_bad_object_fails_and_keeps_the_good_ones(fake):
    create_model(fake, "misto", package(nome=b"x"))
    objects = {"1.txt": b"bom", "b/2.txt": b"erro 500", "3.txt": b"bom tambem"}
    for key, body in objects.items():
        fake.s3.put_object(Bucket="aula", Key=f"misto-in/a/{key}", Body=body)
    seen, found = run_batch(fake, "misto-1", "misto", "s3://aula/misto-in/a/")
    assert seen[-1] == "Failed" and "misto-in/a/b/2.txt: Received server error (500)" in found["FailureReason"]
    assert read(fake, "s3://aula/misto-1/1.txt.out") == b"3 bytes"
    assert read(fake, "s3://aula/misto-1/3.txt.out") == b"10 bytes"
    assert not exists(fake, "s3://aula/misto-1/b/2.txt.out")
    before = set(fake.server.pids())
    seen, _ = run_batch(fake, "misto-2", "misto", "s3://aula/misto-in/a/1")
    assert seen[0] == "InProgress" and seen[-1] == "Completed"
    assert set(fake.server.pids()) == before  # o contêiner do lote morreu com ele
    seen, found = run_batch(fake, "vazio", "misto", "s3://aula/nada-aqui/")
    assert seen[-1] == "Failed" and "No S3 objects found" in found["FailureReason"]


def test_a_batch_refuses_what_it_cannot_do(fake):
    create_model(fake, "recusa", package(nome=b"x"))
    for options, words in (
        ({"source": {"SplitType": "Line"}}, "SplitType não é simulado"),
        ({"MaxPayloadInMB": 100, "BatchStrategy": "MultiRecord"}, "BatchStrategy, MaxPayloadInMB não é simulado"),
    ):
        with pytest.raises(ClientError, match=f"ValidationException.*{words}"):
            run_batch(fake, "recusa", "recusa", "s3://aula/x", **options)
    with pytest.raises(ClientError, match="ValidationException.*Could not find model"):
        run_batch(fake, "recusa", "ninguem", "s3://aula/x")
    run_batch(fake, "recusa", "recusa", "s3://aula/nada")
    with pytest.raises(fake.sm.exceptions.ResourceInUse):
        run_batch(fake, "recusa", "recusa", "s3://aula/nada")


# ------------------------------------------------------------------ o fim


@pytest.fixture
def busy(fake_app):
    """`(servidor, os seus processos, a sua pasta)`, com um endpoint no ar e outro ocupado por um minuto."""
    with start(fake_app) as server:
        aws = connect(server)
        deploy(aws, "um")
        deploy(aws, "dois", AsyncInferenceConfig={"OutputConfig": {"S3OutputPath": "s3://aula/o"}})
        aws.s3.put_object(Bucket="aula", Key="pedido", Body=b"dorme 60")
        aws.runtime.invoke_endpoint_async(EndpointName="dois", InputLocation="s3://aula/pedido")
        pids, folder = server.pids(), ground.FOLDER / str(server.process.pid)
        assert len(pids) >= 3 and len(list(folder.iterdir())) == 2
        yield server, pids, folder


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


@POSIX
def test_a_container_that_never_gets_ready_also_ends_with_the_server(fake_app):
    with start(fake_app) as server:
        aws = connect(server)
        create_model(aws, "doente", package(doente=b""))  # nunca responde 200 ao /ping
        create_endpoint(aws, "doente")
        wait_for(lambda: len(server.pids()) > 1)
        pids = server.pids()
    wait_for_the_end(pids)
