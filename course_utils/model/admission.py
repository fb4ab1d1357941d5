"""A conferência de quem vai para o ar: só é servido o modelo que cumpre o contrato, provado antes.

O contrato: uma entrada float32 (n, 1, 28, 28), de 0 a 1; uma saída float32 (n, 10); de 1 a 32 imagens por vez, e a
resposta a cada uma não depende das outras. Os nomes da entrada e da saída não importam: só há uma de cada.

Dez logits, ou dez probabilidades? Decidem os números: se, em todas as 32 imagens de prova, nenhum é negativo e os
dez somam 1, são probabilidades. Logits assim não existem.
"""

from pathlib import Path

import numpy as np

from course_utils.model.artifacts import CorruptedFileError
from course_utils.model.predictor import CLASSES, SIDE, Predictor

MAX_BYTES = 256 * 2**20  # trinta vezes o de referência; um arquivo sem fim não pode tomar a memória de quem serve
MAX_IMAGES = 32
SUM_TOLERANCE = 1e-3
TOLERANCE = 0.2  # de probabilidade: a quantização dinâmica usa a faixa do lote inteiro, e muda um pouco a resposta
UNREADABLE = (
    "não abre neste ONNX Runtime: esperava um arquivo ONNX inteiro, de versões (IR e opset) que ele leia, com os "
    "pesos à parte, se houver, ao lado dele e com o SHA-256 anotado em SHA256SUMS"
)
CONTRACT = "o contrato é uma entrada float32 de (n, 1, 28, 28) e uma saída float32 de (n, 10), com n de 1 a 32"


class UnfitModelError(ValueError):
    """O modelo não cumpre o contrato; a mensagem diz o que ele tem e o que se esperava."""


def admit(path):
    """O arquivo ONNX `path` → um `Predictor` que cumpre o contrato.

    Levanta `CorruptedFileError` se o arquivo falta ou não confere, e `UnfitModelError` se não cumpre.
    """
    path = Path(path)
    files = (path, path.with_name(f"{path.name}.data"))
    if sum(file.stat().st_size for file in files if file.is_file()) > MAX_BYTES:
        raise UnfitModelError(f"{path.name} passa de {MAX_BYTES // 2**20} MiB, o limite do que se serve aqui.")
    try:
        predictor = Predictor(path)
    except CorruptedFileError:
        raise
    except Exception as error:  # os erros do ONNX Runtime não têm uma classe em comum
        raise UnfitModelError(f"{path.name} {UNREADABLE}. Ele disse: {_short(error)}") from None
    try:
        predictor.gives_probabilities = _are_probabilities(_run_probes(predictor))
    except UnfitModelError as error:
        session = predictor.session
        takes, gives = (
            " e ".join(f"{tensor.type} de {tensor.shape}" for tensor in tensors)
            for tensors in (session.get_inputs(), session.get_outputs())
        )
        raise UnfitModelError(f"{path.name} {error}. Ele recebe {takes} e devolve {gives}; {CONTRACT}.") from None
    return predictor


def _run_probes(predictor):
    """Um lote de 1 e um de 32, de verdade: as saídas do de 32, float32 (32, 10)."""
    probes = np.random.default_rng(0).random((MAX_IMAGES, 1, SIDE, SIDE), np.float32)
    probes *= probes > np.linspace(0, 0.95, MAX_IMAGES, dtype=np.float32).reshape(-1, 1, 1, 1)  # de cheia a rala
    probes[0], probes[1] = 0, 1  # o papel em branco e a página toda pintada
    alone, together = _infer(predictor, probes[2:3]), _infer(predictor, probes)
    if np.abs(alone - together[2:3]).max() > TOLERANCE * max(1, np.abs(together).max()):
        raise UnfitModelError("muda a resposta a uma imagem conforme as outras do lote")
    return together


def _infer(predictor, batch):
    try:
        outputs = predictor.session.run(None, {predictor.input_name: batch})
    except Exception as error:
        raise UnfitModelError(f"não aceita um lote de {len(batch)} ({_short(error)})") from None
    found = [(np.asarray(item).dtype.name, np.shape(item)) for item in outputs]
    if found != [("float32", (len(batch), CLASSES))]:
        raise UnfitModelError(f"devolve {found} para um lote de {len(batch)}")
    if not np.isfinite(outputs[0]).all():
        raise UnfitModelError("devolve NaN ou infinito")
    return outputs[0]


def _short(error):
    """O que o ONNX Runtime disse, numa linha: o fim, onde está o motivo."""
    return " ".join(str(error).split())[-200:] or type(error).__name__


def _are_probabilities(outputs):
    """Se as saídas já são probabilidades. Levanta `UnfitModelError` se não são isso nem logits."""
    if outputs.min() < 0 or outputs.max() > 1 + SUM_TOLERANCE:
        return False
    if np.allclose(outputs.sum(axis=1), 1, atol=SUM_TOLERANCE):
        return True
    if outputs.max() > 0.5:
        raise UnfitModelError("devolve dez números de 0 a 1 que não somam 1: não são logits nem probabilidades")
    return False
