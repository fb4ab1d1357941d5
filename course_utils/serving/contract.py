"""O contrato HTTP de todos os servidores do curso: bytes → imagens, previsões → resposta, erro → problema.

Não importa framework web algum: Flask e FastAPI chamam as mesmas funções e por isso dão as mesmas respostas. Erros
seguem a RFC 9457. Em todos: HEAD onde há GET; OPTIONS é um 204 com Allow e sem CORS (uma página de outra origem
não chama este servidor); nada redireciona, e um endereço com a barra no fim é outro; um Upgrade é ignorado, mas o
de um WebSocket, recusado.
"""

import codecs
import gzip
import io
import logging
import zlib

import numpy as np
from pydantic import ValidationError
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import File, FormParser, parse_options_header

from course_utils.model.predictor import SIDE, InvalidInputError, Predictor
from course_utils.serving import picture
from course_utils.serving.schemas import MAX_IMAGES, PIXELS, PredictRequest

MAX_BODY_BYTES = 2**20
MAX_PICTURE_BYTES = 10 * 2**20  # um JPEG de 16 megapixels tem de 4 a 8 MB
MAX_PARTS = 64  # de um formulário
JSON_TYPE, BYTES_TYPE, FORM_TYPE = "application/json", "application/octet-stream", "multipart/form-data"
PICTURE_TYPES = tuple(picture.FORMATS)
TYPES = JSON_TYPE, BYTES_TYPE, *PICTURE_TYPES, FORM_TYPE
PROBLEM_TYPE = "application/problem+json"
TITLES = {
    400: "Requisição malformada",
    404: "Rota inexistente",
    405: "Método não permitido",
    408: "O corpo demorou demais",
    413: "Corpo grande demais",
    415: "Tipo de conteúdo não aceito",
    422: "Entrada fora do contrato",
    431: "Cabeçalho grande demais",
    500: "Erro interno",
    503: "Servidor ocupado ou ainda não pronto",
    504: "Prazo esgotado",
}
SLOW = 408, "O corpo da requisição não chegou a tempo; envie-o de uma vez."
CUT = 400, "O corpo terminou antes do que o Content-Length prometia."
NO_WEBSOCKET = 400, "Este servidor não fala WebSocket: use HTTP."
FAILURE = "O servidor falhou ao responder; o registro dele, sob este request_id, diz por quê."
EXPECTED = (  # das imagens, de uma imagem, de um pixel
    f"de 1 a {MAX_IMAGES} imagens",
    f"{PIXELS} inteiros, ou o base64 de {PIXELS} bytes",
    "um inteiro de 0 (papel) a 255 (tinta); texto, booleano, nulo e número quebrado não servem",
)
logging.getLogger("python_multipart").setLevel(logging.CRITICAL)  # um corpo ruim é assunto do cliente


class ContractError(Exception):
    """Uma requisição não atendida: `status` HTTP e `detail`, a frase que diz o que fazer.

    `retry_after`: em quantos segundos vale tentar de novo (None se repetir não adianta); `headers`: outros
    cabeçalhos da resposta.
    """

    def __init__(self, status, detail, retry_after=None, headers=()):
        super().__init__(detail)
        self.status, self.detail = status, detail
        self.headers = dict(headers) | ({} if retry_after is None else {"Retry-After": str(retry_after)})


# ---------------------------------------------------------------- do corpo às imagens


def media_type(content_type):
    """O tipo, sem parâmetros e em minúsculas: `"Image/JPG; q=1"` → `"image/jpeg"`."""
    kind = content_type.split(";")[0].strip().lower()
    return "image/jpeg" if kind == "image/jpg" else kind


def is_picture(content_type):
    """Se o corpo é uma figura, ou um formulário que a traz: é maior que os outros, e abri-lo demora."""
    return media_type(content_type) in (*PICTURE_TYPES, FORM_TYPE)


