"""O Open Inference Protocol v2 (REST), que Triton, KServe, Seldon e OpenVINO falam, sobre o nosso `Service`.

Fonte: github.com/kserve/open-inference-protocol (specification/protocol/inference_rest.md). A versão no caminho,
opcional lá, aqui não há: serve-se a que está no ar. Não há extensões: os tensores vão em JSON.
"""

from math import prod
from typing import Annotated, Literal

import numpy as np
from fastapi import Request
from pydantic import BaseModel, Discriminator, Field, Tag

from course_utils.model.predictor import SIDE
from course_utils.serving import asgi, tensors
from course_utils.serving.contract import ContractError
from course_utils.serving.schemas import MAX_IMAGES, PIXELS, Pixel
from course_utils.serving.service import Service

SERVER = "leitor_de_cep"
PLACE = f"/v2/models/{tensors.MODEL}"
PLATFORM = "onnx_onnxv1"  # um dos nomes da lista "Platforms" da especificação
BINARY_HEADER = "inference-header-content-length"  # o da "binary tensor data extension" do Triton
Flat = Annotated[list[Pixel], Field(min_length=PIXELS, max_length=PIXELS * MAX_IMAGES, fail_fast=True)]


def _kind(data):
    """Os valores em fila, ou aninhados como o tensor?"""
    return tensors.NESTED if isinstance(data, list) and data and isinstance(data[0], list) else tensors.FLAT


class RequestInput(BaseModel):
    """O tensor de entrada, `$request_input` na especificação."""

    name: Literal["images"]
    shape: tuple[Annotated[int, Field(ge=1, le=MAX_IMAGES, strict=True)], Literal[SIDE], Literal[SIDE]]
    datatype: Literal["UINT8"]
    data: Annotated[
        Annotated[Flat, Tag(tensors.FLAT)] | Annotated[tensors.Images, Tag(tensors.NESTED)], Discriminator(_kind)
    ]


class RequestOutput(BaseModel):
    """Um tensor de saída pedido, `$request_output` na especificação."""

    name: Literal["digit", "probabilities"]


class InferenceRequest(BaseModel):
    """O corpo de `/infer`, `$inference_request` na especificação; sem `outputs`, quer todos."""

    id: str | None = None
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


def create_app(model=None):
    """Aplicação ASGI do contrato. `model`: pasta de versões ou arquivo ONNX (padrão: a variável AULA_MODEL)."""
    service = Service(model)
    app = asgi.new_app(service, title="Leitor de CEP: Open Inference Protocol", **tensors.ERRORS)

    @app.get("/v2", summary="Que servidor é este?")
    async def server():
        return {"name": SERVER, "version": app.version, "extensions": []}

    @app.get("/v2/health/live", summary="O servidor está vivo?")
    async def live():
        return {"live": True}

    @app.get("/v2/health/ready", summary="Os modelos estão prontos?")
    async def ready():
        service.require_ready()
        return {"live": True, "ready": True}  # a especificação diz "live" também aqui; KServe diz "ready"

    @app.get(f"{PLACE}/ready", summary="O modelo está pronto?")
    async def model_ready():
        service.require_ready()
        return {"name": tensors.MODEL, "ready": True}

    @app.get(PLACE, summary="O que o modelo recebe e devolve?")
    async def metadata():
        service.require_ready()
        about = {"name": tensors.MODEL, "versions": [service.store.current.version], "platform": PLATFORM}
        for side, group in (("inputs", tensors.INPUTS), ("outputs", tensors.OUTPUTS)):
            about[side] = [{"name": n, "datatype": kind, "shape": shape} for n, (kind, shape) in group.items()]
        return about

    @app.post(f"{PLACE}/infer", summary="Lê de 1 a 32 dígitos")
    async def infer(request: Request):
        if BINARY_HEADER in request.headers:
            raise ContractError(400, "Tensores binários são uma extensão que este servidor não tem: use JSON.")
        with service.admit():
            received = tensors.read(InferenceRequest, await asgi.read_body(request))
            answer = await asgi.infer(service, received.images())
        about = {"model_name": tensors.MODEL, "model_version": answer["model_version"]}
        about |= {} if received.id is None else {"id": received.id}
        wanted = dict.fromkeys(output.name for output in received.outputs or []) or tensors.OUTPUTS
        return about | {"outputs": [_output(name, answer["predictions"]) for name in wanted]}

    return app


def _output(name, rows):
    """Um `$response_output`: os valores em fila, linha a linha."""
    kind, (_, *shape) = tensors.OUTPUTS[name]
    data = np.array([row[name] for row in rows]).ravel().tolist()
    return {"name": name, "shape": [len(rows), *shape], "datatype": kind, "data": data}
