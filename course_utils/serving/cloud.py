"""Um aplicativo, duas nuvens: os contratos de contêiner do SageMaker e da Vertex AI sobre o mesmo serviço.

SageMaker: `GET /ping` e `POST /invocations` (fonte: docs.aws.amazon.com/sagemaker, "Custom Inference Code with
Hosting Services"). Vertex AI: as rotas de AIP_HEALTH_ROUTE e AIP_PREDICT_ROUTE, que só existem quando a plataforma
define as variáveis (fonte: cloud.google.com/vertex-ai, "Custom container requirements for prediction").
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
    vertex_health, vertex_predict = map(vertex_route, ("AIP_HEALTH_ROUTE", "AIP_PREDICT_ROUTE"))
    service = Service(model or model_path())
    app = asgi.new_app(service, title="Leitor de CEP, em contêiner")

    async def health():
        return service.readiness()

    def reader(limit, schema):
        async def predict(request: Request) -> schemas.PredictResponse:
            with service.admit(large=contract.is_picture(request.headers.get("content-type", ""))):
                images = await asgi.read_images(request, service, limit=limit, schema=schema)
                return await asgi.infer(service, images)

        return predict

    # As da Vertex AI primeiro: se ela escolher "/ping" ou "/invocations", valem as regras dela.
    for route in filter(None, (vertex_health, "/ping")):
        app.get(route, summary="Pronto para receber requisições?", tags=["Operação"])(health)
    rules = {"summary": "Lê de 1 a 32 dígitos", "tags": ["Leitura"]}
    if vertex_predict:
        app.post(vertex_predict, **rules)(reader(VERTEX_BODY_BYTES, VertexRequest))
    app.post("/invocations", **rules)(reader(SAGEMAKER_BODY_BYTES, schemas.PredictRequest))
    return app


def vertex_route(name):
    """A rota que a Vertex AI pôs na variável `name`, ou None. Levanta `SettingsError` se não é um caminho."""
    route = os.environ.get(name)
    if route and not route.startswith("/"):
        raise SettingsError(f"{name}={route}: esperava um caminho, como /predict.")
    return route or None


def model_path():
    """O modelo do contêiner (Path), pela primeira destas fontes que existir:

    1. AULA_MODEL: arquivo ONNX, ou pasta;
    2. AIP_STORAGE_URI (Vertex AI), **se for uma pasta local**. De verdade ela é `gs://…`: quem escreve o contêiner
       baixa os arquivos com o cliente do Cloud Storage. O nosso não faz isso: leva o modelo dentro da imagem e
       recusa `gs://` em vez de servir, calado, um modelo que não é o pedido;
    3. SM_MODEL_DIR, ou /opt/ml/model se existir (SageMaker);
    4. o modelo de referência do curso, que vai na imagem.

    Numa pasta, vale a de versões (`1/`, `2/`, …) ou o seu único arquivo ONNX. Levanta `SettingsError`.
    """
    for name in ("AULA_MODEL", "AIP_STORAGE_URI", "SM_MODEL_DIR"):
        if value := os.environ.get(name):
            if "://" in value:
                reason = "só leio pastas locais; baixe o modelo antes, ou ponha-o na imagem."
                raise SettingsError(f"{name}={value}: {reason}")
            return find_model(value)
    return find_model(MODEL_DIR) if MODEL_DIR.is_dir() else MODEL


def find_model(path):
    """Arquivo ou pasta de versões → o próprio; pasta com um só arquivo ONNX → o arquivo (Path)."""
    path = Path(path)
    if not path.is_dir() or find_versions(path):
        return path
    files = find_onnx(path)
    if len(files) != 1:
        raise SettingsError(
            f"{path}: esperava versões (1/, 2/, …) ou um arquivo ONNX; achei {len(files)} arquivos."
        )
    return files[0]
