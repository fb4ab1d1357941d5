"""Um Google de bolso, para o SDK de verdade (`google-cloud-aiplatform`), que fala REST com ele.

`Model.upload` anota; `Model.deploy` inicia o contêiner, com as rotas escolhidas; `Endpoint.predict` vai até ele,
se o corpo passa na porta. As formas são as de google/cloud/aiplatform/v1; a frase da recusa por tamanho é a que os
usuários da Vertex AI contam.
"""

import json
import threading
import uuid

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
        self.containers = {}  # os contêineres no ar, pelo nome do endpoint
        self.found = {}  # o que foi criado, pelo nome

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
        # /v1/projects/P/locations/L/models/N@1:verbo; as operações, o SDK as procura em /ui/
        path, _, verb = request.path.partition(":")
        parts = path.partition("@")[0].split("/")[2:]
        place = "/".join(parts)
        if request.method == "GET" and len(parts) == 6:
            return self._one(place)
        action = getattr(self, f"_{request.method}_{''.join(parts[4:5])}_{verb}".lower(), None)
        if action is None:
            abort(501, f"{request.method} {request.path} não é simulado neste Google de bolso.")
        limit = VERTEX_BODY_BYTES if verb == "predict" else ground.CONTROL_BYTES
        body = ground.read_body(request, limit)
        if body is None:
            size = request.content_length
            abort(400, f"The request size ({size} bytes) exceeds {limit / 1e6:.3f}MB limit.")
        return action(place, body)

    def _one(self, name):
        return self.found.get(name) or abort(404, f"{name} não existe neste Google de bolso.")

    def _keep(self, kind, place, fields):
        name = f"{'/'.join(place.split('/')[:4])}/{kind}/{_number()}"
        return self.found.setdefault(name, {"name": name} | fields)

    def _done(self, place, kind, fields=()):
        """Uma operação que já terminou, com uma mensagem do tipo `kind`."""
        return self._keep("operations", place, {"done": True, "response": {"@type": kind} | dict(fields)})

    def _post_models_upload(self, place, body):
        model = self._keep("models", place, json.loads(body)["model"] | BORN | MODEL)
        return self._done(place, V1 + "UploadModelResponse", {"model": model["name"], "modelVersionId": "1"})

    def _post_endpoints_(self, place, body):
        return self._done(place, V1 + "Endpoint", self._keep("endpoints", place, json.loads(body) | BORN))

    def _post_endpoints_deploymodel(self, name, body):
        """A operação termina quando a rota de saúde responde 200, ou com o motivo da falha."""
        endpoint, deployed = self._one(name), json.loads(body)["deployedModel"]
        model = self._one(deployed["model"].partition("@")[0])
        if name in self.containers:
            abort(501, "Dois modelos no mesmo endpoint: não é simulado neste Google de bolso.")
        self.containers[name] = None  # um lugar guardado, até ele ficar pronto
        operation = self._keep("operations", name, {"done": False})
        deployed |= {"id": _number(), "model": model["name"], "modelVersionId": "1"}

        def start():
            environment = _variables(model)
            try:
                self.containers[name] = servers.start_container(environment, ready=environment["AIP_HEALTH_ROUTE"])
            except servers.ServerError as error:
                del self.containers[name]
                message = f"Model server never became ready: {error}"
                operation.update(done=True, error={"code": 9, "message": message})  # FAILED_PRECONDITION
            else:
                endpoint.update(deployedModels=[deployed], trafficSplit={deployed["id"]: 100})
                response = {"@type": V1 + "DeployModelResponse", "deployedModel": deployed}
                operation.update(done=True, response=response)

        threading.Thread(target=start, daemon=True).start()
        return operation

    def _post_endpoints_undeploymodel(self, name, body):
        self._deployed(name)
        self._one(name).update(deployedModels=[], trafficSplit={})
        self.containers.pop(name).stop()
        return self._done(name, V1 + "UndeployModelResponse")

    def _delete_endpoints_(self, name, body):
        if self._one(name) and name in self.containers:
            abort(400, f"{name} ainda tem um modelo no ar: tire-o antes, ou use delete(force=True).")
        del self.found[name]
        return self._done(name, "type.googleapis.com/google.protobuf.Empty")

    _delete_models_ = _delete_endpoints_

    def _post_endpoints_predict(self, name, body):
        deployed, container = self._deployed(name), self.containers[name]
        route = _variables(self._one(deployed["model"]))["AIP_PREDICT_ROUTE"]
        try:
            status, _, content = ground.ask(container, route, body, "application/json", PREDICT_S)
        except ground.NoAnswerError as error:
            abort(500, str(error))
        if status != 200:
            abort(400 if status < 500 else 500, content.decode("utf-8", errors="replace"))
        return json.loads(content) | {"deployedModelId": deployed["id"], "model": deployed["model"]}

    def _deployed(self, name):
        """O modelo no ar no endpoint `name`."""
        found = self._one(name).get("deployedModels")
        return found[0] if found else abort(400, f"{name} não tem modelo no ar.")


def _variables(model):
    """As variáveis de ambiente que a Vertex AI define para o contêiner de `model`, o que `Model.upload` enviou."""
    spec = model["containerSpec"]
    routes = {
        "AIP_HEALTH_ROUTE": spec.get("healthRoute", "/ping"),
        "AIP_PREDICT_ROUTE": spec.get("predictRoute", "/invocations"),
    }
    storage = {"AIP_STORAGE_URI": model["artifactUri"]} if "artifactUri" in model else {}
    return {item["name"]: item["value"] for item in spec.get("env", [])} | routes | storage


def _number():
    return str(uuid.uuid4().int % 10**18)


def create_app():
    """A aplicação: `servers.start("course_utils.pocket_cloud.google:create_app", server="werkzeug")`."""
    return PocketGoogle()
