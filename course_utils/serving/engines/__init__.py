"""Os motores que leem dígitos dentro do navegador, TF.js e ONNX Runtime Web: os arquivos que a página usa.

Vêm com o projeto, em data/engines.zip, tal como o npm os distribui: package.json diz as versões e
package-lock.json, a impressão digital de cada pacote. `python -m course_utils.serving.engines` refaz o arquivo.
"""

import functools
import io
import zipfile

from course_utils.model import artifacts

FILE = artifacts.DATA / "engines.zip"


def versions():
    """`{"onnx": "1.30.0", "tfjs": "4.22.0"}`: o motor e a versão, que juntos são o nome da pasta dele.

    Levanta `CorruptedFileError` se data/engines.zip não é o publicado.
    """
    return dict(sorted(name.split("/")[0].split("-") for name in _packed().namelist()))


def read(name):
    """`"tfjs-4.22.0/tf.min.js"` → bytes, ou None se não é um arquivo dos motores; levanta como `versions`."""
    return _packed().read(name) if name in _packed().namelist() else None


@functools.cache
def _packed():
    return zipfile.ZipFile(io.BytesIO(artifacts.read(FILE)))
