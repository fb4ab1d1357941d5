"""Exercícios dos laboratórios 08, 09, 10 e dos que vão além da aula: cluster, vigia, modelo de linguagem."""

from itertools import permutations
from math import nan

import numpy as np

from course_utils.classroom import capstone
from course_utils.classroom.exercises.engine import call, require, same, show, unpack

# Os pesos e os bits; as marcas e a escala de cada linha (0: qualquer uma serve); o próximo passo de quem erra.
CHANNELS = (
    ([[100, -254]], 8, [[50, -127]], [2], "divida o maior |peso| da linha (axis=1) pela maior marca."),
    ([[100, -254], [127, 1]], 8, [[50, -127], [127, 1]], [2, 1], "a escala é uma por linha: use axis=1."),
    ([[7, -3]], 4, [[7, -3]], [1], "com 4 bits a maior marca é 7."),
    ([[127, 1.6]], 8, [[127, 2]], [1], "arredonde com np.rint."),
    ([[127, 1], [0, 0]], 8, [[127, 1], [0, 0]], [1, 0], "cuide da linha de zeros."),
)
# Duas camadas; na primeira, as normas são 1, 9, 5 e 8 (e não é a soma dos pesos que diz quais são as maiores).
W1, B1 = np.array([[1.0, 0], [0, -9], [3, 4], [0, 8]]), np.array([10.0, 11, 12, 13])
W2 = np.array([[0.0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11]])
# Quantos neurônios ficam, quais são, e o próximo passo de quem fica com outros.
KEPT = (
    ((1, 3), "fique com as linhas de maior norma de w1."),
    ((1, 2, 3), "`count` diz quantas linhas ficam: não são sempre duas."),
)
# Em curso, alvo, mínimo e máximo; as réplicas; o próximo passo de quem erra.
REPLICAS = (
    ((9, 4, 1, 5), 3, "com duas, cada uma teria mais que o alvo: arredonde para cima."),
    ((8, 4, 1, 5), 2, "a conta exata não pede uma a mais."),
    ((100, 4, 1, 5), 5, "nunca passe do máximo."),
    ((0, 4, 1, 5), 1, "sem pedidos, fica o mínimo."),
    ((0, 4, 0, 5), 0, "o mínimo pode ser zero."),
    ((5, 2.5, 2, 8), 2, "o alvo pode ser fracionário."),
)
# Os valores e, às vezes, o limite e as janelas; a janela em que o alarme toca.
SERIES = (
    (([0.02, 0.3, 0.4, 0.5, 0.6],), 3, "toque na janela que completa a sequência, e só nela."),
    (([0.3, 0.3, 0.1, 0.3, 0.3, 0.2],), None, "zere a conta quando uma janela não passa."),
    (([0.25, 0.25, 0.25],), None, "acima do limite é `>`, não `>=`."),
    (([0.9, 0.9, nan, 0.9, 0.9],), None, "um NaN interrompe a sequência."),
    (([0.02, 0.12, 0.11], 0.1, 2), 2, "use `limit` e `windows`, e não 0,25 e 3."),
)
# Tokens, camadas, cabeças de chave e valor, números por cabeça, bytes por número; os bytes.
TWO = "são duas tabelas por camada, a das chaves (K) e a dos valores (V), em bytes."
CACHES = (
    ((1, 1, 1, 1, 1), 2, TWO),
    ((1, 30, 1, 1, 1), 60, "cada camada tem o seu cache."),
    ((1, 30, 3, 64, 1), 11_520, "cada cabeça guarda todos os seus números."),
    ((1, 30, 3, 64, 4), 46_080, "falta o tamanho de cada número, em bytes."),
    ((8192, 30, 3, 64, 2), 188_743_680, "cada token ocupa o seu lugar no cache."),
)


def per_channel(answer):
    """`per_channel(weights, bits)` → marcas simétricas e uma escala por linha."""
    for weights, bits, *expected, step in CHANNELS:
        with np.errstate(all="ignore"):
            received = call(answer, np.array(weights, np.float32), bits)
        marks, scales = unpack(received, "marks, scales")
        told = f"{show(marks)} e {show(scales)}"
        scales = scales.reshape(-1)
        if scales.size == len(weights):
            scales = np.where(np.any(weights, axis=1), scales, 0 * scales)  # um NaN continua NaN
        right = same(marks, np.array(expected[0])) and same(scales, np.array(expected[1]))
        require(right, f"{expected[0]} e {expected[1]} com ({weights}, {bits})", told, step)


def prune_pair(answer):
    """Tirar neurônios de uma camada e, na seguinte, as colunas que liam deles; em qualquer ordem."""
    for best, choose in KEPT:
        w1, b1, w2 = unpack(call(answer, W1, B1, W2, len(best)), "w1, b1, w2")
        orders = map(list, permutations(best))
        kept = next((order for order in orders if same(w1, W1[order])), list(best))
        for name, received, expected, step in (
            ("w1", w1, W1[kept], choose),
            ("b1", b1, B1[kept], "use b1[kept]."),
            ("w2", w2, W2[:, kept], "a camada seguinte perde colunas: w2[:, kept], na mesma ordem."),
        ):
            require(same(received, expected), f"{name} = {show(expected)}", show(received), step)


def delivery(answer):
    """A entrega do deploy da central; mostra o laudo inteiro."""
    report = capstone.inspect(answer)
    print(report, end="\n\n")
    for item in report.items:
        require(item.ok is not False, f"{item.expected} ({item.what})", item.received, item.next_step)
