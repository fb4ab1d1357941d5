"""Código de Huffman (1952): símbolos frequentes ganham códigos curtos, e nenhum código começa por outro.

`encode` e `decode` vão e voltam sem perder um bit; a tabela de códigos viaja junto, e conta no tamanho.
"""

import heapq
import struct
from collections import Counter

import numpy as np

HEADER = "<IIH"  # quantos símbolos, quantos bytes de código, quantos símbolos diferentes


def code_lengths(counts):
    """`{símbolo: quantas vezes aparece}` → `{símbolo: bits}`: junta sempre os dois grupos mais raros."""
    heap = [(count, symbol, (symbol,)) for symbol, count in counts.items()]
    heapq.heapify(heap)
    bits = dict.fromkeys(counts, int(len(heap) == 1))
    while len(heap) > 1:
        (first, tie, left), (second, _, right) = heapq.heappop(heap), heapq.heappop(heap)
        for symbol in left + right:
            bits[symbol] += 1
        heapq.heappush(heap, (first + second, tie, left + right))
    return bits


def codes(bits):
    """`{símbolo: bits}` → `{símbolo: "0110"}`, na ordem canônica: bastam os comprimentos para refazer a tabela."""
    table, code, previous = {}, 0, 0
    for length, symbol in sorted((length, symbol) for symbol, length in bits.items()):
        code <<= length - previous
        table[symbol] = f"{code:0{length}b}"
        code, previous = code + 1, length
    return table


def encode(symbols):
    """uint8 (n,) → bytes."""
    bits = code_lengths(Counter(symbols.tolist()))
    table = codes(bits)
    text = "".join(table[symbol] for symbol in symbols.tolist())
    body = np.packbits(np.frombuffer(text.encode(), np.uint8) - ord("0")).tobytes()
    lengths = bytes(value for pair in bits.items() for value in pair)
    return struct.pack(HEADER, len(symbols), len(body), len(bits)) + lengths + body


def decode(data):
    """bytes → `(uint8 (n,), o que sobra dos bytes)`: vários trechos podem ser guardados em fila."""
    count, size, different = struct.unpack_from(HEADER, data)
    start = struct.calcsize(HEADER)
    lengths, body = data[start : start + 2 * different], data[start + 2 * different :][:size]
    symbol_of = {code: symbol for symbol, code in codes(dict(zip(lengths[::2], lengths[1::2]))).items()}
    symbols, code = bytearray(), ""
    for bit in "".join(f"{byte:08b}" for byte in body):
        code += bit
        if code in symbol_of and len(symbols) < count:
            symbols.append(symbol_of[code])
            code = ""
    return np.frombuffer(bytes(symbols), np.uint8), data[start + 2 * different + size :]
