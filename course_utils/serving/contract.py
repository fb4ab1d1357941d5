"""O contrato HTTP de todos os servidores do curso: bytes → imagens, previsões → resposta, erro → problema.

Não importa framework web algum. Erros seguem a RFC 9457 (`application/problem+json`).
"""

import base64
import binascii
import json

import numpy as np

from course_utils.model.predictor import InvalidInputError, Predictor
from course_utils.serving import picture

MAX_IMAGES = 32
MAX_BODY_BYTES = 2**20
PIXELS = 784
PROBLEM_TYPE = "application/problem+json"
TITLES = {
    400: "Corpo malformado",
    404: "Rota inexistente",
    405: "Método não permitido",
    413: "Corpo grande demais",
    415: "Tipo de conteúdo não aceito",
    422: "Entrada fora do contrato",
    500: "Erro interno",
    503: "Servidor ainda não está pronto",
}


class ContractError(Exception):
    """Uma requisição recusada: `status` HTTP 4xx e `detail`, a frase que diz o que mudar."""

    def __init__(self, status, detail):
        super().__init__(detail)
        self.status, self.detail = status, detail


def read_images(content_type, body):
    """Corpo da requisição → imagens uint8 (n, 28, 28), com n de 1 a 32.

    `content_type`: o cabeçalho, com ou sem parâmetros; `body`: bytes. Levanta `ContractError`.
    """
    kind = content_type.split(";")[0].strip().lower()
    readers = {
        "application/json": _images_from_json,
        "application/octet-stream": _images_from_bytes,
        "image/png": picture.to_digit,
    }
    if kind not in readers:
        raise ContractError(415, f"Recebi {kind or 'nenhum Content-Type'}; aceito {', '.join(readers)}.")
    if len(body) > MAX_BODY_BYTES:
        raise too_large()
    try:
        images = Predictor.validate(readers[kind](body))
    except InvalidInputError as error:
        raise ContractError(422, str(error)) from None
    if len(images) > MAX_IMAGES:
        raise ContractError(422, f"Recebi {len(images)} imagens; aceito de 1 a {MAX_IMAGES} por requisição.")
    return images


def too_large():
    """O erro 413, que um servidor também levanta ao contar um corpo que chega aos pedaços."""
    return ContractError(413, f"O corpo passa de {MAX_BODY_BYTES} bytes (1 MiB).")


def answer(predictions, *, model_version, inference_ms):
    """A resposta de sucesso, como dicionário pronto para JSON."""
    rows = [{"digit": item.digit, "probabilities": item.probabilities} for item in predictions]
    return {"predictions": rows, "model_version": model_version, "inference_ms": round(inference_ms, 3)}


def problem(status, detail):
    """O corpo de erro da RFC 9457, como dicionário pronto para JSON."""
    return {"type": "about:blank", "title": TITLES.get(status, "Erro"), "status": status, "detail": detail}


def _images_from_json(body):
    """`{"images": [imagem, …]}`, cada imagem uma lista de 784 inteiros ou um base64 de 784 bytes."""
    try:
        data = json.loads(body)
    except (ValueError, RecursionError):
        raise ContractError(400, "O corpo não é um JSON válido em UTF-8.") from None
    if not isinstance(data, dict) or not isinstance(data.get("images"), list):
        raise ContractError(422, 'Esperava um objeto {"images": [imagem, …]}.')
    if not 1 <= len(data["images"]) <= MAX_IMAGES:
        raise ContractError(422, f"Recebi {len(data['images'])} imagens; aceito de 1 a {MAX_IMAGES}.")
    return np.stack([_image_from_json(number, image) for number, image in enumerate(data["images"])])


def _image_from_json(number, image):
    """Uma imagem do JSON → (784,); booleanos, textos e aninhamentos são recusados pelo tipo."""
    where = f"images[{number}]"
    if isinstance(image, str):
        try:
            raw = base64.b64decode(image, validate=True)
        except (binascii.Error, ValueError):
            raise ContractError(422, f"{where} não é um base64 válido.") from None
        image = list(raw)
    if not isinstance(image, list) or len(image) != PIXELS:
        size = f"{len(image)} valores" if isinstance(image, list) else type(image).__name__
        raise ContractError(422, f"{where}: recebi {size}; esperava {PIXELS} inteiros de 0 a 255.")
    if not set(map(type, image)) <= {int, float}:
        raise ContractError(422, f"{where}: esperava só números; texto, booleano e nulo não servem.")
    return Predictor.validate([image])[0]


def _images_from_bytes(body):
    """n × 784 bytes crus, linha a linha."""
    if len(body) % PIXELS:
        raise ContractError(422, f"Recebi {len(body)} bytes; esperava um múltiplo de {PIXELS}.")
    return np.frombuffer(body, np.uint8).reshape(-1, PIXELS)
