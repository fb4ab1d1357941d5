"""Preços como entrada, nunca como constante: `data/prices.csv`, que se edita, com data e fonte em cada linha.

O arquivo não tem SHA-256: ele é de quem usa.
"""

import csv
import math
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from course_utils.files import DATA

FILE = DATA / "prices.csv"
COLUMNS = ("key", "provider", "item", "price", "unit", "currency", "date", "source")
MAX_AGE_DAYS = 365
EXPECTED = (
    "Esperava todas as colunas preenchidas: o preço, um número maior que zero, com ponto; a data, até hoje, como "
    "2026-11-23, ou nada. Um texto com vírgula vai entre aspas."
)
HOW_TO_RESTORE = "Para restaurar o original: git checkout -- data/prices.csv (ou baixe o projeto de novo)."


class PriceError(ValueError):
    """O arquivo de preços não pode ser lido; a mensagem diz a linha, o que chegou e o que se esperava."""


@dataclass(frozen=True)
class Price:
    """Uma linha: `price` em `currency` por `unit`; `date` é None se a fonte não diz de quando é."""

    key: str
    provider: str
    item: str
    price: float
    unit: str
    currency: str
    date: date | None
    source: str


class Prices(dict):
    """As linhas pela chave; a que falta (apagada, ou cortada com o fim do arquivo) é dita numa frase."""

    def __missing__(self, key):
        raise PriceError(f"Falta a linha {key} em prices.csv. {HOW_TO_RESTORE}")


def load(file=FILE, *, warn=print):
    """Lê, confere e devolve `{chave: Price}`, na ordem do arquivo.

    Para cada linha com mais de um ano, ou sem data, chama `warn` com uma frase. Levanta `PriceError` se falta o
    arquivo ou uma coluna, ou se um valor não serve.
    """
    rows = Prices()
    for number, cells in _read(Path(file)):
        row = _parse(cells, number)
        if row.key in rows:
            raise PriceError(f"Linha {number} de prices.csv: a chave {row.key} já apareceu. {HOW_TO_RESTORE}")
        rows[row.key] = row
        what = f"Atenção: {row.provider}, {row.item}: preço"
        if row.date is None:
            warn(f"{what} sem data. Confira antes de decidir por ele.")
        elif (date.today() - row.date).days > MAX_AGE_DAYS:
            warn(f"{what} de {row.date:%d/%m/%Y}, com mais de um ano. Confira-o.")
    return rows


def in_dollars(row, rows):
    """O preço de `row` em US$ (float), pelo câmbio que está em `rows` (chaves `dolar_em_brl`, `dolar_em_eur`…).

    Levanta `PriceError` se o arquivo não traz o câmbio dessa moeda.
    """
    if row.currency == "USD":
        return row.price
    key = f"dolar_em_{row.currency.lower()}"
    if key not in rows:
        raise PriceError(f"Falta a linha {key}: não sei converter {row.currency} em US$.")
    return row.price / rows[key].price


def per_million(hourly, rate, utilisation):
    """O preço de um milhão de requisições, na moeda de `hourly` (por hora): só conversão de unidades.

    É a conta do notebook 03. `rate`: requisições por segundo que a máquina cheia atende; `utilisation`: a fração
    de cada hora, de 0 a 1, em que ela tem o que atender.
    """
    return hourly * 1e6 / (rate * 3600 * utilisation)


def _read(file):
    """`(número da linha, {coluna: texto})` de cada linha que não está vazia."""
    try:
        # O Excel põe uma marca no começo do UTF-8; "utf-8-sig" a tira, se houver.
        reader = csv.DictReader(file.read_text(encoding="utf-8-sig").splitlines(), restval="")
    except (FileNotFoundError, UnicodeDecodeError):
        raise PriceError(f"Falta {file.name}, ou ele não está em UTF-8. {HOW_TO_RESTORE}") from None
    missing = [name for name in COLUMNS if name not in (reader.fieldnames or [])]
    if missing:
        raise PriceError(f"{file.name} está sem a coluna {', '.join(missing)}. {HOW_TO_RESTORE}")
    return [(reader.line_num, row) for row in reader if any(row.values())]


def _parse(cells, number):
    """Uma linha do CSV, conferida, como `Price`."""
    try:
        values = {name: cells[name].strip() for name in COLUMNS}
        price = float(values["price"])
        day = date.fromisoformat(values["date"]) if values["date"] else None
        told = all(values[name] for name in COLUMNS if name != "date") and None not in cells
        good = told and 0 < price < math.inf
    except ValueError:
        good = False
    if not good or (day or date.min) > date.today():
        raise PriceError(f"Linha {number} de prices.csv: recebi {', '.join(map(str, cells.values()))}. {EXPECTED}")
    return Price(**values | {"price": price, "date": day})
