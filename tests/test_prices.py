"""O arquivo de preços: o nosso vale; uma linha velha pede que se confira; um arquivo estragado diz o conserto."""

import re
from datetime import date, timedelta

import pytest

from course_utils.measure import prices

HEADER = "key,provider,item,price,unit,currency,date,source"
GOOD = "maquina,Provedor,uma máquina,0.115,hora,USD,2026-11-01,exemplo.com"


def load(tmp_path, *lines, header=HEADER, encoding="utf-8"):
    """O que se lê de um arquivo com estas linhas."""
    path = tmp_path / "prices.csv"
    path.write_text("\n".join([header, *lines]) + "\n", encoding=encoding)
    return prices.load(path)


def test_every_shipped_row_has_a_source_and_what_no_source_gives_is_an_assumption_that_says_how_it_was_made():
    rows = prices.load()
    for row in rows.values():
        assert prices.in_dollars(row, rows) > 0 and re.search(r"\w\.\w|repositórios|estimador|×", row.source), row
    assumed = {row.key for row in rows.values() if row.source.startswith("suposição")}
    assert {"dedicado_mes", "hora_de_gente", "raspberry_hoje", "energia", "dolar_em_brl"} <= assumed
    assert {key for key in rows if key.startswith("sagemaker_")} <= assumed
    assert not {key for key in rows if key.startswith("lambda_")} & assumed
    for key in assumed:
        assert "confira em " in rows[key].source or "×" in rows[key].source, key


@pytest.mark.parametrize(("age", "check"), [(365, ""), (366, ", confira")])
def test_a_row_tells_its_month_and_one_older_than_a_year_asks_to_be_checked(tmp_path, age, check):
    day = date.today() - timedelta(days=age)
    rows = load(tmp_path, GOOD.replace("2026-11-01", day.isoformat()))
    assert rows["maquina"].price == 0.115 and rows["maquina"].when == f"{day:%m/%Y}{check}"


def test_a_row_may_leave_the_date_empty(tmp_path):
    assert load(tmp_path, GOOD.replace("2026-11-01", ""))["maquina"].when == "sem data"


def test_empty_lines_extra_columns_and_the_mark_of_a_spreadsheet_are_ignored(tmp_path):
    lines = "", f"{GOOD},meu comentário", ",,,,,,,,"
    rows = load(tmp_path, *lines, header=f"{HEADER},nota", encoding="utf-8-sig")
    assert list(rows) == ["maquina"] and rows["maquina"].date == date(2026, 11, 1)


def test_currencies_become_dollars(tmp_path):
    brl = "energia,Enel,energia,0.671,kWh,BRL,2026-11-01,exemplo.com"
    rate = "dolar_em_brl,câmbio,US$ 1,5.5,US$,BRL,2026-11-01,exemplo.com"
    rows = load(tmp_path, GOOD, brl, rate)
    assert prices.in_dollars(rows["maquina"], rows) == 0.115
    assert prices.in_dollars(rows["energia"], rows) == pytest.approx(0.122)
    rows = load(tmp_path, brl)
    with pytest.raises(prices.PriceError, match="dolar_em_brl"):
        prices.in_dollars(rows["energia"], rows)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        *(("0.115", price) for price in ("barato", "", "-1", "0", "nan", "inf", "0,115")),
        *(("2026-11-01", day) for day in ("ontem", "2026-13-01")),
        *((text, "") for text in ("exemplo.com", "maquina", "USD")),
    ],
)
def test_a_bad_value_names_its_line_what_was_expected_and_how_to_restore(tmp_path, old, new):
    with pytest.raises(prices.PriceError, match="Linha 3 de prices.csv.* recebi .*Esperava .*git checkout"):
        load(tmp_path, "outra,Provedor,outra máquina,1,mês,EUR,2026-11-01,exemplo.com", GOOD.replace(old, new, 1))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"header": HEADER.replace(",source", "")}, "coluna source"),
        ({"header": HEADER.replace(",", ";")}, "coluna key"),
        ({"encoding": "latin-1"}, "não está em UTF-8"),
    ],
)
def test_a_missing_column_or_encoding_says_how_to_restore(tmp_path, options, words):
    with pytest.raises(prices.PriceError, match=f"{words}.*git checkout"):
        load(tmp_path, GOOD, **options)
