"""O leitor de CEP num cluster Ray de verdade, de um nó: contrato, carga, quedas, troca de versão, fim limpo.

Um cluster só para quase todas as provas: cada início leva dezenas de segundos e centenas de megabytes.
"""

import contextlib
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest
import requests
from cases import BAD_BODIES, BYTES
from faults import python
from needs import need
from notebook_proof import prove
from patient import Patient
from waiting import PATIENCE_S, wait_for, wait_for_the_end

from course_utils.__main__ import EXTRA_NOTEBOOKS
from course_utils.classroom import servers
from course_utils.measure import load
from course_utils.model import artifacts, digits
from course_utils.serving.ray_app import cluster

# Sozinhas: esperam mais do que trabalham, e por um programa que numa máquina cheia desiste de si mesmo.
pytestmark = [pytest.mark.slow, pytest.mark.alone]
IMAGES = digits.load("test")[0]
ONE = IMAGES[:1].tobytes()


def folders():
    return set(Path(tempfile.gettempdir()).glob(f"{cluster.PREFIX}*"))


@pytest.fixture(scope="module")
def running():
    need("ray")
    before, had_token = folders(), (Path.home() / ".ray").exists()
    running = cluster.start(fixed(), port=servers.free_port())
    try:
        yield running
        processes = [process.pid for process in psutil.Process().children(recursive=True)]
        assert folders() > before and len(processes) > 5
    finally:
        running.stop()
    wait_for_the_end(processes)
    assert folders() == before and (Path.home() / ".ray").exists() == had_token


def fixed(readers=1, **user_config):
    """config.yaml sem o canário, que o laboratório prova; `readers`: quantos leitores (None: o autoscaling)."""
    config = cluster.read_config()
    application = config["applications"][0]
    application |= {"args": {"canary": False}, "deployments": application["deployments"][:2]}
    reader = application["deployments"][1]
    if readers:
        del reader["autoscaling_config"]
        reader["num_replicas"] = readers
    reader["user_config"] |= user_config
    return config


def ask(url, data=ONE, kind=BYTES):
    return requests.post(f"{url}predict", data, headers={"Content-Type": kind}, timeout=PATIENCE_S)


def test_the_notebook_says_what_is_stored_alone_and_offline(fresh_clone):
    """Vem primeiro: o cluster das outras ainda não existe."""
    need("ray")
    prove(artifacts.ROOT / EXTRA_NOTEBOOKS["ray"], fresh_clone)


def test_it_answers_like_the_plain_server_and_refuses_the_same_way(running):
    def essence(response):
        body = response.json()
        for field in ("request_id", "inference_ms"):
            body.pop(field, None)
        return response.status_code, response.headers["Content-Type"], body

    with servers.start() as plain:
        for kind, payload, status in BAD_BODIES:
            ours, theirs = (essence(ask(server.url, payload, kind)) for server in (running, plain))
            assert ours == theirs and ours[0] == status
        for batch in (IMAGES[:1], IMAGES[:32]):
            ours, theirs = (essence(ask(server.url, batch.tobytes()))[2] for server in (running, plain))
            assert ours["model_version"] == theirs["model_version"] == "1"
            for mine, other in zip(ours["predictions"], theirs["predictions"], strict=True):
                assert mine["digit"] == other["digit"]
                assert mine["probabilities"] == pytest.approx(other["probabilities"], abs=1e-5)
        for route in ("health/live", "health/ready", "openapi.json", "nada"):
            asked = [requests.get(server.url + route, timeout=PATIENCE_S) for server in (running, plain)]
            ours, theirs = (essence(response)[::2] for response in asked)
            assert ours == theirs


def test_it_listens_only_on_this_machine_and_readers_load_only_onnxruntime(running):
    addresses = set()
    for process in (psutil.Process(), *psutil.Process().children(recursive=True)):
        with contextlib.suppress(psutil.NoSuchProcess):
            open_ports = [item for item in process.net_connections("inet") if item.status == psutil.CONN_LISTEN]
            addresses |= {item.laddr.ip.removeprefix("::ffff:") for item in open_ports}
    assert addresses == {"127.0.0.1"}
    for deployment in ("Gateway", "Reader"):
        (pid,) = running.replicas(deployment)
        loaded = " ".join(item.path for item in psutil.Process(pid).memory_maps())
        assert ("onnxruntime" in loaded) == (deployment != "Gateway")
        assert "tensorflow" not in loaded and "torch" not in loaded


