"""O arquivo de um formulário (`multipart/form-data`, RFC 7578), como o manda `<input type="file">` ou `requests`.

Quem separa as partes é o python-multipart, o mesmo do FastAPI. Aqui, e não em cada servidor: um formulário tem uma
leitura só, e por isso o Flask e o FastAPI dão a mesma resposta aos mesmos bytes.
"""

import logging

from python_multipart import MultipartParser
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import parse_options_header

from course_utils.model.predictor import InvalidInputError

MAX_PARTS = 64
log = logging.getLogger("python_multipart")
log.setLevel(logging.ERROR)  # um corpo ruim é assunto do cliente: não vira uma linha de registro por byte


class MalformedFormError(ValueError):
    """O corpo não é um formulário bem formado; a mensagem diz o que falta."""


class _Part:
    """Uma parte do formulário: os cabeçalhos (nomes em minúsculas) e os bytes."""

    def __init__(self):
        self.headers, self.name, self.value, self.data = {}, b"", b"", bytearray()

    def end_header(self):
        self.headers[self.name.lower()], self.name, self.value = self.value, b"", b""

    @property
    def disposition(self):
        return parse_options_header(self.headers.get(b"content-disposition", b""))

    @property
    def is_file(self):
        """Se é um arquivo; um campo de arquivo que ficou vazio chega sem nome e sem bytes."""
        name = self.disposition[1].get(b"filename")
        return name is not None and bool(name or self.data)


def read_file(content_type, body):
    """Formulário com um arquivo → `(o Content-Type dele, ou "", bytes)`; os campos de texto não contam.

    Levanta `MalformedFormError` se não é um formulário, e `InvalidInputError` se não há um arquivo, e um só.
    """
    parts = _split(parse_options_header(content_type)[1].get(b"boundary"), body)
    for part in parts:
        kind, options = part.disposition
        if kind != b"form-data" or b"name" not in options:
            raise MalformedFormError('Cada parte precisa de Content-Disposition: form-data; name="…".')
    files = [part for part in parts if part.is_file]
    if len(files) != 1:
        raise InvalidInputError(f"Recebi um formulário com {len(files)} arquivos; esperava um só, com a figura.")
    file = files[0]
    encoding = file.headers.get(b"content-transfer-encoding", b"binary").lower()
    if encoding not in (b"binary", b"8bit", b"7bit"):
        raise InvalidInputError(
            "O arquivo veio com Content-Transfer-Encoding; mande os bytes como são (RFC 7578)."
        )
    return file.headers.get(b"content-type", b"").decode("latin-1"), bytes(file.data)


def _split(boundary, body):
    """As partes do corpo (lista de `_Part`), até a linha que o encerra. Levanta `MalformedFormError`."""
    if not boundary:
        raise MalformedFormError("O Content-Type não diz o boundary que separa as partes do formulário.")
    parts, ended = [], []

    def begin():
        if len(parts) == MAX_PARTS:
            raise MalformedFormError(f"O formulário tem mais de {MAX_PARTS} partes.")
        parts.append(_Part())

    def add(name):
        def append(data, start, end):
            setattr(parts[-1], name, getattr(parts[-1], name) + data[start:end])

        return append

    callbacks = {
        "on_part_begin": begin,
        "on_header_field": add("name"),
        "on_header_value": add("value"),
        "on_header_end": lambda: parts[-1].end_header(),
        "on_part_data": lambda data, start, end: parts[-1].data.extend(memoryview(data)[start:end]),
        "on_end": lambda: ended.append(True),
    }
    try:
        MultipartParser(boundary, callbacks).write(body)
    except FormParserError:
        raise MalformedFormError("O corpo não é um formulário multipart/form-data bem formado.") from None
    if not ended:
        raise MalformedFormError("O formulário terminou antes da linha que o encerra.")
    return parts
