"""Qual é a figura? Das manchas de tinta de uma folha, a que é o dígito, ou a recusa que diz por que não há."""

import numpy as np
from PIL import Image, ImageFilter

from course_utils.model.predictor import InvalidInputError
from course_utils.serving.ink import spread

COARSE = 140  # o maior lado em que se procuram manchas
MAX_PIECES = 12
MAX_HOLES = 4
MAX_EXITS = 7  # manchas, mais as vezes que a tinta cruza a borda da folha: nem um recorte justo chega a tanto
SHARP = 0.76  # tinta média dentro da figura: um traço é quase todo cheio; uma textura, um degradê
UNCLEAR = "Não encontrei uma figura clara: {}. Fotografe um dígito só, de perto, em papel liso e sem sombras."
SCATTERED = UNCLEAR.format("há tinta espalhada pela folha")
BLOT = UNCLEAR.format("há uma mancha cheia, e não um traço")
SEVERAL = "Encontrei mais de uma figura; recorte a foto e mande um dígito de cada vez."


def isolate(ink):
    """Tinta (float 0 a 1, de qualquer tamanho) → só a figura, recortada e com contraste: float32.

    Levanta `InvalidInputError` se há duas figuras, nenhuma clara, ou só uma mancha cheia.
    """
    mask = ink > 0.5
    step = -(-max(mask.shape) // COARSE)
    blobs = find_blobs(spread(mask, 2 * step - 1, np.max)[::step, ::step])
    areas = np.array([len(blob) for blob in blobs])
    pieces = (areas > 0.01 * areas[0]).sum()
    exits = count_exits(mask)
    crowded = pieces > MAX_PIECES or (exits > 2 and exits + pieces > MAX_EXITS)
    if crowded or exits > 1 and ink[mask].mean() < SHARP:
        raise InvalidInputError(SCATTERED)
    boxes = [step * np.array([blob.min(0), blob.max(0) + 1]) for blob in blobs[:pieces]]
    if any(is_another(boxes[0], box) for box in boxes[1:]):
        raise InvalidInputError(SEVERAL)
    near = [gap(boxes[0], box) < 0.3 * np.ptp(boxes[0], axis=0).max() for box in boxes]
    kept = np.array(boxes)[near]
    (top, left), (bottom, right) = kept[:, 0].min(0), kept[:, 1].max(0)
    crop = mask[top:bottom, left:right]
    scattered = areas[:pieces][near].sum() < 0.7 * areas.sum()
    if scattered or right - left > 1.9 * (bottom - top) or count_holes(crop[::step, ::step]) > MAX_HOLES:
        raise InvalidInputError(SCATTERED)
    if is_blot(crop):
        raise InvalidInputError(BLOT)
    crop = ink[max(0, top - step) : bottom, max(0, left - step) : right]
    return ((crop - 0.35) / 0.6).clip(0, 1)


def find_blobs(mask):
    """As manchas (vizinhança de 8), da maior à menor: de cada uma, os pixels, int (n, 2).

    Cada pixel toma o menor nome da vizinhança, e depois o do dono desse nome, até que nenhum mude.
    """
    nobody = mask.size
    names, lowest = None, np.where(mask, np.arange(nobody).reshape(mask.shape), nobody)
    while not np.array_equal(names, lowest):
        names = lowest
        lowest = np.where(mask, spread(names, 3, np.min), nobody)
        lowest = np.append(lowest, nobody)[lowest]
    order = np.argsort(names[mask], kind="stable")
    cuts = np.flatnonzero(np.diff(names[mask][order])) + 1
    return sorted(np.split(np.argwhere(mask)[order], cuts), key=len, reverse=True)


def count_exits(mask):
    """Quantas vezes a tinta cruza a borda da folha."""
    around = np.concatenate([mask[0], mask[:, -1], mask[-1, ::-1], mask[::-1, 0]])
    return np.count_nonzero(around[1:] > around[:-1])


def count_holes(mask):
    """Quantos buracos a figura tem (o 8 tem dois), sem contar os que são só uma falha na tinta."""
    return sum(len(blob) > 0.003 * mask.size for blob in find_blobs(~np.pad(mask, 1))) - 1


def is_another(main, box):
    """Se `box` tem altura de outro dígito e fica ao lado de `main`, ou embaixo, sem se misturar com ele."""
    short, tall = sorted((np.ptp(main[:, 0]), np.ptp(box[:, 0])))
    return short > 0.5 * tall and gap(main, box) >= 1


def gap(main, box):
    """A distância entre duas caixas (`[[topo, esquerda], [base, direita]]`), na direção em que é maior: pixels."""
    return max(0, *(box[0] - main[1]), *(main[0] - box[1]))


def is_blot(mask):
    """Se a mancha é cheia: ela toma a sua caixa, ou cabe nela um quadrado que não caberia num traço."""
    short, tall = sorted(mask.shape)
    side = round(0.55 * tall)
    picture = Image.fromarray(np.pad(255 * mask.astype(np.uint8), side))
    fullest = picture.filter(ImageFilter.BoxBlur((side - 1) / 2)).getextrema()[1]
    return fullest > 0.97 * 255 or (mask.mean() > 0.85 and tall < 2.5 * short)
