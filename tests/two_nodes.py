"""O que `test_ray_nodes` executa na rede do primeiro nó: põe o leitor nos dois e serve sob carga enquanto um cai.

Conta ao teste o que vê, em linhas de JSON.
"""

import collections
import json
import sys
import time

import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from course_utils.model import digits
from course_utils.serving.ray_app import cluster

PORT = 8000
URL = f"http://127.0.0.1:{PORT}/predict"


class Patient:
    """Um cliente que repete o que falha, e conta, em `count`, o que teve: "ok", "lost" e "retries"."""

    def __init__(self):
        self.session, self.count = requests.Session(), collections.Counter()
        options = {"status_forcelist": [500, 503, 504], "allowed_methods": None, "raise_on_status": False}
        again = Retry(total=20, backoff_factor=0.2, backoff_max=2, **options)
        self.session.mount("http://", HTTPAdapter(max_retries=again))
        self.image = digits.load("test")[0][:1].tobytes()

    def ask(self, url):
        headers = {"Content-Type": "application/octet-stream"}
        response = self.session.post(url, self.image, headers=headers, timeout=30)
        self.count["ok" if response.ok else "lost"] += 1
        self.count["retries"] += len(response.raw.retries.history)


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


def nodes():
    """Os endereços dos nós com um leitor atendendo."""
    return sorted(item["node_ip"] for item in cluster.replicas("Reader"))


def main(address):
    import ray
    from ray import serve

    ray.init(address=address, log_to_driver=False, logging_level="CRITICAL")
    limit = time.monotonic() + 120
    while sum(node["Alive"] for node in ray.nodes()) < 2 and time.monotonic() < limit:
        time.sleep(0.2)
    serve.start(proxy_location="HeadOnly", http_options={"host": "127.0.0.1", "port": PORT})
    cluster.deploy(spread_config())
    print(json.dumps({"nodes": nodes()}), flush=True)
    patient, began, alone = Patient(), time.monotonic(), None
    while time.monotonic() - began < 60 and (alone is None or time.monotonic() - alone < 2):
        patient.ask(URL)
        if patient.count["ok"] == 50:
            print(json.dumps({"answered": 50}), flush=True)  # o teste derruba o segundo nó agora
        if alone is None and patient.count["ok"] > 50 and len(nodes()) == 1:
            alone = time.monotonic()
    print(json.dumps({"nodes": nodes()} | patient.count), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
