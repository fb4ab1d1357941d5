"""Deep Compression em pequeno: os pesos voltam bit a bit, e são no máximo 16 por camada."""

import numpy as np
import torch

from course_utils.model import deep_compression as deep
from course_utils.model import train


def sparse_weight(shape, kept, seed=0):
    """float32 com a fração `kept` de pesos diferentes de zero."""
    random = np.random.default_rng(seed)
    return (random.standard_normal(shape) * (random.random(shape) < kept)).astype(np.float32)


def test_what_is_unpacked_is_what_was_shared_bit_by_bit():
    weight, bias = sparse_weight((30, 400), 0.01), np.arange(30, dtype=np.float32) / 7  # há saltos de mais de 255
    received, received_bias, rest = deep.unpack(deep.pack(weight, bias) + b"resto")
    places = weight != 0
    centers, shared = deep.share(weight[places])
    expected = np.zeros_like(weight)
    expected[places] = centers[shared]
    assert received.tobytes() == expected.tobytes()
    assert received_bias.tobytes() == bias.tobytes() and rest == b"resto"


def test_gaps_around_the_255_zeros_survive():
    weight = np.zeros((1, 2000), np.float32)
    weight[0, [0, 254, 509, 765, 1276, 1999]] = 1, 2, 3, 4, 5, 6
    received, _, _ = deep.unpack(deep.pack(weight, np.zeros(1, np.float32)))
    assert np.flatnonzero(received).tolist() == np.flatnonzero(weight).tolist()
    np.testing.assert_allclose(received, weight)


def test_sharing_finds_the_groups():
    weights = np.repeat(np.array([-1, 0.5, 2], np.float32), 50)
    centers, codes = deep.share(weights)
    np.testing.assert_array_equal(centers[codes], weights)
    assert len(centers) == deep.SHARED


def test_a_network_is_restored_from_its_bytes_alone():
    network = deep.lenet(0)
    with torch.no_grad():
        for number, layer in enumerate(deep.layers_of(network).values()):
            layer.weight.copy_(torch.from_numpy(sparse_weight(layer.weight.shape, 0.05, number)))
    data = deep.store(network)
    first, second = deep.restore(data, deep.lenet(1)), deep.restore(data, deep.lenet(2))
    for name, layer in deep.layers_of(first).items():
        assert torch.equal(layer.weight, second.get_submodule(name).weight)
        assert len(layer.weight.unique()) <= deep.SHARED + 1
        assert torch.equal(layer.weight == 0, network.get_submodule(name).weight == 0)


def test_the_whole_road_keeps_the_fractions_and_repeats():
    images, labels = (tensor[:128] for tensor in train.to_tensors("train"))
    epochs = {"dense": 1, "halfway": 1, "sparse": 1}
    base, pruned, data = deep.compress_lenet(3, images, labels, **epochs)
    assert data == deep.compress_lenet(3, images, labels, **epochs)[2]
    restored = deep.restore(data, deep.lenet(0))
    for name, layer in deep.layers_of(restored).items():
        kept = pruned.get_submodule(name).weight != 0
        assert abs(kept.float().mean().item() - deep.KEEP[name]) < 0.005
        assert torch.equal(layer.weight != 0, kept)
    assert 4 * sum(item.numel() for item in base.parameters()) / len(data) > 40
