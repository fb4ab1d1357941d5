"""Um Google de bolso, para o SDK de verdade (`google-cloud-aiplatform`), que fala REST com ele.

`Model.upload` anota; `Model.deploy` inicia o contêiner, com as rotas escolhidas; `Endpoint.predict` vai até ele,
se o corpo passa na porta. As formas são as de google/cloud/aiplatform/v1; a frase da recusa por tamanho é a que os
usuários da Vertex AI contam. Toda operação já chega terminada: o SDK espera a resposta, e não pergunta de novo.
"""

import json
import uuid

import requests
from werkzeug.exceptions import HTTPException, abort
from werkzeug.wrappers import Request, Response

from course_utils.classroom import servers
from course_utils.pocket_cloud import ground
from course_utils.serving.cloud import VERTEX_BODY_BYTES

PREDICT_S = 60.0  # o prazo de um endpoint compartilhado
STATUS = {400: "FAILED_PRECONDITION", 404: "NOT_FOUND", 500: "INTERNAL", 501: "UNIMPLEMENTED"}
V1 = "type.googleapis.com/google.cloud.aiplatform.v1."
BORN = {"createTime": "2026-11-27T12:00:00Z"}  # sem data, o SDK buscaria de novo o que acabou de apagar
MODEL = {"supportedDeploymentResourcesTypes": ["DEDICATED_RESOURCES"], "versionId": "1"}


class PocketGoogle:
    """Aplicação WSGI."""

    def __init__(self):
        ground.prepare()
        self.found = {}  # o que foi criado, pelo nome
        self.live = {}  # o que está no ar, pelo nome do endpoint: (contêiner, endereço da rota, o modelo nela)

    def __call__(self, environ, start_response):
        try:
            status, answer = 200, self._answer(Request(environ))
        except HTTPException as error:  # no SDK: BadRequest, NotFound, MethodNotImplemented…
            status = error.code
            answer = {"error": {"code": status, "status": STATUS[status], "message": error.description}}
        return Response(json.dumps(answer), status, content_type="application/json")(environ, start_response)

    def _answer(self, request):
        """O corpo da resposta, como objeto. Levanta `HTTPException`."""
        if request.path == "/health/ready":
            return {}
        path, _, verb = request.path.partition(":")  # /v1/projects/P/locations/L/models/N@1:verbo
        parts = path.partition("@")[0].split("/")[2:]
        place, kind, name = "/".join(parts[:4]), "".join(parts[4:5]), "/".join(parts)
        if parts[5:] and name not in self.found:
            abort(404, f"{name} não existe neste Google de bolso.")
        if request.method == "GET" and parts[5:]:
            return self.found[name]
        action = getattr(self, f"_{request.method}_{kind}_{verb}".lower(), None)
        if action is None:
            abort(501, f"{request.method} {request.path} não é simulado neste Google de bolso.")
        limit = VERTEX_BODY_BYTES if verb == "predict" else ground.CONTROL_BYTES
        body = ground.read_body(request, limit)
        if body is None:
            size = request.content_length
            abort(400, f"The request size ({size} bytes) exceeds {limit / 1e6:.3f}MB limit.")
        answer = action(name if parts[5:] else f"{place}/{kind}/{_number()}", json.loads(body or b"{}"))
        operation = {"name": f"{place}/operations/{_number()}", "done": True}
        return answer if verb == "predict" else operation | answer

    def _post_models_upload(self, name, asked):
        self.found[name] = {"name": name} | asked["model"] | BORN | MODEL
        return _response(V1 + "UploadModelResponse", model=name, modelVersionId="1")

    def _post_endpoints_(self, name, asked):
        self.found[name] = {"name": name} | asked | BORN
        return _response(V1 + "Endpoint", **self.found[name])

    def _post_endpoints_deploymodel(self, name, asked):
        """Volta quando a rota de saúde responde 200, ou com o motivo da falha."""
        if name in self.live:
            abort(501, "Dois modelos no mesmo endpoint: não é simulado neste Google de bolso.")
        deployed = asked["deployedModel"]
        asked_model = deployed["model"].partition("@")[0]
        model = self.found.get(asked_model) or abort(404, f"{asked_model} não existe neste Google de bolso.")
        variables = _variables(model)
        try:
            container = servers.start_container(variables, ready=variables["AIP_HEALTH_ROUTE"])
        except servers.ServerError as error:
            return {"error": {"code": 9, "message": f"Model server never became ready: {error}"}}
        deployed |= {"id": _number(), "model": model["name"], "modelVersionId": "1"}
        self.live[name] = container, container.url + variables["AIP_PREDICT_ROUTE"].lstrip("/"), deployed
        self.found[name].update(deployedModels=[deployed], trafficSplit={deployed["id"]: 100})
        return _response(V1 + "DeployModelResponse", deployedModel=deployed)

    def _post_endpoints_undeploymodel(self, name, asked):
        container, _, _ = self._require_live(name)
        self.found[name].update(deployedModels=[], trafficSplit={})
        del self.live[name]
        container.stop()
        return _response(V1 + "UndeployModelResponse")

    def _delete_endpoints_(self, name, asked):
        if name in self.live:
            abort(400, f"{name} ainda tem um modelo no ar: tire-o antes, ou use delete(force=True).")
        del self.found[name]
        return _response("type.googleapis.com/google.protobuf.Empty")

    _delete_models_ = _delete_endpoints_

    def _post_endpoints_predict(self, name, asked):
        _, url, deployed = self._require_live(name)
        try:
            answer = requests.post(url, json=asked, timeout=PREDICT_S)
        except requests.RequestException:
            abort(500, "O contêiner não respondeu.")
        if not answer.ok:
            abort(400 if answer.status_code < 500 else 500, answer.content.decode("utf-8", errors="replace"))
        return answer.json() | {"deployedModelId": deployed["id"], "model": deployed["model"]}

    def _require_live(self, name):
        return self.live.get(name) or abort(400, f"{name} não tem modelo no ar.")


def _variables(model):
    """As variáveis de ambiente que a Vertex AI define para o contêiner de `model`, o que `Model.upload` enviou."""
    spec = model["containerSpec"]
    routes = {
        "AIP_HEALTH_ROUTE": spec.get("healthRoute", "/ping"),
        "AIP_PREDICT_ROUTE": spec.get("predictRoute", "/invocations"),
    }
    storage = {"AIP_STORAGE_URI": model["artifactUri"]} if "artifactUri" in model else {}
    return {item["name"]: item["value"] for item in spec.get("env", [])} | routes | storage


def _response(kind, **fields):
    """O fim de uma operação: uma mensagem do tipo `kind`."""
    return {"response": {"@type": kind} | fields}


def _number():
    return str(uuid.uuid4().int % 10**18)


def create_app():
    """A aplicação: `servers.start("course_utils.pocket_cloud.google:create_app", server="werkzeug")`."""
    return PocketGoogle()
