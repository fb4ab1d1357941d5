"""O arquivo de um formulário (`multipart/form-data`, RFC 7578), como o manda `<input type="file">` ou `requests`.

Quem o lê é o python-multipart, o mesmo do FastAPI. Aqui, e não em cada servidor: um formulário tem uma leitura só,
e por isso o Flask e o FastAPI dão a mesma resposta aos mesmos bytes.
"""

import logging

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import FormParser, parse_options_header

from course_utils.model.predictor import InvalidInputError

FORM_TYPE = "multipart/form-data"
MAX_PARTS = 64
IN_MEMORY = {"MAX_MEMORY_FILE_SIZE": float("inf")}  # o contrato já limitou o corpo: nada vai para o disco
logging.getLogger("python_multipart").setLevel(logging.CRITICAL)  # um corpo ruim é assunto do cliente


class MalformedFormError(ValueError):
    """O corpo não é um formulário bem formado, ou não chegou até a linha que o encerra."""


def read_file(content_type, body):
    """Formulário com um arquivo → `(o Content-Type dele, ou "", bytes)`; os campos de texto não contam.

    Levanta `MalformedFormError` se não é um formulário, e `InvalidInputError` se não há um arquivo, e um só.
    """
    parts, files, ended = [], [], []

    def keep(part):
        if len(parts) == MAX_PARTS:
            raise FormParserError
        parts.append(part)

    def keep_file(part):
        keep(part)
        if part.file_name or part.size:  # um campo de arquivo que ficou vazio chega sem nome e sem bytes
            files.append(part)

    boundary = parse_options_header(content_type)[1].get(b"boundary") or None
    try:
        parser = FormParser(FORM_TYPE, keep, keep_file, lambda: ended.append(True), boundary, config=IN_MEMORY)
        parser.write(body)
    except FormParserError:
        ended.clear()
    if not ended:
        raise MalformedFormError("O corpo não é um formulário multipart/form-data inteiro e bem formado.")
    if len(files) != 1:
        raise InvalidInputError(f"Recebi um formulário com {len(files)} arquivos; esperava um só, com a figura.")
    return files[0].content_type or "", files[0].file_object.getvalue()
