"""O Open Inference Protocol v2 (REST), sobre o `Service` do curso.

É o contrato que Triton, KServe, Seldon e OpenVINO falam. Fontes: "HTTP/REST", em
github.com/kserve/open-inference-protocol (specification/protocol/inference_rest.md), e o OpenAPI ao lado dela
(open_inference_rest.yaml). Não há extensões: os tensores vão em JSON, e a "binary tensor data extension" do Triton
é recusada com uma frase que o diz. Pixels são inteiros: a especificação deixa ao servidor converter ou recusar.
"""

from math import prod
from typing import Annotated, Any, Literal

import numpy as np
from fastapi import Depends, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Discriminator, Field, Tag

from course_utils.model.predictor import SIDE
from course_utils.serving import asgi, tensors
from course_utils.serving.contract import ContractError
from course_utils.serving.schemas import INK, MAX_IMAGES, PIXELS, Pixel
from course_utils.serving.service import Service

SERVER = "leitor_de_cep"
PLATFORM = "onnx_onnxv1"  # um dos nomes da lista "Platforms" da especificação
BINARY_HEADER = "inference-header-content-length"
EXAMPLE = {
    "id": "42",
    "inputs": [{"name": "images", "shape": [1, SIDE, SIDE], "datatype": "UINT8", "data": list(INK)}],
    "outputs": [{"name": "digit"}],
}

Flat = Annotated[list[Pixel], Field(min_length=PIXELS, max_length=PIXELS * MAX_IMAGES, fail_fast=True)]
Parameters = dict[str, Any] | None  # aceitos e ignorados: a especificação não define nenhum


def _kind(data):
    """Os valores em fila ("lista"), ou aninhados como o tensor ("objeto")?"""
    return "objeto" if isinstance(data, list) and data and isinstance(data[0], list) else "lista"


class RequestInput(BaseModel):
    """O tensor de entrada, `$request_input` na especificação."""

    name: Literal["images"]
    shape: tuple[Annotated[int, Field(ge=1, le=MAX_IMAGES, strict=True)], Literal[SIDE], Literal[SIDE]]
    datatype: Literal["UINT8"]
    parameters: Parameters = None
    data: Annotated[Annotated[Flat, Tag("lista")] | Annotated[tensors.Images, Tag("objeto")], Discriminator(_kind)]


class RequestOutput(BaseModel):
    """Um tensor de saída pedido, `$request_output` na especificação."""

    name: Literal["digit", "probabilities"]
    parameters: Parameters = None


class InferenceRequest(BaseModel):
    """O corpo de `/infer`, `$inference_request` na especificação."""

    id: str | None = None
    parameters: Parameters = None
    inputs: Annotated[list[RequestInput], Field(min_length=1, max_length=1)]
    outputs: Annotated[list[RequestOutput], Field(max_length=len(tensors.OUTPUTS))] | None = None

    def images(self):
        """As imagens, uint8 (n, 28, 28). Levanta `ContractError` 400 se `data` não enche `shape`."""
        tensor = self.inputs[0]
        array = np.array(tensor.data, np.uint8)
        if array.size != prod(tensor.shape):
            detail = f"inputs[0].data: {array.size} valores não enchem a forma {list(tensor.shape)}."
            raise ContractError(400, detail)
        return array.reshape(tensor.shape)

    def wanted(self):
        """Os tensores de saída pedidos, na ordem do pedido; sem pedido, todos."""
        names = dict.fromkeys(output.name for output in self.outputs or [])
        known = {tensor.name: tensor for tensor in tensors.OUTPUTS}
        return [known[name] for name in names or known]


def create_app(model=None, **limits):
    """Aplicação ASGI do contrato. `model`: pasta de versões ou arquivo ONNX (padrão: `model_path()`).

    `limits`: `max_pending` e `deadline_s` do `Service`.
    """
    service = Service(model, **limits)
    options = {"title": "Leitor de CEP: Open Inference Protocol"}
    app = asgi.new_app(service, write_error=tensors.write_error, **options)

    @app.get("/v2/", include_in_schema=False)  # o OpenAPI da especificação escreve com a barra; o texto, sem
    @app.get("/v2", summary="Que servidor é este?", tags=["Open Inference"])
    async def server():
        return {"name": SERVER, "version": app.version, "extensions": []}

    @app.get("/v2/health/live", summary="O servidor está vivo?", tags=["Open Inference"])
    async def live():
        return {"live": True}

    @app.get("/v2/health/ready", summary="Os modelos estão prontos?", tags=["Open Inference"])
    async def ready():
        service.require_ready()
        return {"live": True, "ready": True}  # a especificação diz "live" também aqui; KServe diz "ready"

    for place, version in tensors.PLACES:
        _add_routes(app, service, f"/v2{place}", version)
    return app


def _add_routes(app, service, place, version):
    """As três rotas de um lugar: o modelo, ou uma versão dele."""
    asked_version = Annotated[str | None, Depends(version)]
    options = {"responses": tensors.ERRORS, "tags": ["Open Inference"]}

    @app.get(place, summary="O que o modelo recebe e devolve?", **options)
    async def metadata(asked: asked_version):
        versions = [tensors.served_version(service, asked)]
        inputs, outputs = ([tensor._asdict() for tensor in group] for group in (tensors.INPUTS, tensors.OUTPUTS))
        about = {"name": tensors.MODEL, "versions": versions, "platform": PLATFORM}
        return about | {"inputs": inputs, "outputs": outputs}

    @app.get(f"{place}/ready", summary="O modelo está pronto?", **options)
    async def ready(asked: asked_version):
        tensors.served_version(service, asked)
        return {"name": tensors.MODEL, "ready": True}

    body = tensors.body_schema(InferenceRequest, EXAMPLE)

    @app.post(f"{place}/infer", summary="Lê de 1 a 32 dígitos", openapi_extra=body, **options)
    async def infer(request: Request, asked: asked_version):
        if BINARY_HEADER in request.headers:
            raise ContractError(400, "Tensores binários são uma extensão que este servidor não tem: use JSON.")
        with service.admit():
            tensors.served_version(service, asked)
            received = tensors.read(InferenceRequest, await asgi.read_body(request))
            answer = await asgi.infer(service, received.images())
        version = tensors.require(asked, answer["model_version"])  # pode ter sido trocada no meio do caminho
        about = {"model_name": tensors.MODEL, "model_version": version}
        about |= {} if received.id is None else {"id": received.id}
        outputs = [_output(tensor, answer["predictions"]) for tensor in received.wanted()]
        return JSONResponse(about | {"outputs": outputs})


def _output(tensor, rows):
    """Um `$response_output`: os valores em fila, linha a linha."""
    data = np.array([row[tensor.name] for row in rows])
    shape = [len(rows), *tensor.shape[1:]]
    return {"name": tensor.name, "shape": shape, "datatype": tensor.datatype, "data": data.ravel().tolist()}
