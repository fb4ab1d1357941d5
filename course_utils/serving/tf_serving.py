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
from fastapi import Depends, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Discriminator, Field, Tag

from course_utils.serving import asgi, tensors
from course_utils.serving.contract import ContractError
from course_utils.serving.schemas import MAX_IMAGES
from course_utils.serving.service import Service, model_path
from course_utils.serving.store import find_versions

SIGNATURE = "serving_default"
TYPES = {"UINT8": "DT_UINT8", "INT64": "DT_INT64", "FP32": "DT_FLOAT"}
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
EXAMPLE = {"signature_name": SIGNATURE, "instances": [tensors.EXAMPLE]}


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


def create_app(model=None, **limits):
    """Aplicação ASGI do contrato. `model`: pasta de versões ou arquivo ONNX (padrão: `model_path()`).

    `limits`: `max_pending` e `deadline_s` do `Service`.
    """
    path = model or model_path()
    service = Service(path, **limits)
    options = {"title": "Leitor de CEP: contrato do TensorFlow Serving"}
    app = asgi.new_app(service, write_error=tensors.write_error, **options)

    async def refuse(request: Request):
        raise _malformed(request)

    app.get("/v1/{place:path}:{verb}", include_in_schema=False)(refuse)  # primeiro: "digits:predict" não é um nome
    for place, version in tensors.PLACES:
        _add_routes(app, service, path, f"/v1{place}", version)
    app.api_route("/v1/{rest:path}", methods=METHODS, include_in_schema=False)(refuse)
    return app


def _add_routes(app, service, path, place, version):
    """As três rotas de um lugar: o modelo, ou uma versão dele."""
    asked_version = Annotated[str | None, Depends(version)]
    options = {"responses": tensors.ERRORS, "tags": ["TensorFlow Serving"]}

    @app.get(place, summary="Em que estado está o modelo?", **options)
    async def status(asked: asked_version):
        return {"model_version_status": [_status(service, path, asked)]}

    @app.get(f"{place}/metadata", summary="O que o modelo recebe e devolve?", **options)
    async def metadata(asked: asked_version):
        spec = {"name": tensors.MODEL, "signature_name": "", "version": tensors.served_version(service, asked)}
        return {"model_spec": spec, "metadata": {"signature_def": {"signature_def": {SIGNATURE: _signature()}}}}

    body = tensors.body_schema(PredictRequest, EXAMPLE)

    @app.post(f"{place}:predict", summary="Lê de 1 a 32 dígitos", openapi_extra=body, **options)
    async def predict(request: Request, asked: asked_version):
        with service.admit():
            tensors.served_version(service, asked)
            received = tensors.read(PredictRequest, await asgi.read_body(request))
            answer = await asgi.infer(service, received.images())
        tensors.require(asked, answer["model_version"])  # a versão pode ter sido trocada no meio do caminho
        rows = answer["predictions"]
        if received.instances is not None:
            return JSONResponse({"predictions": rows})
        columns = {tensor.name: [row[tensor.name] for row in rows] for tensor in tensors.OUTPUTS}
        return JSONResponse({"outputs": columns})


def _status(service, path, asked):
    """Um `ModelVersionStatus`: LOADING enquanto carrega, AVAILABLE no ar, END se nenhuma versão serve."""
    store, failure = service.store, service.failure
    version = store.current.version if store else next((number for number, _ in find_versions(path)), "0")
    state = "AVAILABLE" if store else "END" if failure else "LOADING"
    status = {"error_code": "DATA_LOSS" if failure else "OK", "error_message": failure or ""}
    return {"version": tensors.require(asked, version), "state": state, "status": status}


def _signature():
    """O `SignatureDef` em JSON; os números de 64 bits são textos, como o protobuf os escreve."""

    def describe(tensor, name):
        dimensions = [{"size": str(size), "name": ""} for size in tensor.shape]
        shape = {"dim": dimensions, "unknown_rank": False}
        return {tensor.name: {"dtype": TYPES[tensor.datatype], "tensor_shape": shape, "name": name}}

    (images,), (digit, probabilities) = tensors.INPUTS, tensors.OUTPUTS
    inputs = describe(images, f"{SIGNATURE}_images:0")  # os nomes que o Keras dá aos tensores do grafo
    outputs = describe(digit, "StatefulPartitionedCall:0") | describe(probabilities, "StatefulPartitionedCall:1")
    return {"inputs": inputs, "outputs": outputs, "method_name": "tensorflow/serving/predict", "defaults": {}}


def _malformed(request):
    """O 400 de um caminho, um verbo ou um método que não é deste contrato."""
    path, hint = request.url.path, "as rotas são GET /v1/models/digits, GET …/metadata e POST …:predict"
    if path.endswith((":classify", ":regress")):
        hint = "a assinatura deste modelo é de :predict"
    elif "/labels/" in path:
        hint = "não há rótulos; peça a versão por número, em /versions/"
    return ContractError(400, f"Requisição malformada: {request.method} {path[:80]}; {hint}.")
