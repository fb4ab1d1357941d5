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
    box = ink.getbbox()
    if box is None:
        raise InvalidInputError("Não encontrei traço na figura; esperava um dígito desenhado.")
    stroke = ink.crop(box)
    scale = BOX / max(stroke.size)
    size = [max(1, round(scale * length)) for length in stroke.size]
    small = np.asarray(stroke.resize(size, Image.Resampling.LANCZOS))
    return _centre(small)[None]


def _open(body):
    """Abre o PNG, já em cinza sobre fundo branco (imagem "L" do Pillow).

    Só quem tem transparência passa por RGBA: em 16 megapixels, cada cópia em RGBA custa 64 MiB.
    """
    try:
        picture = Image.open(io.BytesIO(body), formats=["PNG"])
        if picture.width * picture.height > MAX_PIXELS:
            raise InvalidInputError(f"Recebi {picture.width}×{picture.height} pixels; aceito até 4096×4096.")
        if picture.mode in ("1", "L", "RGB") and "transparency" not in picture.info:
            return picture.convert("L")
        picture = picture.convert("RGBA")
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        if isinstance(error, InvalidInputError):
            raise
        raise InvalidInputError("O corpo não é uma figura PNG válida.") from None
    paper = Image.new("RGBA", picture.size, "white")
    paper.alpha_composite(picture)
    return paper.convert("L")


def _ink(grey):
    """Cinza → quantidade de tinta: a distância à cor do papel, esticada até 255, sem o ruído de fundo.

    A conta é feita nos 256 tons, e não nos milhões de pixels: o Pillow troca cada tom pelo seu resultado.
    """
    counts = np.array(grey.histogram())
    tones = np.arange(256)
    paper = _median(counts)
    ink = np.abs(tones - paper)
    strongest = ink[counts > 0].max()
    if strongest < 32:
        return Image.new("L", grey.size)
    ink = np.minimum(ink * (255 / strongest), 255)
    return grey.point(np.where(ink < 25, 0, ink).astype(np.uint8).tolist())


def _median(counts):
    """A mediana dos tons, dado quantos pixels há de cada um."""
    before = counts.cumsum()
    middle = [(before[-1] - 1) // 2, before[-1] // 2]
    return np.searchsorted(before, middle, side="right").mean()


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