def body_limit(content_type):
    """Quantos bytes o corpo pode ter, pelo seu tipo."""
    return MAX_PICTURE_BYTES if is_picture(content_type) else MAX_BODY_BYTES


def decode(codings, body, limit=MAX_BODY_BYTES):
    """Desfaz o `Content-Encoding`; o limite vale também para o que sai: uma bomba não chega a encher a memória.

    `codings`: os valores do cabeçalho (lista de str); `body`: bytes, no máximo `limit`. Levanta `ContractError`
    415 (só `gzip` e `identity`), 413 (passa de `limit`) ou 400 (não é gzip, ou está pela metade).
    """
    coding = ", ".join(codings).strip().lower()
    if coding in ("", "identity"):
        return body
    if coding not in ("gzip", "x-gzip"):
        detail = f"Recebi Content-Encoding: {coding[:80]}; aceito só gzip, uma vez, ou nenhum."
        raise ContractError(415, detail, headers={"Accept-Encoding": "gzip"})
    try:
        decoded = gzip.GzipFile(fileobj=io.BytesIO(body)).read(limit + 1)
    except (OSError, EOFError, zlib.error):
        raise ContractError(400, "O corpo não é um gzip inteiro, como o Content-Encoding prometia.") from None
    if len(decoded) > limit:
        raise too_large(limit)
    return decoded


def too_large(limit):
    """O erro 413 de um corpo que passa de `limit` bytes."""
    size = f"{limit:,} bytes".replace(",", ".") + f" ({limit / 2**20:.3g} MiB)".replace(".", ",")
    return ContractError(413, f"O corpo passa de {size}.")


def read_images(content_type, body, *, limit=None, schema=PredictRequest):
    """Corpo da requisição → imagens uint8 (n, 28, 28), com n de 1 a 32.

    `content_type`: o cabeçalho, com ou sem parâmetros; `body`: bytes, no máximo `limit` (padrão: `body_limit`);
    `schema`: o tipo Pydantic do JSON, cujo primeiro campo é a lista de imagens. Levanta `ContractError` 4xx.
    """
    kind = media_type(content_type)
    if kind not in TYPES:
        raise unsupported(kind, TYPES)
    if len(body) > (limit := limit or body_limit(kind)):
        raise too_large(limit)
    try:
        images = Predictor.validate(_read(kind, content_type, body, schema))
    except InvalidInputError as error:
        raise ContractError(422, str(error)) from None
    if len(images) > MAX_IMAGES:
        raise ContractError(422, f"Recebi {len(images)} imagens; aceito {EXPECTED[0]} por requisição.")
    return images


def _read(kind, content_type, body, schema):
    """O corpo, lido como o que o seu tipo diz que é."""
    if kind == JSON_TYPE:
        field = next(iter(schema.model_fields))
        images = getattr(read_json(schema, body, lambda error: _explain(error, field)), field)
        rows = [np.frombuffer(image, np.uint8) if isinstance(image, bytes) else image for image in images]
        return np.array(rows, np.uint8)
    if kind == BYTES_TYPE:
        if len(body) % PIXELS:
            raise ContractError(422, f"Recebi {len(body)} bytes; esperava um múltiplo de {PIXELS}.")
        return np.frombuffer(body, np.uint8).reshape(-1, SIDE, SIDE)
    if kind == FORM_TYPE:
        kind, body = _read_form(content_type, body)
        if kind in ("", BYTES_TYPE):  # o programa não sabia o que mandava: os bytes dirão
            return picture.to_digit(body)
        if kind not in PICTURE_TYPES:
            raise unsupported(kind, PICTURE_TYPES)
    return picture.to_digit(body, kind)


def unsupported(kind, accepted):
    """O erro 415, que nomeia o que chegou e diz o que serve."""
    if kind in ("image/heic", "image/heif"):
        return ContractError(415, f"Recebi {kind}. {picture.HEIC}")
    received = f"Recebi {kind}" if kind else "Não recebi Content-Type"
    return ContractError(415, f"{received}; aceito {', '.join(accepted)}.")


