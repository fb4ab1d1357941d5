"""O que a página de desenho pede para ler dígitos sem o servidor: os motores e o modelo, nos dois formatos.

Tudo é baixado quando o aluno escolhe o motor; depois disso, a página não precisa mais de ninguém.
"""

import functools
import json
import mimetypes
from typing import NamedTuple

from course_utils.model import artifacts, tfjs
from course_utils.model.predictor import MODEL
from course_utils.serving import engines

# O registro do Windows às vezes diz que .js é text/plain, e o navegador recusa um módulo assim.
for _suffix, _kind in {".js": "text/javascript", ".mjs": "text/javascript", ".wasm": "application/wasm"}.items():
    mimetypes.add_type(_kind, _suffix)

FOREVER = "public, max-age=31536000, immutable"  # a versão faz parte do endereço
ASK_AGAIN = "no-cache"
MANIFEST = "manifest.json"


class Asset(NamedTuple):
    """Um arquivo da página: o corpo (bytes), o tipo de conteúdo e o cabeçalho Cache-Control."""

    body: bytes
    kind: str
    cache: str


def find_engine(name):
    """`manifest.json` (`{"onnx": "1.30.0", …}`) ou `tfjs-4.22.0/tf.min.js` → `Asset`; outro nome → None."""
    if name == MANIFEST:
        return Asset(json.dumps(engines.versions()).encode(), "application/json", ASK_AGAIN)
    body = engines.read(name)
    return Asset(body, mimetypes.guess_type(name)[0], FOREVER) if body else None


def find_model(name):
    """`reference.onnx`, `tfjs/model.json` ou `tfjs/weights.bin` → `Asset`; outro nome → None."""
    if name == MODEL.name:
        return Asset(artifacts.verify(MODEL).read_bytes(), "application/octet-stream", ASK_AGAIN)
    if name == f"tfjs/{tfjs.TOPOLOGY}":
        return Asset(json.dumps(_tfjs_model()[0]).encode(), "application/json", ASK_AGAIN)
    if name == f"tfjs/{tfjs.WEIGHTS}":
        return Asset(_tfjs_model()[1], "application/octet-stream", ASK_AGAIN)
    return None


@functools.cache
def _tfjs_model():
    """Feito uma vez por processo, quando o primeiro navegador o pede."""
    return tfjs.build()
