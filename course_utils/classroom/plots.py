"""Gráficos do curso: cores que um daltônico distingue e que se veem no papel branco, eixos com unidade.

As de Okabe e Ito (2008), quatro delas escurecidas: todas com o contraste de 3:1 que a WCAG pede (1.4.11).
"""

import math

import matplotlib.pyplot as plt

from course_utils.measure.numbers import br

COLORS = ["#0072B2", "#C38700", "#008F68", "#CC79A7", "#B84A00", "#4A9BC8"]
# A mesma coisa, da mesma cor, em todas as figuras da aula.
COLOR_OF = {
    "PyTorch": "#B84A00", "TensorFlow": "#C38700", "Keras": "#C38700", "ONNX": "#0072B2",
    "ONNX Runtime": "#0072B2", "LiteRT": "#008F68", "navegador": "#4A9BC8",
    "Flask": "#CC79A7", "FastAPI": "#7A5FB5",
    "dedicado": "#6B6B6B", "nuvem": "#4A9BC8", "borda": "#008F68",
    "float32": "#0072B2", "float16": "#4A9BC8", "int8": "#B84A00", "poda": "#008F68", "poda + int8": "#7A5FB5",
}  # fmt: skip


def digit_row(images, titles):
    """Uma fila de dígitos, tinta escura em papel claro. `images`: (n, 28, 28); devolve os n Axes."""
    figure, axes = plt.subplots(1, len(images), figsize=(1.1 * len(images), 1.5), squeeze=False)
    for axis, image, title in zip(axes[0], images, titles):
        axis.imshow(image, cmap="gray_r")
        axis.set_title(title, fontsize=9)
        axis.axis("off")
    return axes[0]


def bars(values, unit, *, title=""):
    """Barras horizontais com o valor escrito em cada uma. `values`: `{nome: número}`; devolve o Axes."""
    _, axis = plt.subplots(figsize=(7, 0.5 * len(values) + 1))
    colors = [COLORS[number % len(COLORS)] for number in range(len(values))]
    drawn = axis.barh(list(values), list(values.values()), color=colors)
    axis.bar_label(drawn, labels=[f" {_label(value)}" for value in values.values()])
    axis.invert_yaxis()
    axis.margins(x=0.15)
    axis.set(xlabel=unit, title=title)
    return axis


def _label(value):
    """Um número com três algarismos, como se lê: "1.093", "24,5", "0,062"."""
    decimals = 2 - math.floor(math.log10(abs(value))) if value else 0
    return br(value, max(0, decimals))


def load_curve(loads, *, title=""):
    """Latência (p50 e p95) e, embaixo, vazão, contra o número de clientes; devolve os dois Axes.

    `loads`: a lista de `Load`, um por número de clientes.
    """
    clients = [load.concurrency for load in loads]
    _, (latency, rate) = plt.subplots(2, 1, figsize=(7, 5), sharex=True, height_ratios=[3, 2])
    for name, marker, color in (("p50", "o", COLORS[0]), ("p95", "^", COLORS[4])):
        latency.plot(clients, [getattr(load, name) for load in loads], marker=marker, color=color, label=name)
    rate.plot(clients, [load.requests_per_second for load in loads], marker="s", linestyle="--", color=COLORS[2])
    rate.set_xscale("log", base=2)
    rate.set_xticks(clients, map(str, clients))
    rate.set(xlabel="clientes simultâneos", ylabel="vazão (requisições/s)")
    latency.set(ylabel="latência (ms)", title=title)
    latency.legend()
    for axis in (latency, rate):
        axis.set_ylim(0, 1.08 * axis.dataLim.ymax)
        axis.grid(alpha=0.3)
    return latency, rate
