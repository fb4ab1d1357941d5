"""Deep Compression (Han, Mao e Dally, 2015) em pequeno, na LeNet-300-100: podar, dividir 16 pesos, codificar.

O artigo divide 64 pesos por camada nessa rede e treina de novo os centros; aqui são 16, sem novo treino. Mede só
armazenamento: quem executa a rede precisa antes desfazer o arquivo.
"""

import copy
import struct
from collections import OrderedDict

import numpy as np
import torch
from torch import nn
from torch.nn.utils import prune

from course_utils.model import compress, huffman, train

KEEP = {"fc1": 0.08, "fc2": 0.10, "fc3": 0.40}  # a fração de pesos que fica em cada camada
SHARED = 16
DENSE_EPOCHS, HALFWAY_EPOCHS, SPARSE_EPOCHS = 12, 10, 30
DENSE_RATE, SPARSE_RATE = 6e-3, 1e-2


def lenet(seed):
    """A LeNet-300-100 do artigo, de pesos sorteados: (n, 1, 28, 28) → logits (n, 10)."""
    torch.manual_seed(seed)
    layers = OrderedDict(flatten=nn.Flatten(), fc1=nn.Linear(784, 300), relu1=nn.ReLU())
    layers.update(fc2=nn.Linear(300, 100), relu2=nn.ReLU(), fc3=nn.Linear(100, 10))
    return nn.Sequential(layers)


def share(weights, count=SHARED):
    """k-means de uma dimensão: `(centros float32 (count,), código uint8 de cada peso)`."""
    centers = np.linspace(weights.min(), weights.max(), count, dtype=np.float32)
    for _ in range(40):
        nearest = np.abs(weights[:, None] - centers).argmin(1)
        for index in np.unique(nearest):
            centers[index] = weights[nearest == index].mean()
    return centers, np.abs(weights[:, None] - centers).argmin(1).astype(np.uint8)


def pack(weight, bias):
    """Uma camada podada (float32) → bytes: viés, centros, distâncias entre pesos e códigos, com Huffman."""
    flat = weight.ravel()
    places = np.flatnonzero(flat)
    centers, shared = share(flat[places])
    gaps = []
    for zeros in np.diff(places, prepend=-1) - 1:
        gaps += [255] * (zeros // 255) + [zeros % 255]  # 255: pule 255 zeros, ainda sem peso
    head = struct.pack("<HH", *weight.shape) + bias.astype("<f4").tobytes() + centers.astype("<f4").tobytes()
    return head + huffman.encode(np.array(gaps, np.uint8)) + huffman.encode(shared)


def unpack(data):
    """bytes → `(peso, viés, o que sobra)`: os pesos divididos, bit a bit."""
    rows, columns = struct.unpack_from("<HH", data)
    numbers = np.frombuffer(data, "<f4", rows + SHARED, 4)
    bias, centers = numbers[:rows], numbers[rows:]
    gaps, rest = huffman.decode(data[4 + 4 * len(numbers) :])
    shared, rest = huffman.decode(rest)
    ends = np.cumsum(np.where(gaps == 255, 255, gaps.astype(int) + 1)) - 1
    flat = np.zeros(rows * columns, np.float32)
    flat[ends[gaps != 255]] = centers[shared]
    return flat.reshape(rows, columns), bias, rest


def layers_of(network):
    """As camadas com pesos, em ordem: `{nome: camada}`."""
    return {name: layer for name, layer in network.named_children() if isinstance(layer, nn.Linear)}


@torch.no_grad()
def restore(data, network):
    """Põe em `network` (uma `lenet` qualquer) os bytes de `compress_lenet`; devolve-a em modo de inferência."""
    for layer in layers_of(network).values():
        weight, bias, data = unpack(data)
        layer.weight.copy_(torch.from_numpy(weight))
        layer.bias.copy_(torch.from_numpy(bias.copy()))
    return network.eval()


def prune_to(network, power):
    """Prende em zero os menores pesos de cada camada; fica a fração `KEEP ** power` (com 1, a final)."""
    for name, layer in layers_of(network).items():
        if prune.is_pruned(layer):
            prune.remove(layer, "weight")
        prune.l1_unstructured(layer, "weight", amount=1 - KEEP[name] ** power)


def compress_lenet(seed, images, labels, *, dense=DENSE_EPOCHS, halfway=HALFWAY_EPOCHS, sparse=SPARSE_EPOCHS):
    """Treina uma LeNet e, dali, de dois jeitos, as mesmas épocas: inteira (a base) e podada.

    Devolve `(base, podada, bytes)`: as duas redes, e a podada depois de dividir os pesos e empacotar.
    """

    def study(network, epochs, label, rate=SPARSE_RATE):
        return train.train(network, images, labels, epochs=epochs, rate=rate, seed=seed, label=f"LeNet, {label}")

    packed = b""
    with compress.one_thread():
        base = study(lenet(seed), dense, "começo", DENSE_RATE)
        pruned = copy.deepcopy(base)
        study(base, halfway + sparse, "base")
        for power, epochs in ((0.5, halfway), (1, sparse)):
            prune_to(pruned, power)
            study(pruned, epochs, "podada")
        for layer in layers_of(pruned).values():
            prune.remove(layer, "weight")
            packed += pack(layer.weight.detach().numpy(), layer.bias.detach().numpy())
    return base, pruned, packed
