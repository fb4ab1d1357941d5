"""O contrato REST do TensorFlow Serving, sobre o `Service` do curso.

Fontes: "RESTful API" (github.com/tensorflow/serving, tensorflow_serving/g3doc/api_rest.md; publicada em
tensorflow.org/tfx/serving/api_rest) e, no que a página não diz, o código do mesmo repositório: os códigos HTTP
(model_servers/http_server.cc), os caminhos (http_rest_api_util.cc), a leitura do corpo (util/json_tensor.cc) e os
estados (apis/get_model_status.proto).

Serve a maior versão da pasta, como o TensorFlow Serving faz por padrão. Com um SavedModel ao lado do arquivo ONNX
em `1/`, `2/`, …, a mesma pasta vai para o servidor de verdade (g3doc/docker.md):

    docker run --rm -p 8501:8501 -v "$PWD/PASTA:/models/digits" -e MODEL_NAME=digits tensorflow/serving

O que difere dele: só uma versão é listada e servida de cada vez, não há rótulos (`/labels/…`), `:classify` nem
`:regress`, as mensagens estão em português, e há limites (1 MiB, 32 imagens, fila, prazo).
"""

from typing import Annotated, Literal

import numpy as np
from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, Discriminator, Field, Tag

from course_utils.serving import asgi, tensors
from course_utils.serving.contract import ContractError
from course_utils.serving.schemas import MAX_IMAGES
from course_utils.serving.service import Service
from course_utils.serving.store import find_versions

SIGNATURE = "serving_default"
TYPES = {"UINT8": "DT_UINT8", "INT64": "DT_INT64", "FP32": "DT_FLOAT"}
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


def _kind(value):
    """Com o nome da entrada ("objeto") ou sem ele ("lista")? No formato de linhas, o primeiro item decide."""
    first = value[0] if isinstance(value, list) and value else value
    return "objeto" if isinstance(first, dict) else "lista"


Row = Annotated[dict[Literal["images"], tensors.Image], Field(min_length=1)]
Rows = Annotated[list[Row], Field(min_length=1, max_length=MAX_IMAGES, fail_fast=True), Tag("objeto")]
Columns = Annotated[dict[Literal["images"], tensors.Images], Field(min_length=1), Tag("objeto")]
Plain = Annotated[tensors.Images, Tag("lista")]


class PredictRequest(BaseModel):
    """O corpo de `:predict`: linhas (`instances`) ou colunas (`inputs`), nunca as duas."""

    signature_name: str = SIGNATURE
    instances: Annotated[Plain | Rows, Discriminator(_kind)] | None = None
    inputs: Annotated[Plain | Columns, Discriminator(_kind)] | None = None

    def images(self):
        """As imagens, uint8 (n, 28, 28). Levanta `ContractError` 400."""
        if self.signature_name not in ("", SIGNATURE):
            raise ContractError(400, f"A assinatura {self.signature_name[:40]!r} não existe; use {SIGNATURE!r}.")
        if (self.instances is None) == (self.inputs is None):
            raise ContractError(400, "Esperava 'instances' (linhas) ou 'inputs' (colunas), e só uma das duas.")
        if self.instances is not None:
            rows = [item["images"] if isinstance(item, dict) else item for item in self.instances]
        else:
            rows = self.inputs["images"] if isinstance(self.inputs, dict) else self.inputs
        return np.array(rows, np.uint8)


def create_app(model=None):
    """Aplicação ASGI do contrato. `model`: pasta de versões ou arquivo ONNX (padrão: `model_path()`)."""
    service = Service(model)
    app = asgi.new_app(
        service, title="Leitor de CEP: contrato do TensorFlow Serving", write_error=tensors.write_error
    )
    router = APIRouter(tags=["TensorFlow Serving"], dependencies=[Depends(require_model)])

    async def require_version(version: str):
        """Levanta o 404 se o caminho pede uma versão que não é a do ar (nem a que está sendo carregada)."""
        require(version, _current(service))

    @router.get("", summary="Em que estado está o modelo?")
    async def status():
        return {"model_version_status": [_status(service)]}

    @router.get("/metadata", summary="O que o modelo recebe e devolve?")
    async def metadata():
        service.require_ready()
        spec = {"name": tensors.MODEL, "signature_name": "", "version": service.store.current.version}
        return {"model_spec": spec, "metadata": {"signature_def": {"signature_def": {SIGNATURE: _signature()}}}}

    @router.post(":predict", summary="Lê de 1 a 32 dígitos")
    async def predict(request: Request):
        with service.admit():
            received = tensors.read(PredictRequest, await asgi.read_body(request))
            answer = await asgi.infer(service, received.images())
        # A versão no ar pode ter sido trocada enquanto o corpo chegava.
        require(request.path_params.get("version", answer["model_version"]), answer["model_version"])
        rows = answer["predictions"]
        if received.instances is not None:
            return {"predictions": rows}
        return {"outputs": {name: [row[name] for row in rows] for name in tensors.OUTPUTS}}

    async def refuse(request: Request):
        raise _malformed(request)

    app.get("/v1/{place:path}:{verb}", include_in_schema=False)(refuse)  # primeiro: "digits:predict" não é um nome
    app.include_router(router, prefix="/v1/models/{model}")
    versioned = "/v1/models/{model}/versions/{version}"
    app.include_router(router, prefix=versioned, dependencies=[Depends(require_version)])
    app.api_route("/v1/{rest:path}", methods=METHODS, include_in_schema=False)(refuse)
    return app


async def require_model(model: str):
    """Levanta o 404 se o caminho pede outro modelo."""
    if model != tensors.MODEL:
        raise ContractError(404, f"Não há um modelo chamado {model[:80]!r}; este servidor só tem o digits.")


def require(asked, version):
    """Levanta o 404 se a versão pedida não é `version`."""
    if asked != version:
        detail = f"A versão {asked[:20]!r} de {tensors.MODEL!r} não está no ar; a versão no ar é a {version}."
        raise ContractError(404, detail)


def _current(service):
    """A versão no ar; antes dela, a maior da pasta, que está sendo carregada."""
    if service.store:
        return service.store.current.version
    return next((number for number, _ in find_versions(service.path)), "0")


def _status(service):
    """Um `ModelVersionStatus`: LOADING enquanto carrega, AVAILABLE no ar."""
    state = "AVAILABLE" if service.store else "LOADING"
    return {"version": _current(service), "state": state, "status": {"error_code": "OK", "error_message": ""}}


def _signature():
    """O `SignatureDef` em JSON; os números de 64 bits são textos, como o protobuf os escreve."""

    def describe(group, place):
        found = {}
        for number, (tensor, (kind, sizes)) in enumerate(group.items()):
            shape = {"dim": [{"size": str(size), "name": ""} for size in sizes], "unknown_rank": False}
            found[tensor] = {"dtype": TYPES[kind], "tensor_shape": shape, "name": f"{place}:{number}"}
        return found

    # os nomes que o Keras dá aos nós do grafo
    inputs = describe(tensors.INPUTS, f"{SIGNATURE}_images")
    outputs = describe(tensors.OUTPUTS, "StatefulPartitionedCall")
    return {"inputs": inputs, "outputs": outputs, "method_name": "tensorflow/serving/predict", "defaults": {}}


def _malformed(request):
    """O 400 de um caminho, um verbo ou um método que não é deste contrato."""
    routes = "GET /v1/models/digits, GET …/metadata e POST …:predict, também sob /versions/NÚMERO"
    detail = f"Requisição malformada: {request.method} {request.url.path[:80]}; as rotas são {routes}."
    return ContractError(400, detail)
