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

import numpy as np

from course_utils.model import artifacts, networks
from course_utils.model.predictor import MODEL

FILE = artifacts.DATA / "engines.zip"
MANIFEST = "manifest.json"
TOPOLOGY, WEIGHTS = "model.json", "weights.bin"  # o modelo no formato do TF.js
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
    if name == f"tfjs/{TOPOLOGY}":
        return Asset(json.dumps(build_tfjs()[0]).encode(), "application/json", ASK_AGAIN)
    if name == f"tfjs/{WEIGHTS}":
        return Asset(build_tfjs()[1], "application/octet-stream", ASK_AGAIN)
    return None


@functools.cache
def _packed():
    return zipfile.ZipFile(io.BytesIO(artifacts.read(FILE)))


@functools.cache
def build_tfjs():
    """O modelo de referência como *layers model* do TF.js: `(model.json como dict, weights.bin como bytes)`.

    Entrada float32 (n, 28, 28, 1) de 0 a 1, saída logits (n, 10). Feito uma vez por processo, quando o primeiro
    navegador o pede. É escrito à mão: o conversor do pip prende um TensorFlow antigo, e o formato é simples. O
    `model.json` traz a arquitetura, como o Keras 2 a serializava; o outro arquivo, os pesos em float32, um depois
    do outro, na ordem do `weightsManifest`. Só precisa de numpy e safetensors, e de nenhum framework de treino.
    Levanta `CorruptedFileError` se o SHA-256 dos pesos não confere.
    """
    first = {"name": "images", "batch_input_shape": [None, 28, 28, 1], "dtype": "float32"}
    layers, manifest, chunks = [{"class_name": "InputLayer", "config": first}], [], []
    for kind, options, arrays in networks.keras_layers():
        layers.append({"class_name": kind, "config": options})
        for part, array in zip(("kernel", "bias"), arrays):
            name = f"{options['name']}/{part}"
            manifest.append({"name": name, "shape": list(array.shape), "dtype": "float32"})
            chunks.append(np.ascontiguousarray(array, dtype="<f4").tobytes())
    model = {"class_name": "Sequential", "config": {"name": "leitor_de_cep", "layers": layers}}
    topology = {
        "format": "layers-model",
        "modelTopology": {"keras_version": "2.15.0", "backend": "tensorflow", "model_config": model},
        "weightsManifest": [{"paths": [WEIGHTS], "weights": manifest}],
    }
    return topology, b"".join(chunks)
