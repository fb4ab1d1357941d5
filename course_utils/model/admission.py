"""A conferência de quem vai para o ar: só é servido o modelo que cumpre o contrato, provado antes.

O contrato: uma entrada float32 (n, 1, 28, 28), de 0 a 1; uma saída float32 (n, 10); de 1 a 32 imagens por vez, e a
resposta a cada uma não depende das outras. Os nomes da entrada e da saída não importam: só há uma de cada.

Dez logits, ou dez probabilidades? Decidem os números, porque nem todo softmax é a última operação do grafo: se, em
todas as 32 imagens de prova, nenhum é negativo e os dez somam 1, são probabilidades. Logits assim não existem.
"""

import re
from pathlib import Path

import numpy as np

from course_utils.model.artifacts import CorruptedFileError
from course_utils.model.predictor import CLASSES, SIDE, Predictor

CONTRACT = "o contrato é uma entrada float32, tensor(float), de (n, 1, 28, 28), e uma saída float32 de (n, 10)"
MAX_BYTES = 256 * 2**20  # trinta vezes o de referência; um arquivo sem fim não pode tomar a memória de quem serve
MAX_IMAGES = 32
SUM_TOLERANCE = 1e-3
TOLERANCE = 0.2  # de probabilidade: a quantização dinâmica usa a faixa do lote inteiro, e muda um pouco a resposta
REASONS = {  # o que o ONNX Runtime diz: o que isso quer dizer
    r"Unsupported model IR version: (\d+), max supported IR version: (\d+)":
        "é da versão {} do formato (IR), e este ONNX Runtime lê até a {}; exporte com uma versão menor",
    r"Opset (\d+) is under development .* till opset (\d+)":
        "usa o opset {}, e este ONNX Runtime vai até o {}; exporte com um menor",
    r"[Ee]xternal (?:data|initializer).*?([\w.-]+\.\w+)\"":
        "tem pesos num arquivo à parte ({}), que não está ao lado dele com o SHA-256 anotado em SHA256SUMS",
    r"INVALID_PROTOBUF|No graph was found": "não é um arquivo ONNX, ou está pela metade",
}  # fmt: skip


class UnfitModelError(ValueError):
    """O modelo não cumpre o contrato; a mensagem diz o que ele tem e o que se esperava."""


def admit(path):
    """O arquivo ONNX `path` → um `Predictor` que cumpre o contrato.

    Levanta `CorruptedFileError` se o arquivo falta ou não confere, e `UnfitModelError` se não cumpre.
    """
    path = Path(path)
    _require_size(path)
    try:
        predictor = Predictor(path)
    except CorruptedFileError:
        raise
    except Exception as error:  # os erros do ONNX Runtime não têm uma classe em comum
        raise UnfitModelError(f"{path.name} {_explain(error)}.") from None
    try:
        _require_signature(predictor.session)
        outputs = _run_probes(predictor)
        predictor.gives_probabilities = _are_probabilities(outputs)
    except UnfitModelError as error:
        raise UnfitModelError(f"{path.name} {error}; {CONTRACT}.") from None
    return predictor


def _require_size(path):
    files = (path, path.with_name(f"{path.name}.data"))
    if sum(file.stat().st_size for file in files if file.is_file()) > MAX_BYTES:
        raise UnfitModelError(f"{path.name} passa de {MAX_BYTES // 2**20} MiB, o limite do que se serve aqui.")


def _explain(error):
    """O que o ONNX Runtime disse, em português; o que não conhece vai como veio, cortado."""
    said = str(error) or type(error).__name__
    code = re.search(r"ONNXRuntimeError\] : \d+ : (\w+)", said)
    for pattern, meaning in REASONS.items():
        if found := re.search(pattern, said, re.DOTALL):
            return meaning.format(*found.groups()) + (f" ({code[1]})" if code else "")
    return f"não abre no ONNX Runtime: {' '.join(said.split())[:200]}"


def _require_signature(session):
    """O que o modelo declara: uma entrada e uma saída, com o tipo e a forma do contrato."""
    inputs, outputs = session.get_inputs(), session.get_outputs()
    if len(inputs) != 1 or len(outputs) != 1:
        raise UnfitModelError(f"tem {len(inputs)} entrada(s) e {len(outputs)} saída(s)")
    for verb, tensor, expected in (("recebe", inputs[0], (1, SIDE, SIDE)), ("devolve", outputs[0], (CLASSES,))):
        if tensor.type != "tensor(float)":
            raise UnfitModelError(f"{verb} {tensor.type}")
        batch, *rest = tensor.shape or ["n", *expected]  # sem forma declarada, quem decide é a prova
        fits = len(rest) == len(expected) and all(
            size == wanted for size, wanted in zip(rest, expected) if isinstance(size, int)
        )
        if not fits:
            shape = ", ".join(["n", *(str(size) for size in rest)])
            hint = ", com os canais no fim" if rest == [SIDE, SIDE, 1] else ""
            raise UnfitModelError(f"{verb} a forma ({shape}){hint}")
        if isinstance(batch, int):
            raise UnfitModelError(f"tem o lote fixo em {batch}: exporte-o com o lote livre (dynamic_shapes)")


def _run_probes(predictor):
    """Um lote de 1 e um de 32, de verdade: as saídas do de 32, float32 (32, 10)."""
    probes = np.random.default_rng(0).random((MAX_IMAGES, 1, SIDE, SIDE), np.float32)
    probes *= probes > np.linspace(0, 0.95, MAX_IMAGES, dtype=np.float32).reshape(-1, 1, 1, 1)  # de cheia a rala
    probes[0], probes[1] = 0, 1  # o papel em branco e a página toda pintada
    alone, together = _infer(predictor, probes[2:3]), _infer(predictor, probes)
    if np.abs(alone - together[2:3]).max() > TOLERANCE * max(1, np.abs(together).max()):
        raise UnfitModelError("responde a uma imagem conforme as outras do lote")
    return together


def _infer(predictor, batch):
    try:
        output = np.asarray(predictor.infer(batch))
    except Exception as error:
        raise UnfitModelError(
            f"não aceita um lote de {len(batch)}: {' '.join(str(error).split())[:120]}"
        ) from None
    if output.shape != (len(batch), CLASSES):
        raise UnfitModelError(f"devolve a forma {output.shape} para um lote de {len(batch)}")
    if not np.isfinite(output).all():
        raise UnfitModelError("devolve NaN ou infinito")
    return output


def _are_probabilities(outputs):
    """Se as saídas já são probabilidades. Levanta `UnfitModelError` se não são isso nem logits."""
    if outputs.min() < 0 or outputs.max() > 1 + SUM_TOLERANCE:
        return False
    if np.allclose(outputs.sum(axis=1), 1, atol=SUM_TOLERANCE):
        return True
    if outputs.max() > 0.5:
        raise UnfitModelError("devolve dez números de 0 a 1 que não somam 1: não são logits nem probabilidades")
    return False
