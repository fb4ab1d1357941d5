"""O que os dois contratos de tensores, o do TensorFlow Serving e o Open Inference Protocol, têm em comum.

Uma assinatura só, a `classify` do SavedModel do notebook 01: entra `images`, uint8 (n, 28, 28), de 0 (papel) a 255
(tinta); saem `digit`, int64 (n), e `probabilities`, float32 (n, 10). Todo erro é `{"error": "…"}`.
"""

from typing import Annotated

from pydantic import Field

from course_utils.model.predictor import SIDE
from course_utils.serving import contract
from course_utils.serving.schemas import MAX_IMAGES, Pixel

MODEL = "digits"
INPUTS = {"images": ("UINT8", [-1, SIDE, SIDE])}  # nome: (tipo, forma; -1 é "quantos vierem")
OUTPUTS = {"digit": ("INT64", [-1]), "probabilities": ("FP32", [-1, 10])}
Row = Annotated[list[Pixel], Field(min_length=SIDE, max_length=SIDE, fail_fast=True)]
Image = Annotated[list[Row], Field(min_length=SIDE, max_length=SIDE, fail_fast=True)]
Images = Annotated[list[Image], Field(min_length=1, max_length=MAX_IMAGES, fail_fast=True)]
PHRASES = {  # o que dizer de um erro do Pydantic; dos outros tipos, `OTHERWISE`
    "missing": "falta este campo",
    "list_type": "esperava uma lista",
    "model_type": "esperava um objeto",
    "literal_error": "esperava {expected}",
    "too_short": "recebi {actual_length} de no mínimo {min_length} itens",
    "too_long": "recebi itens demais; esperava no máximo {max_length}",
}
OTHERWISE = "esperava o que os metadados descrevem; um pixel é um inteiro de 0 a 255"
FLAT, NESTED = "em fila", "aninhados"  # etiquetas que o Pydantic põe no lugar do erro: o cliente não as conhece


def write_error(status, detail, identifier):
    """Um erro na forma destes contratos; o identificador da requisição vai no cabeçalho X-Request-ID."""
    return {"error": detail}


ERRORS = {"write_error": write_error, "error_type": contract.JSON_TYPE}  # para `asgi.new_app`


def read(schema, body):
    """O corpo (bytes) como objeto de `schema`, um modelo do Pydantic. Levanta `ContractError` 400."""
    return contract.read_json(schema, body, _explain, 400)


def _explain(error):
    """O erro do Pydantic como frase; o lugar `("inputs", 0, "data", 27)` é, nela, `inputs[0].data[27]`."""
    parts = [part for part in error["loc"] if part not in (FLAT, NESTED)]
    place = "".join(f"[{part}]" if isinstance(part, int) else f".{part[:40]}" for part in parts)
    phrase = PHRASES.get(error["type"], OTHERWISE).format(**error.get("ctx", {})).replace(" or ", " ou ")
    return f"{place.removeprefix('.') or 'O corpo'}: {phrase}."
