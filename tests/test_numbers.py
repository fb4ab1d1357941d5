"""Números em português: vírgula decimal, ponto de milhar, um traço onde não há número."""

import pytest

from course_utils.measure.numbers import br, percent, times


@pytest.mark.parametrize(
    ("value", "decimals", "text"),
    [
        (7.4, 1, "7,4"), (7.45, 0, "7"), (1234567.891, 2, "1.234.567,89"), (-0.5, 1, "-0,5"), (0, 1, "0,0"),
        (1000, 0, "1.000"), (None, 1, "–"), (float("nan"), 1, "–"),
    ],
)  # fmt: skip
def test_a_number_is_written_as_in_brazil(value, decimals, text):
    assert br(value, decimals) == text


def test_fractions_and_ratios_carry_their_sign():
    assert percent(0.9812) == "98,1 %" and percent(0.5, 0) == "50 %" and times(13.27) == "13,3×"
