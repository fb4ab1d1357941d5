"""O Google de bolso, com o SDK de verdade por soquetes de verdade: os três passos, os erros, e o fim."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import psutil
import pytest
from endings import alive, wait_for_the_end
from google.api_core import exceptions
from google.auth.credentials import AnonymousCredentials
from google.cloud import aiplatform
from networks import offline

from course_utils.classroom import servers
from course_utils.model import artifacts, digits
from course_utils.model.predictor import Predictor
from course_utils.serving.cloud import VERTEX_BODY_BYTES

APP = "course_utils.serving.vertex_local:create_app"
POSIX = pytest.mark.skipif(os.name == "nt", reason="usa sinais")
IMAGES = digits.load("test")[0]


def start():
    """O Google de bolso no ar, e o SDK apontado para ele."""
    server = servers.start(APP, server="werkzeug")
    aiplatform.init(
        project="aula", location="us-central1", api_endpoint=server.url.rstrip("/"), api_transport="rest",
        credentials=AnonymousCredentials(),
    )  # fmt: skip
    return server


@pytest.fixture(scope="module", autouse=True)
def direct():
    """Nem um proxy desta máquina fica no meio."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("no_proxy", "127.0.0.1")
        yield


@pytest.fixture(scope="module")
def google():
    with start() as server:
        yield server


@pytest.fixture(scope="module")
def endpoint(google):
    """O leitor no ar, com rotas escolhidas por nós."""
    return upload().deploy(machine_type="n1-standard-2")


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


def test_upload_deploy_predict_and_the_end(google):
    before = set(google.pids())
    model = upload()
    endpoint = model.deploy(machine_type="n1-standard-2", min_replica_count=1, max_replica_count=3)
    started = set(google.pids()) - before
    assert len(started) == 1
    answer = endpoint.predict(instances=rows(5))
    expected = Predictor().predict(IMAGES[:5])
    assert [item["digit"] for item in answer.predictions] == [item.digit for item in expected]
    assert {type(item["digit"]) for item in answer.predictions} == {float}  # o fio do SDK só conhece reais
    received = np.array([item["probabilities"] for item in answer.predictions])
    assert np.allclose(received, [item.probabilities for item in expected], atol=1e-6)
    assert answer.model_resource_name == model.resource_name
    assert endpoint.list_models()[0].id == answer.deployed_model_id

    with pytest.raises(exceptions.BadRequest, match="ainda tem um modelo no ar"):
        endpoint.delete()
    endpoint.undeploy_all()
    assert alive(started) == []
    with pytest.raises(exceptions.BadRequest, match="não tem modelo no ar"):
        endpoint.predict(instances=rows(1))
    endpoint.delete()
    model.delete()
    with pytest.raises(exceptions.NotFound):
        endpoint.predict(instances=rows(1))
    assert model.resource_name not in {item.resource_name for item in aiplatform.Model.list()}
    assert endpoint.resource_name not in {item.resource_name for item in aiplatform.Endpoint.list()}


def test_what_the_container_refuses_arrives_with_its_reason(endpoint):
    with pytest.raises(exceptions.BadRequest, match="esperava 784 inteiros") as refusal:
        endpoint.predict(instances=[[1, 2, 3]])
    assert refusal.value.response.json()["error"]["status"] == "FAILED_PRECONDITION"


def test_the_gateway_refuses_a_body_above_the_limit(endpoint):
    with pytest.raises(exceptions.BadRequest, match=r"exceeds 1\.500MB limit"):
        endpoint.predict(instances=["x" * VERTEX_BODY_BYTES])
    with pytest.raises(exceptions.BadRequest, match="Entrada fora do contrato"):  # este já é o contêiner
        endpoint.predict(instances=["x" * (VERTEX_BODY_BYTES - 200)])


def test_what_is_not_simulated_is_refused_by_name(endpoint):
    with pytest.raises(exceptions.MethodNotImplemented, match="explain não é simulado"):
        endpoint.explain(instances=rows(1))
    with pytest.raises(exceptions.MethodNotImplemented, match="Dois modelos"):
        upload().deploy(endpoint=endpoint, machine_type="n1-standard-2")


def test_a_container_that_does_not_start_fails_the_deploy_with_the_reason(google):
    before = set(google.pids())
    model = upload(artifact_uri="gs://balde/pasta")
    with pytest.raises(exceptions.FailedPrecondition, match=r"never became ready.*só leio pastas locais"):
        model.deploy(machine_type="n1-standard-2")
    assert set(google.pids()) == before


def test_the_model_and_the_variables_of_the_upload_reach_the_container(google, tmp_path):
    settings = {"AULA_MODEL": str(tmp_path / "falta.onnx")}
    with pytest.raises(exceptions.FailedPrecondition, match=r"falta\.onnx"):
        upload(serving_container_environment_variables=settings).deploy(machine_type="n1-standard-2")


def test_it_listens_only_on_this_machine(google, endpoint):
    for pid in google.pids():
        for item in psutil.Process(pid).net_connections("tcp"):
            assert item.status != psutil.CONN_LISTEN or item.laddr.ip == "127.0.0.1"


# ------------------------------------------------------------------ sem rede, sem HOME, sem credencial

ALONE = """
import sys

asked = set()
watched = "socket.connect", "socket.getaddrinfo"
sys.addaudithook(lambda event, args: asked.add(str(args)) if event in watched else None)
sys.path.insert(0, sys.argv[1])
import test_vertex_local as scene

with scene.start():
    endpoint = scene.upload().deploy(machine_type="n1-standard-2")
    print([item["digit"] for item in endpoint.predict(instances=scene.rows(3)).predictions])
print("fora:", [place for place in asked if "127.0.0.1" not in place and "localhost" not in place])
"""


def test_with_no_network_no_home_and_no_credentials_nothing_is_asked_outside():
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("GOOGLE", "CLOUDSDK", "HOME"))
    }
    command = offline([sys.executable, "-c", ALONE, Path(__file__).parent])
    run = subprocess.run(command, cwd=artifacts.ROOT, env=kept, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr[-2000:]
    assert "[6.0, 7.0, 0.0]" in run.stdout and run.stdout.endswith("fora: []\n"), run.stdout


# ------------------------------------------------------------------ o fim


def test_stopping_the_server_ends_the_container_and_its_folder():
    with start() as server:
        upload().deploy(machine_type="n1-standard-2")
        pids, folder = server.pids(), artifacts.ARTIFACTS / "vertex_local" / str(server.process.pid)
        assert len(pids) == 2 and folder.exists()
    assert alive(pids) == []
    assert os.name == "nt" or not folder.exists()


@POSIX
def test_killing_the_server_ends_the_container():
    server = start()
    upload().deploy(machine_type="n1-standard-2")
    pids = server.pids()
    server.process.kill()
    server.process.wait()
    wait_for_the_end(pids)
    assert len(pids) == 2
    server.stop()


def test_importing_it_costs_nothing():
    code = f"import {APP.partition(':')[0]}, sys; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"google.cloud.aiplatform", "moto", "boto3", "onnxruntime"} & set(run.stdout.split())
