"""O que a página de desenho pede para ler dígitos sem o servidor: os motores do navegador e o modelo de cada um.

Os motores, TF.js e ONNX Runtime Web, vêm com o projeto, em data/engines.zip, tal como o npm os distribui:
package.json diz as versões e package-lock.json, a impressão digital de cada pacote. Refaz o arquivo o comando
`python -m course_utils.serving.engines`. A página baixa o motor que o aluno escolhe; depois, não precisa de rede.
"""

import functools
import io
import json
import mimetypes
import zipfile
from typing import NamedTuple

from course_utils.model import artifacts, tfjs
from course_utils.model.predictor import MODEL

FILE = artifacts.DATA / "engines.zip"
MANIFEST = "manifest.json"
FOREVER = "public, max-age=31536000, immutable"  # a versão faz parte do endereço
ASK_AGAIN = "no-cache"

# O registro do Windows às vezes diz que .js é text/plain, e o navegador recusa um módulo assim.
for _suffix, _kind in {".js": "text/javascript", ".mjs": "text/javascript", ".wasm": "application/wasm"}.items():
    mimetypes.add_type(_kind, _suffix)


class Asset(NamedTuple):
    """Um arquivo da página: o corpo (bytes), o tipo de conteúdo e o cabeçalho Cache-Control."""

    body: bytes
    kind: str
    cache: str


def versions():
    """`{"onnx": "1.30.0", "tfjs": "4.22.0"}`: o motor e a versão, que juntos são o nome da pasta dele.

    Levanta `CorruptedFileError` se data/engines.zip não é o publicado.
    """
    return dict(sorted(name.split("/")[0].split("-") for name in _packed().namelist()))


def find_engine(name):
    """`manifest.json` ou `tfjs-4.22.0/tf.min.js` → `Asset`; outro nome → None. Levanta como `versions`."""
    if name == MANIFEST:
        return Asset(json.dumps(versions()).encode(), "application/json", ASK_AGAIN)
    if name not in _packed().namelist():
        return None
    return Asset(_packed().read(name), mimetypes.guess_type(name)[0], FOREVER)


def find_model(name):
    """`reference.onnx`, `tfjs/model.json` ou `tfjs/weights.bin` → `Asset`; outro nome → None."""
    if name == MODEL.name:
        return Asset(artifacts.read(MODEL), "application/octet-stream", ASK_AGAIN)
    if name == f"tfjs/{tfjs.TOPOLOGY}":
        return Asset(json.dumps(_tfjs_model()[0]).encode(), "application/json", ASK_AGAIN)
    if name == f"tfjs/{tfjs.WEIGHTS}":
        return Asset(_tfjs_model()[1], "application/octet-stream", ASK_AGAIN)
    return None


@functools.cache
def _packed():
    return zipfile.ZipFile(io.BytesIO(artifacts.read(FILE)))


@functools.cache
def _tfjs_model():
    """Feito uma vez por processo, quando o primeiro navegador o pede."""
    return tfjs.build()
