"""O contrato REST do TensorFlow Serving, sobre o `Service` do curso.

Fontes: "RESTful API" (tensorflow.org/tfx/serving/api_rest) e, no que a página não diz, o código em
github.com/tensorflow/serving: os códigos HTTP (model_servers/http_server.cc), os caminhos
(http_rest_api_util.cc), a leitura do corpo (util/json_tensor.cc) e os estados (apis/get_model_status.proto).

Serve a maior versão da pasta, como ele faz por padrão. Com um SavedModel ao lado do arquivo ONNX em `1/`, `2/`, …,
a mesma pasta vai para o servidor de verdade (g3doc/docker.md):

    docker run --rm -p 8501:8501 -v "$PWD/PASTA:/models/digits" -e MODEL_NAME=digits tensorflow/serving

O que difere dele: uma versão de cada vez, sem rótulos (`/labels/…`), `:classify` nem `:regress`; as mensagens em
português; e limites (1 MiB, 32 imagens, fila, prazo).
"""

from typing import Annotated, Literal

import numpy as np
from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, BeforeValidator

from course_utils.serving import asgi, tensors
from course_utils.serving.contract import ContractError
from course_utils.serving.service import Service
from course_utils.serving.store import find_versions

SIGNATURE = "serving_default"
TYPES = {"UINT8": "DT_UINT8", "INT64": "DT_INT64", "FP32": "DT_FLOAT"}
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
ROUTES = "GET /v1/models/digits, GET …/metadata e POST …:predict, também sob /versions/NÚMERO"


def _is_named(value):
    return isinstance(value, dict) and value.keys() == {"images"}


def _unwrap_rows(value):
    """`[{"images": imagem}, …]` → `[imagem, …]`; o nome da entrada vai em todas as linhas, ou em nenhuma."""
    return [row["images"] for row in value] if isinstance(value, list) and all(map(_is_named, value)) else value


def _unwrap_columns(value):
    """`{"images": [imagem, …]}` → `[imagem, …]`."""
    return value["images"] if _is_named(value) else value


class PredictRequest(BaseModel):
    """O corpo de `:predict`: linhas (`instances`) ou colunas (`inputs`), nunca as duas."""

    signature_name: Literal["serving_default", ""] = SIGNATURE
    instances: Annotated[tensors.Images, BeforeValidator(_unwrap_rows)] | None = None
    inputs: Annotated[tensors.Images, BeforeValidator(_unwrap_columns)] | None = None

    def images(self):
        """As imagens, uint8 (n, 28, 28). Levanta `ContractError` 400."""
        if (self.instances is None) == (self.inputs is None):
            raise ContractError(400, "Esperava 'instances' (linhas) ou 'inputs' (colunas), e só uma das duas.")
        return np.array(self.instances or self.inputs, np.uint8)


def create_app(model=None):
    """Aplicação ASGI do contrato. `model`: pasta de versões ou arquivo ONNX (padrão: a variável AULA_MODEL)."""
    service = Service(model)
    app = asgi.new_app(service, title="Leitor de CEP: contrato do TensorFlow Serving", **tensors.ERRORS)
    router = APIRouter(tags=["TensorFlow Serving"], dependencies=[Depends(require_model)])

    def current():
        """A versão no ar; antes dela, a maior da pasta, que está sendo carregada."""
        if service.store:
            return service.store.current.version
        return next((number for number, _ in find_versions(service.path)), "0")

    async def require_version(version: str):
        require(version, current())

    @router.get("", summary="Em que estado está o modelo?")
    async def status():
        state, fine = "AVAILABLE" if service.store else "LOADING", {"error_code": "OK", "error_message": ""}
        return {"model_version_status": [{"version": current(), "state": state, "status": fine}]}

    @router.get("/metadata", summary="O que o modelo recebe e devolve?")
    async def metadata():
        service.require_ready()
        spec = {"name": tensors.MODEL, "signature_name": "", "version": current()}
        return {"model_spec": spec, "metadata": {"signature_def": {"signature_def": {SIGNATURE: describe()}}}}

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
        asked = f"{request.method} {request.url.path[:80]}"
        raise ContractError(400, f"Requisição malformada: {asked}; as rotas são {ROUTES}.")

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


def describe():
    """O `SignatureDef` em JSON; os números de 64 bits são textos, como o protobuf os escreve."""
    found = {"method_name": "tensorflow/serving/predict", "defaults": {}, "inputs": {}, "outputs": {}}
    keras = {"inputs": f"{SIGNATURE}_images", "outputs": "StatefulPartitionedCall"}  # os nomes dos nós do grafo
    for side, group in (("inputs", tensors.INPUTS), ("outputs", tensors.OUTPUTS)):
        for number, (name, (kind, sizes)) in enumerate(group.items()):
            shape = {"dim": [{"size": str(size), "name": ""} for size in sizes], "unknown_rank": False}
            found[side][name] = {"dtype": TYPES[kind], "tensor_shape": shape, "name": f"{keras[side]}:{number}"}
    return found
