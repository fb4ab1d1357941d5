"""Números como se escrevem no Brasil, vírgula nos decimais e ponto nos milhares; e em colunas."""


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


def count(number, name):
    """Quantos: `count(1, "núcleo")` é "1 núcleo"; `count(3, "núcleo")`, "3 núcleos"."""
    return f"{number} {name}{'' if number == 1 else 's'}"


def aligned(rows):
    """As `rows`, de textos, como uma tabela (str): a primeira coluna à esquerda, as outras à direita."""
    widths = [max(map(len, column)) for column in zip(*rows)]
    lines = []
    for first, *others in rows:
        cells = [f"{cell:>{width}}" for cell, width in zip(others, widths[1:])]
        lines.append("  ".join([f"{first:{widths[0]}}", *cells]).rstrip())
    return "\n".join(lines)
