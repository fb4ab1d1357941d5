"""As calculadoras do laboratório 03 e a fila da aula: as fórmulas das células, umas contra as outras e à mão."""

from math import ceil, factorial, inf

import numpy as np
import pytest
from notebook_cells import defined

from course_utils.measure import prices


@pytest.fixture(scope="module")
def formulas():
    wanted = {"erlang_c", "queue_ms", "simulate_ms", "month_costs", "HOURS", "STAFF"}
    return defined("laboratorios/03_calculadoras", wanted, ceil=ceil, factorial=factorial, inf=inf, np=np)


@pytest.mark.parametrize("use", [0.5, 0.7, 0.9])
def test_a_fixed_service_halves_the_wait_as_the_formula_of_pollaczek_and_khinchine_says(formulas, use):
    same, varied = defined("03_opcoes_de_deploy", {"queue"}, np=np)["queue"](use, service=10)
    assert varied == pytest.approx(formulas["queue_ms"](100 * use, 100, 1))
    assert same == pytest.approx(10 * use / (2 * (1 - use)))
    assert formulas["simulate_ms"](use, np.full(300_000, 10.0)) == pytest.approx(same, rel=0.1)
    assert formulas["queue_ms"](200, 100, 2) == inf


USD = {
    "dedicado_mes": 44.0,
    "hora_de_gente": 14.0,
    "nuvem_hora": 0.1,
    "lambda_requisicoes": 0.2,
    "lambda_tempo": 0.0000166667,
    "raspberry_hoje": 72.0,
    "energia": 0.1,
}


def test_what_each_home_costs_in_a_month(formulas):
    """Com 500 requisições/s e 2 ms cada."""

    def month(requests, staff=0, **options):
        return formulas["month_costs"](requests, 500, 0.002, USD, staff=staff, **options)

    idle, million, crowd = (month(requests) for requests in (0, 1e6, 1e10))
    assert idle["dedicado"] == pytest.approx(44) and idle["nuvem, máquina ligada"] == pytest.approx(73)
    assert idle["nuvem, por chamada"] == 0 and idle["borda"] == pytest.approx(2 + 0.365)
    assert million["nuvem, por chamada"] == pytest.approx(0.2 + 1e6 * 2 * 0.002 * 0.0000166667)
    assert crowd["nuvem, máquina ligada"] / 1e4 == pytest.approx(prices.per_million(0.1, 500, 0.7))
    assert month(2e9, peak_ratio=20)["dedicado"] == 44 * 15  # 761 req/s ÷ 0,7, vezes 20, em máquinas de 1.500
    assert month(2e6)["borda"] == pytest.approx(2 * million["borda"]) == month(1e6, per_device=10_000)["borda"]
    staffed = month(1e6, staff=1)
    hours = {home: (staffed[home] - million[home]) / USD["hora_de_gente"] for home in million}
    assert all(hours[home] >= least for home, least in formulas["STAFF"].items())
