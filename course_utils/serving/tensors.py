"""O que os dois contratos de tensores, o do TensorFlow Serving e o Open Inference Protocol, têm em comum.

Uma assinatura só: entra `images`, uint8 (n, 28, 28), de 0 (papel) a 255 (tinta); saem `digit`, int64 (n), e
`probabilities`, float32 (n, 10). É a assinatura `classify` do SavedModel do notebook 01. Os dois contratos também
têm em comum o nome do modelo e a versão no caminho, e a forma dos erros: `{"error": "…"}`.
"""

from typing import Annotated, NamedTuple

from fastapi import Depends
from pydantic import BaseModel, Field, ValidationError

from course_utils.model.predictor import SIDE
from course_utils.serving import contract
from course_utils.serving.contract import ContractError
from course_utils.serving.schemas import INK, MAX_IMAGES, Pixel

MODEL = "digits"
Row = Annotated[list[Pixel], Field(min_length=SIDE, max_length=SIDE, fail_fast=True)]
Image = Annotated[list[Row], Field(min_length=SIDE, max_length=SIDE, fail_fast=True)]
Images = Annotated[list[Image], Field(min_length=1, max_length=MAX_IMAGES, fail_fast=True)]
EXAMPLE = [list(INK[start : start + SIDE]) for start in range(0, SIDE * SIDE, SIDE)]  # um "1", 28 × 28
PHRASES = {  # o que dizer de cada tipo de erro do Pydantic
    "missing": "falta este campo",
    "list_type": "esperava uma lista",
    "tuple_type": "esperava uma lista",
    "dict_type": "esperava um objeto",
    "model_type": "esperava um objeto",
    "string_type": "esperava um texto",
    "literal_error": "esperava {expected}",
    "too_short": "recebi {actual_length} item(ns); esperava no mínimo {min_length}",
    "too_long": "recebi itens demais; esperava no máximo {max_length}",
    "greater_than_equal": "esperava no mínimo {ge}",
    "less_than_equal": "esperava no máximo {le}",
}
NOT_INTEGER = "esperava um número inteiro; texto, booleano, nulo e número quebrado não servem"
TAGS = ("lista", "objeto", "[key]")  # etiquetas que o Pydantic põe no lugar do erro e que o cliente não conhece


class Tensor(NamedTuple):
    """Um tensor da assinatura: `datatype` como o Open Inference o escreve; -1 em `shape` é "quantos vierem"."""

    name: str
    datatype: str
    shape: tuple[int, ...]


INPUTS = (Tensor("images", "UINT8", (-1, SIDE, SIDE)),)
OUTPUTS = (Tensor("digit", "INT64", (-1,)), Tensor("probabilities", "FP32", (-1, 10)))


class Error(BaseModel):
    """Um erro, nos dois contratos."""

    error: str


ERRORS = {  # para o OpenAPI
    "4XX": {"description": "Requisição recusada; a frase diz por quê", "model": Error},
    "5XX": {"description": "Servidor ocupado, ainda não pronto ou com uma falha", "model": Error},
}


def write_error(status, detail, identifier):
    """Um erro na forma destes contratos; o identificador da requisição vai no cabeçalho X-Request-ID."""
    return {"error": detail}, contract.JSON_TYPE


# ------------------------------------------------------------------ que modelo, que versão


async def _latest(model: str):
    """A versão que o caminho pede: None, a que estiver no ar."""
    if model != MODEL:
        raise ContractError(404, f"Não há um modelo chamado {model[:80]!r}; este servidor só tem {MODEL!r}.")


async def _specific(version: str, latest: Annotated[None, Depends(_latest)]):
    """A versão que o caminho pede, como texto."""
    return version


# Cada rota existe duas vezes, com e sem a versão: (trecho do caminho, dependência que diz a versão pedida).
PLACES = (("/models/{model}", _latest), ("/models/{model}/versions/{version}", _specific))


def require(asked, version):
    """Devolve `version` se ela é a pedida (`asked`; None é qualquer uma); senão, levanta o 404."""
    if asked not in (None, version):
        raise ContractError(
            404, f"A versão {asked[:20]!r} de {MODEL!r} não está no ar; a versão no ar é a {version}."
        )
    return version


def served_version(service, asked):
    """A versão no ar (texto). Levanta o 503 se nenhuma está pronta e o 404 se não é a pedida."""
    service.require_ready()
    return require(asked, service.store.current.version)


# ------------------------------------------------------------------ JSON que chega


def read(schema, body):
    """O corpo (bytes) como objeto de `schema`, um modelo do Pydantic. Levanta `ContractError` 400."""
    try:
        return schema.model_validate_json(contract.as_utf8(body))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
    if first["type"] == "json_invalid":
        raise ContractError(400, "O corpo não é um JSON válido em UTF-8, ou tem níveis demais.")
    phrase = PHRASES.get(first["type"], NOT_INTEGER).format(**first.get("ctx", {})).replace(" or ", " ou ")
    raise ContractError(400, f"{_place(first['loc'])}: {phrase}.")


def _place(loc):
    """O lugar do erro: `("instances", "lista", 0, 27)` → `instances[0][27]`."""
    parts = [part for part in loc if part not in TAGS]
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part[:40]}" for part in parts)
    return text.removeprefix(".") or "O corpo"


def body_schema(schema, example):
    """O `requestBody` do OpenAPI para um modelo do Pydantic, com cada definição no lugar da sua referência."""
    described = schema.model_json_schema()
    definitions = described.pop("$defs", {})

    def inline(node):
        if isinstance(node, dict):
            if "$ref" in node:
                return inline(definitions[node["$ref"].rsplit("/", 1)[1]])
            return {key: inline(value) for key, value in node.items()}
        return [inline(value) for value in node] if isinstance(node, list) else node

    content = {contract.JSON_TYPE: {"schema": inline(described) | {"example": example}}}
    return {"requestBody": {"required": True, "content": content}}
