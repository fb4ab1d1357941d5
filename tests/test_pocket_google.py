"""O Google de bolso, com o SDK de verdade por soquetes de verdade: os três passos, os erros, e o fim."""

import os

import pytest
from google.api_core import exceptions
from google.auth.credentials import AnonymousCredentials
from google.cloud import aiplatform
from waiting import alive, wait_for_the_end

from course_utils.classroom import servers
from course_utils.model import digits
from course_utils.serving.cloud import VERTEX_BODY_BYTES

IMAGES = digits.load("test")[0]
MACHINE = {"machine_type": "n1-standard-2"}


def start():
    """O Google de bolso no ar, e o SDK apontado para ele."""
    server = servers.start("course_utils.pocket_cloud.google:create_app", server="werkzeug")
    aiplatform.init(
        project="aula", location="us-central1", api_endpoint=server.url.rstrip("/"), api_transport="rest",
        credentials=AnonymousCredentials(),
    )  # fmt: skip
    return server


def upload(**options):
    return aiplatform.Model.upload(
        display_name="leitor",
        serving_container_image_uri="us-docker.pkg.dev/aula/leitor:1",
        serving_container_predict_route="/ler",
        serving_container_health_route="/saude",
        **options,
    )


def rows(count):
    return IMAGES[:count].reshape(count, -1).tolist()


@pytest.fixture(scope="module")
def google():
    with start() as server:
        yield server


@pytest.fixture(scope="module")
def endpoint(google):
    """O leitor no ar, com rotas escolhidas por nós."""
    return upload().deploy(**MACHINE)


def test_upload_deploy_predict_and_the_end(google):
    before = set(google.pids())
    model = upload()
    endpoint = model.deploy(**MACHINE, min_replica_count=1, max_replica_count=3)
    started = set(google.pids()) - before
    assert len(started) == 1
    with pytest.raises(exceptions.BadRequest, match="ainda tem um modelo no ar"):
        endpoint.delete()
    endpoint.undeploy_all()
    assert alive(started) == []
    with pytest.raises(exceptions.BadRequest, match="não tem modelo no ar"):
        endpoint.predict(instances=rows(1))
    endpoint.delete()
    model.delete()
    for gone in (
        lambda: endpoint.predict(instances=rows(1)),
        lambda: aiplatform.Model(model.resource_name),
        lambda: model.deploy(**MACHINE),
    ):
        with pytest.raises(exceptions.NotFound):
            gone()


def test_what_the_container_or_the_gateway_refuses_arrives_with_its_reason(endpoint):
    with pytest.raises(exceptions.BadRequest, match="esperava 784 inteiros") as refusal:
        endpoint.predict(instances=[[1, 2, 3]])
    assert refusal.value.response.json()["error"]["status"] == "FAILED_PRECONDITION"
    for size, words in (
        (VERTEX_BODY_BYTES, r"exceeds 1\.500MB limit"),
        (VERTEX_BODY_BYTES - 200, "Entrada fora do contrato"),  # este já é o contêiner
    ):
        with pytest.raises(exceptions.BadRequest, match=words):
            endpoint.predict(instances=["x" * size])


def test_what_is_not_simulated_is_refused_by_name(endpoint):
    with pytest.raises(exceptions.MethodNotImplemented, match="explain não é simulado"):
        endpoint.explain(instances=rows(1))
    with pytest.raises(exceptions.MethodNotImplemented, match="Dois modelos"):
        upload().deploy(endpoint=endpoint, **MACHINE)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"artifact_uri": "gs://balde/pasta"}, r"(?s)never became ready.*só leio pastas locais"),
        ({"serving_container_environment_variables": {"AULA_MODEL": "/nada/falta.onnx"}}, r"falta\.onnx"),
    ],
)
def test_the_choices_of_the_upload_reach_the_container_and_its_failure_has_a_reason(google, options, words):
    before = set(google.pids())
    with pytest.raises(exceptions.FailedPrecondition, match=words):
        upload(**options).deploy(**MACHINE)
    assert set(google.pids()) == before


@pytest.mark.skipif(os.name == "nt", reason="usa sinais")
def test_the_end_of_the_server_is_the_end_of_the_container():
    with start() as server:
        upload().deploy(**MACHINE)
        pids = server.pids()
        assert len(pids) == 2
        server.process.kill()
        server.process.wait()
        wait_for_the_end(pids)
