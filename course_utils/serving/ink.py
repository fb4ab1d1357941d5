"""A tinta de uma folha: o papel sob ela, mesmo à sombra, e o que dele se destaca. Só Pillow e NumPy."""

import numpy as np
from PIL import Image
from PIL.Image import Resampling

from course_utils.model.predictor import InvalidInputError

COARSE = 80  # o maior lado em que se estima o papel
LEAST_CONTRAST = 14  # tons, de 0 a 255
EMPTY = (
    "Não encontrei traço na figura: a folha parece vazia. Desenhe um dígito com tinta que contraste com o papel."
)


def find_ink(grey):
    """Tons → tinta (float32, 0 a 1): o que se destaca do papel, em relação à tinta mais forte da folha.

    Levanta `InvalidInputError` se nada se destaca.
    """
    step = -(-max(grey.shape) // COARSE)
    coarse = np.asarray(Image.fromarray(grey).reduce(step))
    ground, board = paper(coarse), paper(-coarse)
    if not ink_is_dark(coarse, ground - coarse, board + coarse):
        grey, ground = -grey, board
    # O mínimo dos blocos vizinhos: na borda nítida de uma sombra, o papel interpolado seria mais claro que ela.
    blocks, (rows, columns) = Image.fromarray(spread(ground, 3, np.min)), grey.shape
    full = blocks.resize((columns, rows), Resampling.BILINEAR, (0, 0, columns / step, rows / step))
    height = np.maximum(full - grey, 0)
    few = np.clip(height.size // 2000, 12, 400)  # a mais forte é a de uns poucos: um pixel só não decide
    strongest = np.sort(height, axis=None)[-few:][0]
    if strongest < LEAST_CONTRAST + 3 * np.median(height[height <= strongest / 2]):
        raise InvalidInputError(EMPTY)
    return (height / (0.85 * strongest)).clip(0, 1)


def paper(coarse):
    """O papel sob a tinta escura: cada bacia se enche até o ponto mais baixo por onde transborda na borda.

    A luz que cai aos poucos, ou a sombra que chega à borda, escorre por ela e continua papel. É a reconstrução
    morfológica (Vincent, 1993): a água, que começa acima de tudo, desce até que nada mude.
    """
    framed = frame(coarse)
    water, lower = None, framed.copy()
    lower[1:-1, 1:-1] = np.inf
    while not np.array_equal(water, lower):
        water = lower
        lower = np.maximum(framed, spread(water, 3, np.min))
    return water[1:-1, 1:-1].astype(np.float32)


def frame(level):
    """A folha numa moldura de 1 pixel, com o tom do papel: tinta que encosta na borda não é papel.

    O tom é a luz mais o fechamento morfológico, ao longo do perímetro, do que sobra dela: janela do maior lado.
    """
    light, (rows, columns) = lighting(level), level.shape
    rest = level - light
    around = np.concatenate([rest[0], rest[:, -1], rest[-1, ::-1], rest[::-1, 0]])
    window = min(max(level.shape), len(around) // 2) | 1
    around = _slide(_slide(around, window, np.max, "wrap"), window, np.min, "wrap")
    top, right, bottom, left = np.split(around, np.cumsum([columns, rows, columns]))
    framed = np.pad(light, 1, mode="edge")
    framed[0, 1:-1] += top
    framed[1:-1, -1] += right
    framed[-1, 1:-1] += bottom[::-1]
    framed[1:-1, 0] += left[::-1]
    framed[1:-1, 1:-1] = level
    return framed


def lighting(level):
    """A luz: a superfície de 2º grau rente à borda da folha, por mínimos quadrados assimétricos (Eilers, 2003)."""
    y, x = np.mgrid[-1 : 1 : level.shape[0] * 1j, -1 : 1 : level.shape[1] * 1j]
    terms = np.stack([np.ones_like(x), x, y, x * y, x * x, y * y], axis=-1)
    edge = np.ones(level.shape, bool)
    edge[1:-1, 1:-1] = False
    border, tones, weights = terms[edge], level[edge], np.ones(edge.sum())
    for _ in range(10):
        fitted = np.linalg.lstsq(border * weights[:, None], tones * weights, rcond=None)[0]
        weights = np.where(tones > border @ fitted, 1, 0.1)
    return terms @ fitted


def ink_is_dark(coarse, dark, light):
    """Tinta escura em papel claro, ou giz em lousa? `dark` e `light`: o que se destaca em cada hipótese.

    O traço cerca os seus buracos: vale a hipótese que se estende mais. No empate, papel é o que há mais.
    """
    half = max(dark.max(), light.max()) / 2
    extents = [_extent(height > half) for height in (dark, light)]
    if abs(extents[0] - extents[1]) > 0.1 * max(extents):
        return extents[0] > extents[1]
    edge = np.concatenate([coarse[0], coarse[-1], coarse[:, 0], coarse[:, -1]])
    return np.median(coarse) + np.median(edge) + edge.mean() >= 1.45 * (coarse.min() + coarse.max())


def _extent(mask):
    """A área da caixa que contém a máscara, em pixels."""
    return np.prod([np.ptp(np.flatnonzero(mask.any(axis))) + 1 if mask.any() else 0 for axis in (0, 1)])


def spread(array, window, pick):
    """O máximo (dilatação) ou o mínimo (erosão) numa janela quadrada: uma direção de cada vez."""
    return _slide(_slide(array, window, pick).T, window, pick).T


def _slide(array, window, pick, mode="edge"):
    """`pick` numa janela que corre pela última dimensão."""
    padded = np.pad(array, [(0, 0)] * (array.ndim - 1) + [(window // 2, window // 2)], mode=mode)
    return pick(np.lib.stride_tricks.sliding_window_view(padded, window, axis=-1), axis=-1)
