"""O arquivo de preços: o nosso vale; linhas velhas avisam; um arquivo estragado diz a linha e o conserto."""

import re
from datetime import date, timedelta

import pytest

from course_utils.measure import prices
from course_utils.model import artifacts

TODAY = date.today()
HEADER = ",".join(prices.COLUMNS)
GOOD = "maquina,Provedor,uma máquina,0.115,hora,USD,2026-11-01,exemplo.com"


def load(tmp_path, *lines, header=HEADER, encoding="utf-8"):
    """`(linhas, avisos)` de um arquivo com estas linhas."""
    path, warnings = tmp_path / "prices.csv", []
    path.write_text("\n".join([header, *lines]) + "\n", encoding=encoding)
    return prices.load(path, warn=warnings.append), warnings


# ------------------------------------------------------------------ o arquivo que distribuímos


def test_every_shipped_row_has_a_source_and_warns_if_it_is_old_or_undated():
    warnings = []
    rows = prices.load(warn=warnings.append)
    assert {"dedicado_mes", "sagemaker_c7g_large", "lambda_tempo", "raspberry_hoje", "energia"} <= set(rows)
    old = [row for row in rows.values() if row.date is None or (TODAY - row.date).days > 365]
    assert 0 < len(old) == len(warnings) and "prices.csv" not in artifacts.read_sums(artifacts.DATA)
    for row, warning in zip(old, warnings):
        assert row.item in warning and ("mais de um ano" in warning or "sem data" in warning)
    for row in rows.values():
        assert prices.in_dollars(row, rows) > 0 and re.search(r"\w\.\w|repositórios|estimador|×", row.source), row


def test_what_no_source_gives_is_marked_as_an_assumption_and_says_how_it_was_made():
    rows = prices.load(warn=lambda message: None)
    assumed = {row.key for row in rows.values() if row.source.startswith("suposição")}
    assert {"dedicado_mes", "hora_de_gente", "raspberry_hoje", "energia", "dolar_em_brl"} <= assumed
    assert {key for key in rows if key.startswith("sagemaker_")} <= assumed
    assert not {key for key in rows if key.startswith("lambda_")} & assumed
    for key in assumed:
        assert "confira em " in rows[key].source or "×" in rows[key].source, key


# ------------------------------------------------------------------ o que o aluno edita


@pytest.mark.parametrize(
    ("age", "said"),
    [(0, ""), (365, ""), (366, "mais de um ano"), (4000, "mais de um ano"), (None, "sem data")],
)
def test_a_row_older_than_a_year_or_undated_warns(tmp_path, age, said):
    moment = "" if age is None else (TODAY - timedelta(days=age)).isoformat()
    rows, warnings = load(tmp_path, GOOD.replace("2026-11-01", moment))
    assert rows["maquina"].price == 0.115
    assert bool(warnings) is bool(said)
    assert not said or ("uma máquina" in warnings[0] and said in warnings[0])


def test_empty_lines_extra_columns_and_the_mark_of_a_spreadsheet_are_ignored(tmp_path):
    lines = "", f"{GOOD},meu comentário", ",,,,,,,,"
    rows, _ = load(tmp_path, *lines, header=f"{HEADER},nota", encoding="utf-8-sig")
    assert list(rows) == ["maquina"] and rows["maquina"].date == date(2026, 11, 1)


def test_currencies_become_dollars(tmp_path):
    brl = "energia,Enel,energia,0.671,kWh,BRL,2026-11-01,exemplo.com"
    rate = "dolar_em_brl,câmbio,US$ 1,5.5,US$,BRL,2026-11-01,exemplo.com"
    rows, _ = load(tmp_path, GOOD, brl, rate)
    assert prices.in_dollars(rows["maquina"], rows) == 0.115
    assert prices.in_dollars(rows["energia"], rows) == pytest.approx(0.122)
    rows, _ = load(tmp_path, brl)
    with pytest.raises(prices.PriceError, match="dolar_em_brl"):
        prices.in_dollars(rows["energia"], rows)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        *(("0.115", price) for price in ("barato", "", "-1", "0", "nan", "inf", "0,115")),
        *(("2026-11-01", day) for day in ("ontem", "2026-13-01", "2999-11-24")),
        *((text, "") for text in ("exemplo.com", "maquina", "Provedor", "uma máquina", "hora", "USD")),
    ],
)
def test_a_bad_value_names_its_line_and_what_was_expected(tmp_path, old, new):
    with pytest.raises(prices.PriceError, match="Linha 3 de prices.csv: recebi .*Esperava .* entre aspas."):
        load(tmp_path, "outra,Provedor,outra máquina,1,mês,EUR,2026-11-01,exemplo.com", GOOD.replace(old, new, 1))


def test_a_repeated_key_and_a_missing_file_column_or_encoding_say_how_to_restore(tmp_path):
    with pytest.raises(prices.PriceError, match="Falta prices.csv.*git checkout"):
        prices.load(tmp_path / "prices.csv")
    for lines, options, words in (
        ([GOOD, GOOD], {}, "Linha 3 de prices.csv: a chave maquina já apareceu"),
        ([GOOD], {"header": HEADER.replace(",source", "")}, "sem a coluna source"),
        ([GOOD], {"header": HEADER.replace(",", ";")}, "sem a coluna key"),
        ([GOOD], {"encoding": "latin-1"}, "não está em UTF-8"),
    ):
        with pytest.raises(prices.PriceError, match=f"{words}.*git checkout"):
            load(tmp_path, *lines, **options)
