"""As cores dos gráficos, por números: visíveis no branco e distintas para quem não distingue as cores."""

from itertools import combinations

import matplotlib
import numpy as np
import pytest
from matplotlib.colors import to_rgb

from course_utils.classroom import plots

matplotlib.use("agg")

# Machado, Oliveira e Fernandes (2009), severidade total, em RGB linear: as duas formas comuns.
SIGHTS = {
    "tricromata": np.eye(3),
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
}
PALETTE = {*plots.COLORS, *plots.COLOR_OF.values()}
XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])


def xyz(color, sight="tricromata"):
    channels = np.array(to_rgb(color))
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    return XYZ @ np.clip(np.array(SIGHTS[sight]) @ linear, 0, 1)


def lab(light):
    """CIELAB: nele, a distância entre duas cores acompanha o que se percebe."""
    x, y, z = np.cbrt(np.maximum(light / XYZ.sum(axis=1), 0.00886))
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def test_each_color_stands_out_on_white():
    contrasts = {color: 1.05 / (xyz(color)[1] + 0.05) for color in PALETTE}  # como o define a WCAG 2
    assert min(contrasts.values()) >= 3, contrasts


@pytest.mark.parametrize("sight", SIGHTS)
def test_any_two_colors_differ_for_every_kind_of_sight(sight):
    seen = {color: lab(xyz(color, sight)) for color in PALETTE}
    distances = {pair: np.linalg.norm(seen[pair[0]] - seen[pair[1]]) for pair in combinations(seen, 2)}
    assert min(distances.values()) >= 10, min(distances, key=distances.get)


def test_bars_show_values_with_units_and_decimal_comma():
    axis = plots.bars({"a": 1.5, "b": 20.0, "c": 1093.4, "d": 0.0621, "e": 0}, "ms", title="Latência")
    assert axis.get_xlabel() == "ms"
    assert [text.get_text().strip() for text in axis.texts] == ["1,50", "20,0", "1.093", "0,0621", "0"]
