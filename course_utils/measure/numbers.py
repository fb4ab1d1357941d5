"""Números como se escrevem no Brasil: vírgula nos decimais, ponto nos milhares."""


def br(value, decimals=1):
    """`value` (número) como texto: `br(1234.5)` é "1.234,5"; `br(7.4, 0)`, "7"; None ou NaN, um traço."""
    if value is None or value != value:
        return "–"
    return f"{value:,.{decimals}f}".translate(str.maketrans(",.", ".,"))


def percent(fraction, decimals=1):
    """Uma fração de 0 a 1 como porcentagem: `percent(0.981)` é "98,1 %"."""
    return f"{br(100 * fraction, decimals)} %"


def times(ratio, decimals=1):
    """Uma razão: `times(3.44)` é "3,4×"."""
    return f"{br(ratio, decimals)}×"