def test_requests_that_come_together_are_read_in_one_batch(running):
    running.deploy(fixed(batch_wait_ms=300))
    with ThreadPoolExecutor(8) as pool:
        answers = [item.json() for item in pool.map(lambda image: ask(running.url, image.tobytes()), IMAGES[:8])]
    expected = [ask(running.url, image.tobytes()).json()["predictions"][0]["digit"] for image in IMAGES[:8]]
    assert [answer["predictions"][0]["digit"] for answer in answers] == expected
    # Do mesmo lote, o mesmo tempo de inferência, com três casas: dois pedidos avulsos não o teriam.
    assert len({answer["inference_ms"] for answer in answers}) <= 4


def test_a_full_queue_is_a_503_problem_with_retry_after(running):
    config = fixed(batch_wait_ms=500)
    config["applications"][0]["deployments"][1] |= {"max_ongoing_requests": 2, "max_queued_requests": 2}
    running.deploy(config)
    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda _: ask(running.url), range(12)))
    refused = [answer for answer in answers if not answer.ok]
    assert refused and any(answer.ok for answer in answers)
    for answer in refused:
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert "fila está cheia" in answer.json()["detail"]


def test_a_rolling_upgrade_under_load_loses_nothing_and_a_bad_model_changes_nothing(running, tmp_path):
    running.deploy(fixed(2))
    with ThreadPoolExecutor(1) as pool:
        steady = pool.submit(load.run, f"{running.url}predict", ONE, seconds=6, warmup=0)
        time.sleep(1)
        running.deploy(fixed(2, model="data/small.onnx", version="2"))
        wait_for(lambda: {ask(running.url).json()["model_version"] for _ in range(20)} == {"2"})
    # Quantas cabem em 6 s depende da máquina; que passaram de uma versão à outra sem perder nenhuma, não.
    assert steady.result().errors == {} and steady.result().n > steady.result().concurrency
    assert requests.get(f"{running.url}health/ready", timeout=PATIENCE_S).json()["model_version"] == "2"
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(b"lixo")
    running.deploy(fixed(2, model=str(broken), version="3"))
    assert {ask(running.url).json()["model_version"] for _ in range(20)} == {"2"}


def test_a_replica_killed_under_load_costs_nothing_to_who_tries_again(running):
    running.deploy(fixed(2, batch_wait_ms=50))  # assim sempre há pedidos dentro da réplica que vai cair
    victim = running.replicas("Reader")[0]
    with ThreadPoolExecutor(5) as pool:
        hasty = pool.submit(load.run, f"{running.url}predict", ONE, concurrency=8, seconds=6, warmup=0)
        patient = [pool.submit(Patient(running.url).insist, hasty.done) for _ in range(4)]
        time.sleep(2)
        psutil.Process(victim).kill()
        counts = [item.result() for item in patient]
    print(f"apressados: {hasty.result().n} pedidos, {hasty.result().errors}; pacientes: {counts}")
    assert set(hasty.result().errors) <= {"503", "500"} and hasty.result().failed < 100
    assert all(count["lost"] == 0 and count["ok"] > 5 for count in counts)
    wait_for(lambda: len(running.replicas("Reader")) == 2 and victim not in running.replicas("Reader"))


def test_readers_grow_under_load_and_shrink_after_it(running):
    running.deploy(fixed(None))
    errors, limit = {}, time.monotonic() + PATIENCE_S
    while len(running.replicas("Reader")) < 3 and time.monotonic() < limit:  # o máximo; havia uma ou duas
        errors |= load.run(f"{running.url}predict", ONE, concurrency=32, seconds=8, warmup=0).errors
    assert len(running.replicas("Reader")) == 3 and errors == {}
    wait_for(lambda: len(running.replicas("Reader")) == 1)


SERVE = """
import sys
import urllib.request
from course_utils.serving.ray_app import cluster
running = cluster.start(port=int(sys.argv[1]))
urllib.request.urlopen(running.url + "health/ready", timeout=180).close()
print("pronto", flush=True)
sys.stdin.read()
"""


def test_killed_without_a_word_the_owner_takes_it_along():
    need("ray")
    before = folders()
    with python(SERVE, servers.free_port()) as owner:
        assert owner.stdout.readline() == "pronto\n"
        family = [process.pid for process in psutil.Process(owner.pid).children(recursive=True)]
        assert len(family) > 5 and folders() > before
        owner.kill()
    wait_for_the_end(family)
    wait_for(lambda: folders() == before)
