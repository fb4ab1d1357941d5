"""O leitor de CEP no Ray Serve, no que se confere sem Ray: os dois arquivos YAML e a frase de quem não o tem."""

import pytest
import yaml
from needs import need

from course_utils.model import artifacts
from course_utils.serving.ray_app import cluster
from course_utils.serving.service import MAX_PENDING

MANIFEST = cluster.CONFIG.with_name("kuberay.yaml")


def pieces(config):
    return {item["name"]: item for item in config["applications"][0]["deployments"]}


def test_the_config_listens_only_here_and_serves_models_that_exist():
    config = cluster.read_config()
    assert config["http_options"]["host"] == "127.0.0.1"
    readers = [item["user_config"] for name, item in pieces(config).items() if name != "Gateway"]
    assert [reader["version"] for reader in readers] == ["1", "2"]
    for reader in readers:
        artifacts.verify(artifacts.ROOT / reader["model"])


def test_it_is_the_application_that_refuses_and_not_the_proxy():
    gateway = pieces(cluster.read_config())["Gateway"]
    assert gateway["max_ongoing_requests"] > MAX_PENDING and "max_queued_requests" not in gateway


def test_the_manifest_deploys_the_same_applications():
    manifest = yaml.safe_load(MANIFEST.read_text(encoding="utf-8"))
    embedded = yaml.safe_load(manifest["spec"]["serveConfigV2"])
    assert embedded["applications"] == cluster.read_config()["applications"]
    pins = (artifacts.ROOT / "requirements-ray.txt").read_text(encoding="utf-8").split()
    assert f"ray[serve]=={manifest['spec']['rayClusterConfig']['rayVersion']}" in pins


@pytest.mark.slow
def test_both_files_obey_the_schema_of_ray():
    need("ray")
    from pydantic import ValidationError
    from ray.serve.schema import ServeDeploySchema

    manifest = yaml.safe_load(MANIFEST.read_text(encoding="utf-8"))
    for config in (cluster.read_config(), yaml.safe_load(manifest["spec"]["serveConfigV2"])):
        ServeDeploySchema.model_validate(config)
        pieces(config)["Reader"]["max_ongoing_requests"] = "muitos"
        with pytest.raises(ValidationError):
            ServeDeploySchema.model_validate(config)


@pytest.mark.slow
@pytest.mark.parametrize("version", ["1.32", "1.37"])
def test_the_pods_of_the_manifest_obey_the_schema_of_kubernetes(version):
    need("kubernetes_validate")
    import kubernetes_validate

    groups = yaml.safe_load(MANIFEST.read_text(encoding="utf-8"))["spec"]["rayClusterConfig"]
    for group in (groups["headGroupSpec"], *groups["workerGroupSpecs"]):
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x"}, "spec": group["template"]["spec"]}
        kubernetes_validate.validate(pod, version, strict=True)
        pod["spec"]["containers"][0]["imagem"] = "x"
        with pytest.raises(kubernetes_validate.ValidationError):
            kubernetes_validate.validate(pod, version, strict=True)


def test_without_ray_one_sentence_says_how_to_get_it(monkeypatch):
    monkeypatch.setattr(cluster, "find_spec", lambda name: None)
    with pytest.raises(cluster.ClusterError, match="python -m course_utils --extra"):
        cluster.start()
