"""Preços como entrada, nunca como constante: `data/prices.csv`, que se edita, com data e fonte em cada linha.

O arquivo não tem SHA-256: ele é de quem usa. Vale o CSV com vírgulas e também o que o Excel em português grava
(ponto e vírgula, vírgula decimal, data 31/12/2026).
"""

import csv
import math
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

FILE = Path(__file__).resolve().parents[2] / "data" / "prices.csv"
COLUMNS = ("key", "provider", "item", "price", "unit", "currency", "date", "source")
UNITS = ("hora", "mês", "unidade", "milhão de requisições", "GB·s", "kWh", "US$")
ASSUMPTION = "suposição"
MAX_AGE_DAYS = 365
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

    @property
    def assumption(self):
        """Verdadeiro se a fonte é uma suposição nossa, e não um preço publicado."""
        return self.source.lower().startswith(ASSUMPTION)

    def age_days(self, today):
        """Dias desde a data da fonte (int), ou None se ela não tem data."""
        return None if self.date is None else (today - self.date).days


class Prices(dict):
    """As linhas pela chave; a que falta (apagada, ou cortada com o fim do arquivo) é dita numa frase."""

    def __missing__(self, key):
        raise PriceError(f"Falta a linha {key} em prices.csv. {HOW_TO_RESTORE}")


def load(file=FILE, *, today=None, warn=print):
    """Lê, confere e devolve `{chave: Price}`, na ordem do arquivo.

    `today`: o dia de hoje (`date`; padrão: o relógio). Para cada linha com mais de um ano, ou sem data, chama
    `warn` com uma frase. Levanta `PriceError` se falta o arquivo ou uma coluna, ou se um valor não serve.
    """
    today = today or date.today()
    rows = Prices()
    for number, cells in _read(Path(file)):
        row = _parse(cells, number, today)
        if row.key in rows:
            raise PriceError(f"Linha {number} de prices.csv: a chave {row.key} já apareceu. {HOW_TO_RESTORE}")
        rows[row.key] = row
    for row in rows.values():
        if message := _warning(row, today):
            warn(message)
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
        text = file.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise PriceError(f"Falta o arquivo {file.name}. {HOW_TO_RESTORE}") from None
    except UnicodeDecodeError:
        raise PriceError(f"{file.name} não está em UTF-8: salve-o como “CSV UTF-8”. {HOW_TO_RESTORE}") from None
    header, *_ = text.splitlines() or [""]
    reader = csv.DictReader(text.splitlines(), delimiter=";" if ";" in header else ",")
    missing = [name for name in COLUMNS if name not in (reader.fieldnames or [])]
    if missing:
        raise PriceError(f"{file.name} está sem a coluna {', '.join(missing)}. {HOW_TO_RESTORE}")
    return [(reader.line_num, row) for row in reader if any(_text(value) for value in row.values())]


def _parse(cells, number, today):
    """Uma linha do CSV, conferida, como `Price`."""
    values = {name: _text(cells[name]) for name in COLUMNS}

    def refuse(column, expected):
        received = values[column] or "nada"
        raise PriceError(f"Linha {number} de prices.csv, coluna {column}: recebi {received}; esperava {expected}.")

    if None in cells:
        refuse("source", "o texto entre aspas, se ele tem vírgula (a linha tem colunas demais)")
    for column in ("key", "provider", "item", "source"):
        if not values[column]:
            refuse(column, "um texto: todo preço diz de quem é e de onde veio")
    amount, moment = _number(values["price"]), _moment(values["date"])
    if amount is None or not (0 < amount < math.inf):
        refuse("price", "um número maior que zero, como 0.115 ou 0,115 (com a vírgula, entre aspas)")
    if values["unit"] not in UNITS:
        refuse("unit", f"uma destas: {', '.join(UNITS)}")
    if not (len(values["currency"]) == 3 and values["currency"].isascii() and values["currency"].isupper()):
        refuse("currency", "a sigla de uma moeda, como USD, EUR ou BRL")
    if values["date"] and moment is None:
        refuse("date", "uma data como 2026-11-23 ou 23/11/2026 (ou nada, se a fonte não a diz)")
    if moment and moment > today:
        refuse("date", f"uma data até hoje ({today:%d/%m/%Y})")
    return Price(**values | {"price": amount, "date": moment})


def _text(value):
    """O texto sem espaços nas pontas; vazio se a célula falta."""
    return value.strip() if isinstance(value, str) else ""


def _number(text):
    """`"0.115"`, `"0,115"` ou `"1.234,5"` → float; None se não é um número."""
    if "," in text:
        text = text.replace(".", "").replace(",", ".")
    try:
        return float(text)
    except ValueError:
        return None


def _moment(text):
    """`"2026-11-23"` ou `"23/11/2026"` → `date`; None se não é uma data."""
    for form in ("%Y-%m-%d", "%d/%m/%Y"):
        try:
            return datetime.strptime(text, form).date()
        except ValueError:
            continue
    return None


def _warning(row, today):
    """A frase de aviso de uma linha velha ou sem data; None se ela está em dia."""
    if row.date is None:
        return f"Atenção: {row.provider}, {row.item}: preço sem data. Confira antes de decidir por ele."
    if row.age_days(today) > MAX_AGE_DAYS:
        return f"Atenção: {row.provider}, {row.item}: preço de {row.date:%d/%m/%Y}, com mais de um ano. Confira-o."
    return None
