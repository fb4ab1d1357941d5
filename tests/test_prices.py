"""O arquivo de preços: o nosso vale; linhas velhas avisam; um arquivo estragado diz a linha e o conserto."""

import re
from datetime import date, timedelta

import pytest

from course_utils.measure import prices
from course_utils.model import artifacts

TODAY = date(2026, 11, 23)
HEADER = ",".join(prices.COLUMNS)
GOOD = "maquina,Provedor,uma máquina,0.115,hora,USD,2026-11-01,exemplo.com"


def load(tmp_path, *lines, header=HEADER, encoding="utf-8", today=TODAY):
    """`(linhas, avisos)` de um arquivo com estas linhas."""
    path = tmp_path / "prices.csv"
    path.write_text("\n".join([header, *lines]) + "\n", encoding=encoding)
    warnings = []
    return prices.load(path, today=today, warn=warnings.append), warnings


# ------------------------------------------------------------------ o arquivo que distribuímos


def test_the_shipped_file_is_valid_and_every_row_has_a_source():
    rows = prices.load(today=TODAY, warn=lambda message: None)
    assert {"dedicado_mes", "sagemaker_c7g_large", "lambda_tempo", "raspberry_hoje", "energia"} <= set(rows)
    for row in rows.values():
        assert row.source and prices.in_dollars(row, rows) > 0
        assert row.assumption or re.search(r"\w\.\w|repositórios|estimador", row.source), row.key


def test_the_shipped_file_warns_of_each_old_or_undated_row_and_of_no_other():
    warnings = []
    rows = prices.load(today=TODAY, warn=warnings.append)
    old = [row for row in rows.values() if row.date is None or row.age_days(TODAY) > 365]
    assert 0 < len(old) < len(rows)
    assert len(warnings) == len(old)
    for row, warning in zip(old, warnings):
        assert row.item in warning and ("mais de um ano" in warning or "sem data" in warning)


def test_what_no_source_gives_is_marked_as_an_assumption():
    rows = prices.load(today=TODAY, warn=lambda message: None)
    assumed = {row.key for row in rows.values() if row.assumption}
    assert {"dedicado_mes", "hora_de_gente", "raspberry_hoje", "energia", "dolar_em_brl"} <= assumed
    assert {key for key in rows if key.startswith("sagemaker_")} <= assumed
    assert not {key for key in rows if key.startswith("lambda_")} & assumed


def test_an_assumption_says_how_it_was_made_or_where_the_official_price_is():
    rows = prices.load(today=TODAY, warn=lambda message: None)
    for row in rows.values():
        if row.assumption:
            assert "confira em " in row.source or "×" in row.source, row.key


def test_the_file_is_editable_so_it_is_not_sealed_but_the_readme_tells_of_it():
    assert prices.FILE == artifacts.DATA / "prices.csv"
    assert "prices.csv" not in artifacts.read_sums(artifacts.DATA)
    text = (artifacts.DATA / "README.md").read_text(encoding="utf-8")
    assert "prices.csv" in text and "git checkout" in text


# ------------------------------------------------------------------ idade


@pytest.mark.parametrize(("age", "warned"), [(0, False), (365, False), (366, True), (4000, True)])
def test_a_row_older_than_a_year_warns(tmp_path, age, warned):
    moment = TODAY - timedelta(days=age)
    _, warnings = load(tmp_path, GOOD.replace("2026-11-01", moment.isoformat()))
    assert bool(warnings) is warned
    if warned:
        assert "uma máquina" in warnings[0] and f"{moment:%d/%m/%Y}" in warnings[0]


def test_the_clock_is_an_argument(tmp_path):
    assert load(tmp_path, GOOD)[1] == []
    assert len(load(tmp_path, GOOD, today=date(2028, 1, 1))[1]) == 1


def test_a_row_without_a_date_warns(tmp_path):
    rows, warnings = load(tmp_path, GOOD.replace("2026-11-01", ""))
    assert rows["maquina"].date is None and "sem data" in warnings[0]


def test_the_default_clock_and_the_default_warning_work(tmp_path, capsys):
    path = tmp_path / "prices.csv"
    path.write_text(f"{HEADER}\n{GOOD.replace('2026-11-01', '2020-01-01')}\n", encoding="utf-8")
    prices.load(path)
    assert "mais de um ano" in capsys.readouterr().out


# ------------------------------------------------------------------ o que o aluno edita


def test_types_are_right(tmp_path):
    rows, _ = load(tmp_path, GOOD)
    row = rows["maquina"]
    assert (row.price, row.date, row.currency, row.assumption) == (0.115, date(2026, 11, 1), "USD", False)


def test_what_a_brazilian_spreadsheet_saves_is_read(tmp_path):
    line = "maquina;Provedor;uma máquina;1.234,50;mês;BRL;01/11/2026;suposição: chute"
    rows, _ = load(tmp_path, line, header=HEADER.replace(",", ";"), encoding="utf-8-sig")
    row = rows["maquina"]
    assert (row.price, row.date, row.assumption) == (1234.5, date(2026, 11, 1), True)


def test_empty_lines_and_extra_columns_are_ignored(tmp_path):
    rows, _ = load(tmp_path, "", f"{GOOD},meu comentário", ",,,,,,,,", header=f"{HEADER},nota")
    assert list(rows) == ["maquina"]


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
    ("old", "new", "words"),
    [
        ("0.115", "barato", "coluna price: recebi barato"),
        ("0.115", "", "coluna price: recebi nada"),
        ("0.115", "-1", "maior que zero"),
        ("0.115", "0", "maior que zero"),
        ("0.115", "nan", "maior que zero"),
        ("0.115", "inf", "maior que zero"),
        ("0.115", "0,115", "colunas demais"),
        ("hora", "semana", "coluna unit"),
        ("USD", "dólar", "coluna currency"),
        ("USD", "usd", "coluna currency"),
        ("2026-11-01", "ontem", "coluna date"),
        ("2026-11-01", "2026-13-01", "coluna date"),
        ("2026-11-01", "2026-11-24", "até hoje"),
        ("exemplo.com", "", "coluna source"),
        ("maquina", "", "coluna key"),
        ("Provedor", " ", "coluna provider"),
    ],
)
def test_a_bad_value_names_its_line_and_what_was_expected(tmp_path, old, new, words):
    with pytest.raises(prices.PriceError) as error:
        load(tmp_path, "outra,Provedor,outra máquina,1,mês,EUR,2026-11-01,exemplo.com", GOOD.replace(old, new, 1))
    assert words in str(error.value) and "Linha 3 de prices.csv" in str(error.value)


def test_a_missing_file_column_or_encoding_says_how_to_restore(tmp_path):
    with pytest.raises(prices.PriceError, match="git checkout"):
        prices.load(tmp_path / "prices.csv", today=TODAY)
    with pytest.raises(prices.PriceError, match="sem a coluna source"):
        load(tmp_path, GOOD, header=HEADER.replace(",source", ""))
    with pytest.raises(prices.PriceError, match="sem a coluna key"):
        load(tmp_path, header="")
    with pytest.raises(prices.PriceError, match="não está em UTF-8"):
        load(tmp_path, GOOD, encoding="latin-1")


def test_a_short_line_is_refused(tmp_path):
    with pytest.raises(prices.PriceError, match="Linha 2"):
        load(tmp_path, "maquina,Provedor")


def test_a_repeated_key_is_refused(tmp_path):
    with pytest.raises(prices.PriceError, match="Linha 3.*maquina já apareceu"):
        load(tmp_path, GOOD, GOOD)
