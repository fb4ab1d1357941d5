"""Os tipos do contrato, em Pydantic: validam o JSON que chega e descrevem a API no OpenAPI."""

import base64
from typing import Annotated

from pydantic import Base64Bytes, BaseModel, ConfigDict, Discriminator, Field, Tag

from course_utils.model.admission import MAX_IMAGES
from course_utils.model.predictor import SIDE

PIXELS = SIDE * SIDE

Pixel = Annotated[int, Field(ge=0, le=255, strict=True)]
FlatImage = Annotated[list[Pixel], Field(min_length=PIXELS, max_length=PIXELS, fail_fast=True)]
Base64Image = Annotated[Base64Bytes, Field(min_length=PIXELS, max_length=PIXELS)]
Image = Annotated[
    Annotated[FlatImage, Tag("lista")] | Annotated[Base64Image, Tag("base64")],
    Discriminator(lambda value: "base64" if isinstance(value, str | bytes) else "lista"),
]

# Um "1" de duas colunas, em base64: uma linha só, que se envia do Swagger como está.
INK = bytes(255 if 4 <= row <= 23 and column in (13, 14) else 0 for row in range(SIDE) for column in range(SIDE))
EXAMPLE = {"images": [base64.b64encode(INK).decode()]}


class PredictRequest(BaseModel):
    """De 1 a 32 imagens de 28×28, linha a linha: 0 = papel, 255 = tinta."""

    model_config = ConfigDict(json_schema_extra={"example": EXAMPLE})

    images: Annotated[list[Image], Field(min_length=1, max_length=MAX_IMAGES, fail_fast=True)] = Field(
        description="Cada imagem: 784 inteiros de 0 a 255, ou o base64 de 784 bytes."
    )


class DigitPrediction(BaseModel):
    """A resposta para uma imagem."""

    digit: int = Field(ge=0, le=9, description="O dígito mais provável.")
    probabilities: list[float] = Field(description="Dez probabilidades, do 0 ao 9; somam 1.")


class PredictResponse(BaseModel):
    """As respostas, na ordem das imagens."""

    predictions: list[DigitPrediction]
    model_version: str = Field(description="A versão do modelo que respondeu.")
    inference_ms: float = Field(description="Quanto durou a inferência, em milissegundos.")


class Problem(BaseModel):
    """Um erro, no formato da RFC 9457 (`application/problem+json`)."""

    type: str
    title: str
    status: int
    detail: str
    request_id: str | None = None