def _read_form(content_type, body):
    """Formulário (RFC 7578) com um arquivo → `(o tipo dele, ou "", bytes)`; os campos de texto não contam.

    Quem o lê é o python-multipart, o do FastAPI; aqui, e não em cada servidor, para que a leitura seja uma só.
    """
    parts, ended = [], []

    def keep(part):
        if len(parts) == MAX_PARTS:
            raise FormParserError
        parts.append(part)

    boundary = parse_options_header(content_type)[1].get(b"boundary") or None
    in_memory = {"MAX_MEMORY_FILE_SIZE": float("inf")}  # o corpo já tem limite: nada vai para o disco
    try:
        FormParser(FORM_TYPE, keep, keep, lambda: ended.append(True), boundary, config=in_memory).write(body)
    except FormParserError:
        ended.clear()
    if not ended:
        raise ContractError(400, "O corpo não é um formulário multipart/form-data inteiro e bem formado.")
    # Um campo de arquivo que ficou vazio chega sem nome e sem bytes.
    files = [part for part in parts if isinstance(part, File) and (part.file_name or part.size)]
    if len(files) != 1:
        detail = f"Recebi um formulário com {len(files)} arquivos; esperava um só, com a figura."
        raise ContractError(422, detail)
    return media_type(files[0].content_type or ""), files[0].file_object.getvalue()


def read_json(schema, body, explain, status=422):
    """O corpo (bytes) como objeto de `schema`, um tipo Pydantic; a marca BOM na frente não conta.

    Levanta `ContractError` 400 se ele não é JSON em UTF-8, e `status`, com a frase que `explain` faz do primeiro
    erro do Pydantic (dict), se não é desse tipo.
    """
    try:
        return schema.model_validate_json(body.removeprefix(codecs.BOM_UTF8))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
    if first["type"] == "json_invalid":
        raise ContractError(400, "O corpo não é um JSON válido em UTF-8, ou tem níveis demais.")
    raise ContractError(status, explain(first))


def _explain(error, field):
    """Um erro do Pydantic como frase: o lugar, o tamanho ou o pixel que chegou, o que se esperava."""
    if not error["loc"] or error["type"] == "missing":
        return f'Esperava um objeto {{"{field}": [imagem, …]}}.'
    if error["loc"][0] != field:
        return f"{error['loc'][0]}: esperava um objeto, ou nada."
    # A posição vem como ("images", 0, "lista", 3): a etiqueta da união não interessa ao cliente.
    indices = [part for part in error["loc"] if isinstance(part, int)]
    pixel = str(error["input"])[:20] if len(indices) == 2 else None
    received = error.get("ctx", {}).get("actual_length", pixel)
    received = "" if received is None else f"recebi {received}; "
    return f"{field}{''.join(f'[{index}]' for index in indices)}: {received}esperava {EXPECTED[len(indices)]}."


# ---------------------------------------------------------------- a resposta


def answer(predictions, *, model_version, inference_ms):
    """A resposta de sucesso, como dicionário pronto para JSON."""
    rows = [{"digit": item.digit, "probabilities": item.probabilities} for item in predictions]
    return {"predictions": rows, "model_version": model_version, "inference_ms": round(inference_ms, 3)}


def problem(status, detail, request_id=None):
    """O corpo de erro da RFC 9457, como dicionário pronto para JSON."""
    body = {"type": "about:blank", "title": TITLES.get(status, "Erro"), "status": status, "detail": detail}
    return body if request_id is None else body | {"request_id": request_id}


def route_problem(method, path):
    """O `detail` de um 404 ou 405."""
    return f"Este servidor não atende {method} em {path}."


def allow(methods):
    """O cabeçalho Allow: HEAD vai com GET, e OPTIONS com todos. `methods`: os da rota."""
    return ", ".join(sorted({*methods, "OPTIONS", *(["HEAD"] if "GET" in methods else [])}))
