"""De uma foto ou desenho a um dígito como os do MNIST: cinza, tinta alta, 20×20 centrado pela massa em 28×28.

A preparação é a que os autores do MNIST descrevem (LeCun, Cortes e Burges, "The MNIST database").
"""

import io

import numpy as np
from PIL import Image, UnidentifiedImageError

from course_utils.model.predictor import SIDE, InvalidInputError

BOX = 20
MAX_PIXELS = 4096 * 4096


def to_digit(body):
    """PNG de qualquer tamanho (bytes) → uint8 (1, 28, 28), 0 = papel e 255 = tinta.

    Papel é a cor mais comum: tinta escura em papel claro e giz em lousa valem o mesmo. Levanta
    `InvalidInputError` se não é um PNG, se é grande demais ou se não há traço.
    """
    ink = _ink(_open(body))
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    if len(rows) == 0:
        raise InvalidInputError("Não encontrei traço na figura; esperava um dígito desenhado.")
    stroke = Image.fromarray(ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1])
    scale = BOX / max(stroke.size)
    size = [max(1, round(scale * length)) for length in stroke.size]
    small = np.asarray(stroke.resize(size, Image.Resampling.LANCZOS))
    return _centre(small)[None]


def _open(body):
    """Abre o PNG, já em cinza sobre fundo branco: uint8 (altura, largura)."""
    try:
        picture = Image.open(io.BytesIO(body), formats=["PNG"])
        if picture.width * picture.height > MAX_PIXELS:
            raise InvalidInputError(f"Recebi {picture.width}×{picture.height} pixels; aceito até 4096×4096.")
        picture = picture.convert("RGBA")
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        if isinstance(error, InvalidInputError):
            raise
        raise InvalidInputError("O corpo não é uma figura PNG válida.") from None
    paper = Image.new("RGBA", picture.size, "white")
    return np.asarray(Image.alpha_composite(paper, picture).convert("L"))


def _ink(grey):
    """Cinza → quantidade de tinta: a distância à cor do papel, esticada até 255, sem o ruído de fundo."""
    paper = np.median(grey)
    ink = np.abs(grey - paper)
    if ink.max() < 32:
        return np.zeros_like(grey)
    ink = ink * (255 / ink.max())
    return np.where(ink < 25, 0, ink).astype(np.uint8)


def _centre(small):
    """Põe o dígito (no máximo 20×20) em 28×28 com o centro de massa no meio."""
    rows, columns = np.indices(small.shape)
    weight = small.sum(dtype=np.float64)
    shape = np.array(small.shape)
    mass = np.array([(rows * small).sum() / weight, (columns * small).sum() / weight])
    top, left = np.clip(np.round((SIDE - 1) / 2 - mass).astype(int), 0, SIDE - shape)
    image = np.zeros((SIDE, SIDE), np.uint8)
    image[top : top + shape[0], left : left + shape[1]] = small
    return image
