"""Deep Compression em pequeno: Huffman sem perder um bit; os pesos voltam iguais, no máximo 16 por camada."""

import math

import numpy as np
import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st

from course_utils.model import deep_compression as deep
from course_utils.model import huffman, train


@given(st.binary(max_size=500), st.binary(max_size=5))
@example(b"\7", b"")
@example(b"\7\7", b"resto")
def test_what_is_encoded_comes_back_with_the_rest_untouched(data, rest):
    symbols = np.frombuffer(data, np.uint8)
    decoded, left = huffman.decode(huffman.encode(symbols) + rest)
    assert decoded.tolist() == symbols.tolist() and left == rest


@given(st.dictionaries(st.integers(0, 255), st.integers(1, 1000), min_size=2, max_size=40))
def test_no_code_starts_another_and_the_mean_is_near_the_entropy(counts):
    bits = huffman.code_lengths(counts)
    table = sorted(huffman.codes(bits).values())
    assert not any(after.startswith(before) for before, after in zip(table, table[1:]))
    assert {symbol: len(code) for symbol, code in huffman.codes(bits).items()} == bits
    total = sum(counts.values())
    entropy = -sum(count / total * math.log2(count / total) for count in counts.values())
    mean = sum(counts[symbol] * length for symbol, length in bits.items()) / total
    assert entropy - 1e-9 <= mean < entropy + 1


@pytest.mark.parametrize("places", [None, [0, 254, 509, 765, 1276, 1999]])  # um salto vai até 255
def test_what_is_unpacked_is_what_was_shared_bit_by_bit(places):
    random = np.random.default_rng(0)
    weight, bias = np.zeros((30, 400), np.float32), np.arange(30, dtype=np.float32) / 7
    chosen = np.flatnonzero(random.random(weight.size) < 0.01) if places is None else places
    weight.flat[chosen] = random.standard_normal(len(chosen))
    received, received_bias, rest = deep.unpack(deep.pack(weight, bias) + b"resto")
    centers, shared = deep.share(weight[weight != 0])
    expected = np.zeros_like(weight)
    expected[weight != 0] = centers[shared]
    assert received.tobytes() == expected.tobytes()
    assert received_bias.tobytes() == bias.tobytes() and rest == b"resto"


def test_the_whole_road_keeps_the_fractions_repeats_and_is_restored_from_its_bytes_alone():
    images, labels = (tensor[:128] for tensor in train.to_tensors("train"))
    epochs = {"dense": 1, "halfway": 1, "sparse": 1}
    base, pruned, data = deep.compress_lenet(3, images, labels, **epochs)
    assert data == deep.compress_lenet(3, images, labels, **epochs)[2]
    restored, again = deep.restore(data, deep.lenet(0)), deep.restore(data, deep.lenet(1))
    for name, layer in deep.layers_of(restored).items():
        kept = pruned.get_submodule(name).weight != 0
        assert abs(kept.float().mean().item() - deep.KEEP[name]) < 0.005
        assert torch.equal(layer.weight != 0, kept) and len(layer.weight.unique()) <= deep.SHARED + 1
        assert torch.equal(layer.weight, again.get_submodule(name).weight)
    assert 4 * sum(item.numel() for item in base.parameters()) / len(data) > 40
