"""Um aplicativo, duas nuvens: os contratos de contêiner do SageMaker e da Vertex AI sobre o mesmo serviço.

SageMaker: `GET /ping` e `POST /invocations` (docs.aws.amazon.com/sagemaker, "Custom Inference Code with Hosting
Services"). Vertex AI: as rotas de AIP_HEALTH_ROUTE e AIP_PREDICT_ROUTE, se a plataforma as define
(cloud.google.com/vertex-ai, "Custom container requirements for prediction").
"""

import os
from pathlib import Path
from typing import Annotated, Any

from fastapi import Request
from pydantic import BaseModel, BeforeValidator, Field

from course_utils.model.predictor import MODEL
from course_utils.serving import asgi, contract, schemas
from course_utils.serving.service import Service
from course_utils.serving.store import find_onnx, find_versions

SAGEMAKER_BODY_BYTES = 6_291_456  # o modelo de serviço do botocore, em InvokeEndpoint.Body
VERTEX_BODY_BYTES = 1_500_000  # "1.5 MB" de um endpoint compartilhado, lido como potência de dez
MODEL_DIR = Path("/opt/ml/model")  # onde o SageMaker desempacota o model.tar.gz


class SettingsError(ValueError):
    """Uma variável de ambiente com um valor que não serve; a mensagem diz qual e por quê."""


def _as_sent(value):
    """Desfaz o que o caminho pela Vertex AI muda numa imagem; o que não conhece passa como veio.

    Dados binários chegam como `{"b64": texto}`; e 107 pode chegar como 107.0, porque cada item de `instances` é um
    `google.protobuf.Value`, em que todo número é real.
    """
    if isinstance(value, dict) and value.keys() == {"b64"}:
        return value["b64"]
    if isinstance(value, list):
        return [int(item) if type(item) is float and item.is_integer() else item for item in value]
    return value


class VertexRequest(BaseModel):
    """O corpo que a Vertex AI entrega: as imagens em `instances`. Este modelo não usa `parameters`."""

    instances: Annotated[
        list[Annotated[schemas.Image, BeforeValidator(_as_sent)]],
        Field(min_length=1, max_length=schemas.MAX_IMAGES, fail_fast=True),
    ]
    parameters: dict[str, Any] | None = None


def create_app(model=None):
    """Aplicação ASGI dos dois contratos. `model`: arquivo ONNX ou pasta de versões (padrão: `model_path()`).

    Os erros são os de todos os servidores do curso (`application/problem+json`): o SageMaker os repassa ao cliente
    em `OriginalMessage`. Levanta `SettingsError`.
    """
    routes = {name: os.environ.get(name) for name in ("AIP_HEALTH_ROUTE", "AIP_PREDICT_ROUTE")}
    for name, route in routes.items():
        if route and not route.startswith("/"):
            raise SettingsError(f"{name}={route}: esperava um caminho, como /predict.")
    service = Service(model or model_path())
    app = asgi.new_app(service, title="Leitor de CEP, em contêiner")

    def add(health_route, predict_route, limit, schema):
        async def health():
            return service.readiness()

        async def predict(request: Request) -> schemas.PredictResponse:
            with service.admit(large=contract.is_picture(request.headers.get("content-type", ""))):
                images = await asgi.read_images(request, service, limit=limit, schema=schema)
                return await asgi.infer(service, images)

        if health_route:
            app.get(health_route, summary="Pronto para receber requisições?", tags=["Operação"])(health)
        if predict_route:
            app.post(predict_route, summary="Lê de 1 a 32 dígitos", tags=["Leitura"])(predict)

    # As da Vertex AI primeiro: se ela escolher "/ping" ou "/invocations", valem as regras dela.
    add(*routes.values(), VERTEX_BODY_BYTES, VertexRequest)
    add("/ping", "/invocations", SAGEMAKER_BODY_BYTES, schemas.PredictRequest)
    return app


def model_path():
    """O modelo do contêiner (Path): o de AULA_MODEL, AIP_STORAGE_URI (Vertex AI) ou SM_MODEL_DIR, nesta ordem.

    Sem elas, o de /opt/ml/model (SageMaker); sem ele, o de referência, que vai na imagem. Na Vertex AI de verdade,
    a variável é `gs://…`, e quem escreve o contêiner baixa os arquivos; o nosso a recusa, em vez de servir um
    modelo que não é o pedido. Levanta `SettingsError`.
    """
    for name in ("AULA_MODEL", "AIP_STORAGE_URI", "SM_MODEL_DIR"):
        if value := os.environ.get(name):
            if "://" in value:
                reason = "só leio pastas locais; baixe o modelo antes, ou ponha-o na imagem."
                raise SettingsError(f"{name}={value}: {reason}")
            return find_model(Path(value))
    return find_model(MODEL_DIR) if MODEL_DIR.is_dir() else MODEL


def find_model(path):
    """Arquivo ou pasta de versões → o próprio; pasta com um só arquivo ONNX → o arquivo (Path)."""
    if not path.is_dir() or find_versions(path):
        return path
    found = find_onnx(path)
    if len(found) != 1:
        raise SettingsError(
            f"{path}: esperava versões (1/, 2/, …) ou um arquivo ONNX; achei {len(found)} arquivos."
        )
    return found[0]
