"""O leitor de CEP num cluster Ray de dois nós desta máquina, dos quais um some sob carga."""

import os
import secrets
import shutil
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from needs import need
from patient import Patient
from waiting import wait_for

from course_utils.classroom import servers
from course_utils.model import artifacts
from course_utils.serving.ray_app import cluster

pytestmark = [pytest.mark.slow, pytest.mark.alone]


@pytest.fixture
def second(monkeypatch):
    """O que derruba o segundo nó de dois; este processo está ligado ao primeiro. No fim, nenhum."""
    need("ray")
    folder = tempfile.mkdtemp(prefix="aula-nos-", dir="/tmp")
    settings = {"PYTHONPATH": str(artifacts.ROOT), "RAY_health_check_period_ms": "1000", "RAY_TMPDIR": folder}
    os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))  # o Ray só o lê uma vez por processo
    for name, value in (cluster.ENVIRONMENT | settings).items():
        monkeypatch.setenv(name, value)
    import ray
    from ray._private import ray_constants
    from ray.cluster_utils import Cluster

    monkeypatch.setattr(ray_constants, "ENABLE_RAY_CLUSTER", False)  # só 127.0.0.1
    head = {"num_cpus": 2, "resources": {"first": 1}, "include_dashboard": False}
    nodes = Cluster()
    try:
        for attempt in range(cluster.ATTEMPTS):
            try:
                nodes.add_node(**head)
                node = nodes.add_node(num_cpus=2)
                break
            except Exception:  # numa máquina ocupada, o nó desiste de si mesmo
                nodes.shutdown()
                if attempt == cluster.ATTEMPTS - 1:
                    raise
        ray.init(address=nodes.address, log_to_driver=False, logging_level="CRITICAL")
        yield lambda: nodes.remove_node(node, allow_graceful=False)
    finally:
        ray.shutdown()
        nodes.shutdown()
        shutil.rmtree(folder, ignore_errors=True)


def spread_config():
    """Um leitor em cada nó; o balcão, no primeiro."""
    config = cluster.read_config()
    application = config["applications"][0]
    gateway, reader, _ = application["deployments"]
    del reader["autoscaling_config"]
    reader |= {"num_replicas": 2, "max_replicas_per_node": 1}
    gateway["ray_actor_options"]["resources"] = {"first": 0.1}
    application |= {"args": {"canary": False}, "deployments": [gateway, reader]}
    return config


def test_a_node_that_vanishes_under_load_costs_nothing_to_who_tries_again(second):
    from ray import serve

    port = servers.free_port()
    serve.start(proxy_location="HeadOnly", http_options={"host": "127.0.0.1", "port": port})
    cluster.Cluster.deploy(spread_config())
    assert len(cluster.Cluster.replicas("Reader")) == 2  # um por nó: `max_replicas_per_node`
    with ThreadPoolExecutor(1) as pool:
        alone = threading.Event()
        patient = Patient(f"http://127.0.0.1:{port}/")
        load = pool.submit(patient.insist, alone.is_set)
        try:
            wait_for(lambda: patient.count["ok"] > 50)
            second()  # kill -9: o nó some, como uma máquina sem energia
            wait_for(lambda: len(cluster.Cluster.replicas("Reader")) == 1)
            before = patient.count["ok"]
            wait_for(lambda: patient.count["ok"] > before + 50)
        finally:
            alone.set()
    print(load.result())
    assert load.result()["lost"] == 0
