"""Silêncio onde ele ajuda: o TensorFlow escreve em C++, fora do alcance de `logging` e de `warnings`."""

import logging
import os

from course_utils.model import artifacts


def divert_native_logs():
    """Desvia o que as bibliotecas em C++ escrevem na saída de erro para artifacts/logs/native.log.

    Chame antes de importar o TensorFlow. Do que ele diz em Python, ficam só os erros; os avisos das outras
    bibliotecas continuam aparecendo no caderno, porque o kernel os envia por outro caminho.
    """
    for name in ("absl", "tensorflow"):
        logging.getLogger(name).setLevel(logging.ERROR)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    folder = artifacts.ARTIFACTS / "logs"
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / "native.log", "ab") as log:
        os.dup2(log.fileno(), 2)
