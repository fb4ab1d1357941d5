"""Qual é a figura? Das manchas de tinta de uma folha, a que é o dígito, ou a recusa que diz por que não há."""

import numpy as np

from course_utils.model.predictor import InvalidInputError
from course_utils.serving.ink import spread

MAX_HOLES = 4
MAX_EXITS = 7  # manchas, mais as vezes que a tinta cruza a borda da folha: nem um recorte justo chega a tanto
SHARP = 0.76  # tinta média dentro da figura: um traço é quase todo cheio; uma textura, um degradê
MAX_RUNS = 30_000  # mais pedaços que isto não é um desenho: é textura
UNCLEAR = "Não encontrei uma figura clara: {}. Fotografe um dígito só, de perto, em papel liso e sem sombras."
SEVERAL = "Encontrei mais de uma figura; recorte a foto e mande um dígito de cada vez."


def isolate(ink):
    """Tinta (float 0 a 1, de qualquer tamanho) → só a figura, recortada e com contraste: float32.

    Levanta `InvalidInputError` se há duas figuras, nenhuma clara, ou só uma mancha cheia.
    """
    mask = ink > 0.5
    boxes, areas = blobs(_mend(mask))
    main = boxes[areas.argmax()]
    pieces = (areas > 0.01 * areas.max()).sum()
    inner = main[0] > 0 and main[2] > 0 and main[1] < mask.shape[0] and main[3] < mask.shape[1]
    exits = 0 if inner else _exits(mask)  # pontinhos na borda não fazem da folha uma textura
    if exits > 2 and exits + pieces > MAX_EXITS or exits > 1 and ink[mask].mean() < SHARP:
        raise InvalidInputError(UNCLEAR.format("as manchas não têm contorno, ou saem por todos os lados"))
    kept = []
    if (areas > 0.25 * areas.max()).sum() > 4 or pieces > 12:
        raise InvalidInputError(UNCLEAR.format("há tinta espalhada por toda a folha"))
    for box, area in zip(boxes, areas):
        if area < 0.01 * areas.max():
            continue
        if is_another(main, box):
            raise InvalidInputError(SEVERAL)
        if gap(main, box) < 0.3 * max(main[1] - main[0], main[3] - main[2]):
            kept.append((box, area))
    inside = sum(area for _, area in kept)
    if inside < 0.7 * areas.sum():
        raise InvalidInputError(UNCLEAR.format("há tinta espalhada por toda a folha"))
    corners = np.array([box for box, _ in kept])
    top, bottom, left, right = (*_span(corners[:, :2]), *_span(corners[:, 2:]))
    height, width = bottom - top, right - left
    crop = mask[top:bottom, left:right]
    if width > 1.9 * height:
        raise InvalidInputError(UNCLEAR.format("ela é larga demais para um dígito"))
    if holes(crop) > MAX_HOLES:
        raise InvalidInputError(UNCLEAR.format("ela parece uma textura"))
    if is_blot(crop):
        raise InvalidInputError(UNCLEAR.format("há uma mancha cheia, e não um traço"))
    margin = max(1, round(0.01 * max(height, width)))
    top, left = max(0, top - margin), max(0, left - margin)
    crop = ink[top : bottom + margin, left : right + margin]
    return ((crop - 0.35) / 0.6).clip(0, 1)


def _exits(mask):
    """Quantas vezes a tinta cruza a borda da folha."""
    around = np.concatenate([mask[0], mask[:, -1], mask[-1, ::-1], mask[::-1, 0]])
    return np.count_nonzero(around[1:] > around[:-1])


def _mend(mask):
    """Junta o que uma falha na tinta separou: uma dilatação de 1 pixel em cada 250."""
    return spread(mask, 2 * round(max(mask.shape) / 250) + 1, np.max)


def _span(pairs):
    return pairs[:, 0].min(), pairs[:, 1].max()


def is_another(main, box):
    """Se `box` tem altura de outro dígito e fica ao lado de `main`, ou embaixo, sem se misturar com ele."""
    heights = sorted((main[1] - main[0], box[1] - box[0]))
    return heights[0] > 0.5 * heights[1] and gap(main, box) >= 1


def gap(main, box):
    """A distância entre duas caixas, em pixels (a maior das duas direções)."""
    return max(box[0] - main[1], main[0] - box[1], box[2] - main[3], main[2] - box[3], 0)


def is_blot(mask):
    """Se a mancha é cheia: o maior quadrado que cabe nela não caberia num traço."""
    table = np.zeros(np.array(mask.shape) + 1, np.int64)
    table[1:, 1:] = mask.cumsum(0).cumsum(1)
    side = max(2, round(0.55 * max(mask.shape)))
    if side > min(mask.shape):
        return mask.mean() > 0.85 and max(mask.shape) < 2.5 * min(mask.shape)
    sums = table[side:, side:] - table[:-side, side:] - table[side:, :-side] + table[:-side, :-side]
    return sums.max() > 0.97 * side**2


def holes(mask):
    """Quantos buracos a figura tem (o 8 tem dois), sem contar os que são só uma falha na tinta."""
    _, areas = blobs(~np.pad(mask, 1))
    return (areas > 0.003 * mask.size).sum() - 1


def blobs(mask):
    """As manchas (vizinhança de 8): caixas int (n, 4), em (topo, base, esquerda, direita), e áreas int (n,).

    Rotula corridas de pixels, e não pixels (Rosenfeld e Pfaltz, 1966). Levanta `InvalidInputError` se são demais.
    """
    edges = np.diff(np.pad(mask, ((0, 0), (1, 1))).astype(np.int8), axis=1)
    rows, starts = np.nonzero(edges == 1)
    ends = np.nonzero(edges == -1)[1]
    if len(rows) > MAX_RUNS:
        raise InvalidInputError(UNCLEAR.format("a folha inteira é textura"))
    stride = mask.shape[1] + 2
    first = np.searchsorted(rows * stride + ends, (rows + 1) * stride + starts, side="left")
    last = np.searchsorted(rows * stride + starts, (rows + 1) * stride + ends, side="right")
    counts = np.maximum(last - first, 0)
    above = np.repeat(np.arange(len(rows)), counts)
    below = np.arange(counts.sum()) - np.repeat(counts.cumsum() - counts, counts) + np.repeat(first, counts)
    labels = np.arange(len(rows))
    while True:
        lowest = labels.copy()
        np.minimum.at(lowest, above, labels[below])
        np.minimum.at(lowest, below, labels[above])
        lowest = lowest[lowest]
        if (lowest == labels).all():
            break
        labels = lowest
    names, index = np.unique(labels, return_inverse=True)
    boxes = np.empty((len(names), 4), int)
    boxes[:, 0], boxes[:, 2] = mask.shape
    boxes[:, 1] = boxes[:, 3] = 0
    for column, pick, values in (
        (0, np.minimum, rows),
        (1, np.maximum, rows + 1),
        (2, np.minimum, starts),
        (3, np.maximum, ends),
    ):
        pick.at(boxes[:, column], index, values)
    return boxes, np.bincount(index, ends - starts)
