"""A prova escondida: envelopes feitos com a divisão de *validação*, deslocada e suja como na esteira.

O teste continua tocado uma vez só (notebook 09): o que serve para escolher e corrigir é a validação.
"""

import numpy as np

from course_utils.model import digits

SEED = 32
SHIFT = 2  # pixels, para cada lado
NOISE = 12.0  # desvio padrão, em níveis de cinza, só onde há tinta


def envelopes(per_envelope=8, count=50):
    """Sempre os mesmos CEPs: imagens uint8 (count, per_envelope, 28, 28) e rótulos (count, per_envelope)."""
    random = np.random.default_rng(SEED)
    images, labels = digits.load("validation")
    chosen = random.permutation(len(images))[: count * per_envelope]
    moved = np.stack([_move(images[index], *random.integers(-SHIFT, SHIFT + 1, 2)) for index in chosen])
    dirty = moved + random.normal(0, NOISE, moved.shape) * (moved > 0)
    shape = (count, per_envelope)
    return dirty.round().clip(0, 255).astype(np.uint8).reshape(*shape, 28, 28), labels[chosen].reshape(shape)


def _move(image, down, right):
    """A imagem deslocada; o que sai por uma borda não volta pela outra."""
    padded = np.pad(image, SHIFT)
    top, left = SHIFT - down, SHIFT - right
    return padded[top : top + 28, left : left + 28]
