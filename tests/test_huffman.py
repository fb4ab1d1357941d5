"""O código de Huffman: vai e volta sem perder um bit, e não gasta mais que a entropia mais um bit por símbolo."""

import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from course_utils.model import huffman


@given(st.binary(max_size=500), st.binary(max_size=5))
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


def test_the_size_of_a_word_known_from_textbooks():
    counts = Counter(b"abracadabra")
    bits = huffman.code_lengths(counts)
    assert sum(counts[symbol] * bits[symbol] for symbol in counts) == 23


def test_a_frequent_symbol_shrinks_the_data():
    symbols = np.array([0] * 9000 + list(range(1, 101)) * 10, np.uint8)
    assert len(huffman.encode(symbols)) < len(symbols) / 4


@pytest.mark.parametrize("length", [0, 1, 2])
def test_one_symbol_only(length):
    symbols = np.full(length, 7, np.uint8)
    assert huffman.decode(huffman.encode(symbols))[0].tolist() == [7] * length
