"""Preços como entrada, nunca como constante: `data/prices.csv`, que se edita, com data e fonte em cada linha.

O arquivo não tem SHA-256: ele é de quem usa.
"""

import csv
import datetime
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from course_utils.files import DATA, how_to_restore

FILE = DATA / "prices.csv"
MAX_AGE_DAYS = 365
EXPECTED = "Esperava tudo preenchido, o preço como 0.115, a data como 2026-11-23 ou nada, aspas onde há vírgula."


class PriceError(ValueError):
    """O arquivo de preços não pode ser lido; a mensagem diz a linha, o que chegou e o que se esperava."""


class Price(BaseModel):
    """Uma linha: `price` em `currency` por `unit`; `date` é None se a fonte não diz de quando é."""

    model_config = ConfigDict(frozen=True, str_strip_whitespace=True, str_min_length=1)
    key: str
    provider: str
    item: str
    price: float = Field(gt=0, allow_inf_nan=False)
    unit: str
    currency: str
    date: Annotated[datetime.date | None, BeforeValidator(lambda text: text or None)]
    source: str

    @property
    def when(self):
        """De quando é: "11/2026"; "07/2025, confira" se tem mais de um ano; "sem data"."""
        if self.date is None:
            return "sem data"
        old = (datetime.date.today() - self.date).days > MAX_AGE_DAYS
        return f"{self.date:%m/%Y}" + (", confira" if old else "")


class Prices(dict):
    """As linhas pela chave; a que falta (apagada, ou cortada com o fim do arquivo) é dita numa frase."""

    def __missing__(self, key):
        raise PriceError(f"Falta a linha {key} em {FILE.name}. {how_to_restore(FILE)}")


def load(file=FILE):
    """Lê, confere e devolve `{chave: Price}`, na ordem do arquivo; levanta `PriceError` se algo nele não serve."""
    rows = Prices()
    try:
        # O Excel põe uma marca no começo do UTF-8; "utf-8-sig" a tira, se houver.
        reader = csv.DictReader(file.read_text(encoding="utf-8-sig").splitlines())
    except (OSError, UnicodeDecodeError):
        raise PriceError(f"Falta {file.name}, ou ele não está em UTF-8. {how_to_restore(file)}") from None
    for cells in reader:
        if not any(cells.values()):
            continue
        try:
            rows[cells.get("key")] = Price.model_validate(cells)
        except ValidationError as error:
            (column,), received = error.errors()[0]["loc"], error.errors()[0]["input"]
            where = f"Linha {reader.line_num} de {file.name}, coluna {column}: recebi {received!r}."
            raise PriceError(f"{where} {EXPECTED} {how_to_restore(file)}") from None
    return rows


def in_dollars(row, rows):
    """O preço de `row` em US$ (float), pelo câmbio que está em `rows` (chaves `dolar_em_brl`, `dolar_em_eur`…)."""
    return row.price / (1 if row.currency == "USD" else rows[f"dolar_em_{row.currency.lower()}"].price)


def per_million(hourly, rate, utilisation):
    """O preço de um milhão de requisições, na moeda de `hourly` (por hora): só conversão de unidades.

    É a conta do notebook 03. `rate`: requisições por segundo que a máquina cheia atende; `utilisation`: a fração
    de cada hora, de 0 a 1, em que ela tem o que atender.
    """
    return hourly * 1e6 / (rate * 3600 * utilisation)
