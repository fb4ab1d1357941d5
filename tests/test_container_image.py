"""A imagem que as nuvens recebem, construída pelo nosso Dockerfile e executada como o kubernetes.yaml manda."""

import base64
import contextlib
import json
import os
import signal
import time
from pathlib import Path

import container_image
import psutil
import pytest
from cases import ONE
from waiting import PATIENCE_S, wait_for

from course_utils.model import digits
from course_utils.model.predictor import Predictor
from course_utils.serving.container.__main__ import GRACE_S

pytestmark = pytest.mark.slow
ADDED_BYTES = 240e6  # só o que o Dockerfile acrescenta: a base daqui é o Debian, e a de lá fora é outra
REST_BYTES = 256 * 2**20  # o que o kubernetes.yaml pede ao nó


@pytest.fixture(scope="module")
def image():
    container_image.require_tools()
    with container_image.built() as image:
        yield image


@pytest.fixture(scope="module")
def pod():
    return container_image.manifest()["Deployment"]["spec"]["template"]["spec"]


def test_it_carries_only_what_it_serves(image):
    course = image.root / "aula"
    assert {path.name for path in course.iterdir()} == {"requirements.txt", "data", "course_utils"}
    assert {path.name for path in (course / "course_utils").iterdir()} == {
        "__init__.py", "files.py", "processes.py", "settings.py", "model", "serving",
    }  # fmt: skip
    assert not list(course.rglob("__pycache__"))
    print(f"o Dockerfile acrescenta {image.added_bytes / 1e6:.0f} MB")
    assert image.added_bytes <= ADDED_BYTES


def test_it_answers_on_the_routes_and_the_port_that_vertex_chooses(image, pod, tmp_path):
    vertex = {"AIP_HTTP_PORT": "9191", "AIP_HEALTH_ROUTE": "/saude", "AIP_PREDICT_ROUTE": "/ler"}
    with container_image.running(
        image, tmp_path / "vertex", pod, ready="/saude", port=9191, environment=vertex
    ) as server:
        images, labels = digits.load("test")
        rows = [{"b64": base64.b64encode(item.tobytes()).decode()} for item in images[:3]]
        status, body = server.request(
            "POST", "/ler", json.dumps({"instances": rows}).encode(), content_type="application/json"
        )
        assert status == 200
        assert [item["digit"] for item in json.loads(body)["predictions"]] == labels[:3].tolist()


@pytest.fixture(scope="module")
def server(image, pod, tmp_path_factory):
    """Um só, para as provas daqui até o fim: a última o encerra."""
    with container_image.running(image, tmp_path_factory.mktemp("pod") / "pod", pod) as server:
        yield server


def test_it_reads_digits_under_an_ordinary_user_on_a_read_only_root(server, pod):
    status = Path(f"/proc/{server.pid}/status").read_text(encoding="utf-8")
    power = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    user = str(pod["securityContext"]["runAsUser"])
    assert power["Uid"].split() == [user] * 4 and user != "0"
    assert (int(power["CapEff"], 16), int(power["CapBnd"], 16), power["NoNewPrivs"]) == (0, 0, "1")
    mounts = [line.split() for line in Path(f"/proc/{server.pid}/mountinfo").read_text().splitlines()]
    assert [options.split(",")[0] for *_, place, options in (line[:6] for line in mounts) if place == "/"] == [
        "ro"
    ]

    images = digits.load("test")[0][:32]
    assert server.request("GET", "/ping")[0] == 200
    status, body = server.request("POST", "/invocations", images.tobytes())
    assert status == 200
    read = [item["digit"] for item in json.loads(body)["predictions"]]
    assert read == [item.digit for item in Predictor().predict(images)]
    assert server.request("POST", "/invocations", ONE, content_type="image/png")[0] == 200
    status, body = server.request("POST", "/invocations", b"x" * 783)
    assert status == 422 and "múltiplo de 784" in json.loads(body)["detail"]


def test_at_rest_it_fits_in_what_it_asks_of_the_node(server, pod):
    (container,) = pod["containers"]
    assert container["resources"]["requests"]["memory"] == f"{REST_BYTES // 2**20}Mi"
    assert server.request("POST", "/invocations", bytes(32 * 784))[0] == 200
    family = [psutil.Process(server.pid), *psutil.Process(server.pid).children(recursive=True)]
    resident = sum(process.memory_info().rss for process in family)
    print(f"em repouso, depois de atender: {resident / 2**20:.0f} MiB")
    assert resident <= REST_BYTES


def test_sigterm_finishes_the_request_in_flight_and_ends_in_time(server):
    body = digits.load("test")[0][0].tobytes()
    with contextlib.closing(server.connect()) as client:
        client.putrequest("POST", "/invocations")
        client.putheader("Content-Type", "application/octet-stream")
        client.putheader("Content-Length", str(len(body)))
        client.endheaders(body[:400])
        wait_for(lambda: b"requests_pending 1.0" in server.request("GET", "/metrics")[1])
        os.kill(server.pid, signal.SIGTERM)
        start = time.monotonic()
        server.wait_for("/ping", status=None)  # já não aceita ninguém, e a nossa ainda não acabou
        client.send(body[400:])
        answer = client.getresponse()
        assert answer.status == 200 and len(json.load(answer)["predictions"]) == 1
        assert server.process.wait(PATIENCE_S) == 0, server.log.read_text(encoding="utf-8")
        assert time.monotonic() - start < GRACE_S
