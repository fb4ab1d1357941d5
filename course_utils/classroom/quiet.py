"""Silêncio onde ele ajuda: o TensorFlow escreve em C++, fora do alcance de `logging` e de `warnings`."""

import logging
import os

from course_utils.model import artifacts


def divert_native_logs():
    """Desvia o que as bibliotecas em C++ escrevem na saída de erro para artifacts/logs/native.log.

    Chame antes de importar o TensorFlow. Do que as bibliotecas registram em Python (`logging`), ficam só os
    erros. Exceções e `warnings` continuam aparecendo no notebook: o kernel os envia por outro caminho.
    """
    logging.disable(logging.WARNING)  # níveis por nome não bastam: o TensorFlow os refaz ao ser importado
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    folder = artifacts.ARTIFACTS / "logs"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        log = open(folder / "native.log", "ab")  # noqa: SIM115 – fechado logo abaixo
    except OSError:  # sem onde escrever perde-se o registro, não a aula
        log = open(os.devnull, "ab")  # noqa: SIM115
    with log:
        os.dup2(log.fileno(), 2)
