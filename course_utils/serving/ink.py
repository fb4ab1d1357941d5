"""A tinta de uma folha: o papel sob ela, mesmo à sombra, e o que dele se destaca.

Só Pillow e NumPy; cada passo cita de onde vem.
"""

import heapq

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
    """Tons → tinta (float32, 0 a 1): o que se destaca do papel, em relação à tinta mais forte da vizinhança.

    Vizinhança: o limiar de Bernsen (1986). Levanta `InvalidInputError` se nada se destaca.
    """
    step = -(-max(grey.shape) // COARSE)
    coarse = _blocks(grey, step, np.mean)
    ground = paper(coarse)
    if not ink_is_dark(coarse, ground - coarse, paper(-coarse) + coarse):
        grey, ground = -grey, paper(-coarse)
    # O mínimo dos blocos vizinhos: na borda nítida de uma sombra, o papel interpolado seria mais claro que ela.
    height = np.maximum(_stretch(spread(ground, 3, np.min), grey.shape, step) - grey, 0)
    strongest, floor = ink_levels(height)
    if strongest < LEAST_CONTRAST + 3 * floor:
        raise InvalidInputError(EMPTY)
    near = spread(_blocks(height, step, np.max), COARSE // 4 | 1, np.max).clip(0.7 * strongest, strongest)
    return (height / _stretch(near, grey.shape, step)).clip(0, 1)


def paper(coarse):
    """O papel sob a tinta escura: cada bacia se enche até o ponto mais baixo por onde transborda na borda.

    A luz que cai aos poucos, ou a sombra que chega à borda, escorre por ela e continua papel. O algoritmo é o
    *priority-flood* (Barnes, Lehman e Mulla, 2014), que enche lagos em mapas de relevo.
    """
    framed = frame(coarse)
    stride, tones = framed.shape[1], framed.ravel().tolist()
    edge = np.ones(framed.shape, bool)
    edge[1:-1, 1:-1] = False
    seen = edge.ravel().tolist()
    queue = [(tones[place], place) for place in np.flatnonzero(edge).tolist()]
    heapq.heapify(queue)
    while queue:
        tone, place = heapq.heappop(queue)
        for near in (place - stride, place + stride, place - 1, place + 1):
            if 0 <= near < len(tones) and not seen[near]:
                seen[near], tones[near] = True, max(tones[near], tone)
                heapq.heappush(queue, (tones[near], near))
    return np.reshape(tones, framed.shape)[1:-1, 1:-1]


def frame(level):
    """A folha numa moldura de 1 pixel, com o tom do papel: tinta que encosta na borda não é papel.

    Fechamento morfológico ao longo do perímetro, com janela do maior lado: o mais baixo entre o da própria borda
    e o do que sobra dela depois da luz.
    """
    rows, columns = level.shape
    framed = np.pad(level, 1)
    around, light = (
        np.concatenate([item[0], item[:, -1], item[-1, ::-1], item[::-1, 0]]) for item in (level, lighting(level))
    )
    window = min(max(level.shape), len(around) // 2) | 1
    around = np.minimum(_close(around, window), _close(around - light, window) + light)
    top, right, bottom, left = np.split(around, np.cumsum([columns, rows, columns]))
    framed[0, 1:-1], framed[1:-1, -1], framed[-1, 1:-1], framed[1:-1, 0] = top, right, bottom[::-1], left[::-1]
    framed[[0, 0, -1, -1], [0, -1, 0, -1]] = np.inf
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


def _close(around, window):
    """Fechamento numa linha que dá a volta."""
    return _slide(_slide(around, window, np.max, "wrap"), window, np.min, "wrap")


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


def ink_levels(height):
    """`(tinta mais forte, mediana do que não é tinta)`, em tons; pelo histograma, que não põe pixels em ordem.

    A mais forte é a dos poucos pixels mais altos, para que um só não decida.
    """
    counts = np.bincount(height.astype(np.uint8).ravel(), minlength=256)
    few = np.clip(height.size // 2000, 12, 400)
    strongest = max(0, 255 - np.searchsorted(counts[::-1].cumsum(), few))
    below = counts[: strongest // 2 + 1].cumsum()
    return strongest, np.searchsorted(below, below[-1] / 2)


def _blocks(array, step, pick):
    """Cada bloco de `step` × `step` vira um número: `pick` (média, máximo) dele."""
    rows, columns = (-(-length // step) * step for length in array.shape)
    padded = np.pad(array, ((0, rows - array.shape[0]), (0, columns - array.shape[1])), mode="edge")
    return pick(padded.reshape(rows // step, step, columns // step, step), axis=(1, 3))


def spread(array, window, pick):
    """O máximo (dilatação) ou o mínimo (erosão) numa janela quadrada: uma direção de cada vez."""
    return _slide(_slide(array, window, pick).T, window, pick).T


def _slide(array, window, pick, mode="edge"):
    """`pick` numa janela que corre pela última dimensão."""
    padded = np.pad(array, [(0, 0)] * (array.ndim - 1) + [(window // 2, window // 2)], mode=mode)
    return pick(np.lib.stride_tricks.sliding_window_view(padded, window, axis=-1), axis=-1)


def _stretch(coarse, shape, step):
    """Os blocos de volta ao tamanho de `shape`, interpolados."""
    size = (coarse.shape[1] * step, coarse.shape[0] * step)
    full = Image.fromarray(coarse.astype(np.float32)).resize(size, Resampling.BILINEAR)
    return np.asarray(full)[: shape[0], : shape[1]]
