"""O leitor de CEP no Ray Serve, no que se confere sem Ray: os dois arquivos YAML e a frase de quem não o tem."""

import sys
from types import SimpleNamespace

import pytest
import yaml
from needs import need

from course_utils.model import artifacts
from course_utils.serving.ray_app import cluster

MANIFEST = cluster.CONFIG.with_name("kuberay.yaml")


def test_the_config_listens_only_here_and_serves_models_that_exist():
    config = cluster.read_config()
    assert config["http_options"]["host"] == "127.0.0.1"
    pieces = config["applications"][0]["deployments"]
    readers = [item["user_config"] for item in pieces if item["name"] != "Gateway"]
    assert [reader["version"] for reader in readers] == ["1", "2"]
    for reader in readers:
        artifacts.verify(artifacts.ROOT / reader["model"])


def test_the_manifest_deploys_the_same_applications():
    manifest = yaml.safe_load(MANIFEST.read_text(encoding="utf-8"))
    embedded = yaml.safe_load(manifest["spec"]["serveConfigV2"])
    assert embedded["applications"] == cluster.read_config()["applications"]
    pins = (artifacts.ROOT / "requirements-ray.txt").read_text(encoding="utf-8").split()
    assert f"ray[serve]=={manifest['spec']['rayClusterConfig']['rayVersion']}" in pins


@pytest.mark.slow
def test_the_manifest_obeys_the_schemas_of_ray_and_of_kubernetes():
    """A configuração de dentro, a do Ray; os Pods, a do Kubernetes. A de config.yaml, o laboratório a confere."""
    need("ray")
    need("kubernetes_validate")
    import kubernetes_validate
    from ray.serve.schema import ServeDeploySchema

    manifest = yaml.safe_load(MANIFEST.read_text(encoding="utf-8"))["spec"]
    ServeDeploySchema.model_validate(yaml.safe_load(manifest["serveConfigV2"]))
    groups = manifest["rayClusterConfig"]
    for group in (groups["headGroupSpec"], *groups["workerGroupSpecs"]):
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x"}, "spec": group["template"]["spec"]}
        kubernetes_validate.validate(pod, "1.37", strict=True)


@pytest.mark.parametrize(("alive", "ended"), [("este", 1), ("o novo", 0)])
def test_a_cluster_ends_itself_and_not_the_one_that_took_its_place(monkeypatch, alive, ended):
    """A célula, refeita: o objeto que sai é solto depois de o novo cluster estar no ar."""
    calls = []
    ray = SimpleNamespace(
        is_initialized=lambda: True, shutdown=lambda: calls.append("fim"),
        get_runtime_context=lambda: SimpleNamespace(gcs_address=alive),
    )  # fmt: skip
    monkeypatch.setitem(sys.modules, "ray", ray)
    cluster.Cluster(8000, "este", SimpleNamespace(communicate=lambda: calls.append("vigia"))).stop()
    assert calls == ["fim"] * ended + ["vigia"]


def test_without_ray_one_sentence_says_how_to_get_it(monkeypatch):
    monkeypatch.setattr(cluster, "find_spec", lambda name: None)
    with pytest.raises(cluster.ClusterError, match="python -m course_utils --extra"):
        cluster.start()
