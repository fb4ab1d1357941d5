"""As três calculadoras do notebook 03: as fórmulas das células, contra valores de tabela e contra simulação."""

import ast
from heapq import heapreplace
from math import ceil, factorial, inf

import nbformat
import numpy as np
import pytest

from course_utils import lesson
from course_utils.measure import prices


@pytest.fixture(scope="module")
def formulas():
    """As funções e constantes definidas nas células das calculadoras, sem rodar o resto do notebook."""
    (path,) = lesson.find_notebooks(["03"])
    scope = {"ceil": ceil, "factorial": factorial, "inf": inf}
    wanted = {"erlang_c", "queue_ms", "machines", "use_with", "per_million", "month_costs", "HOURS"}
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type != "code" or cell.source.startswith("%%"):
            continue
        for node in ast.parse(cell.source).body:
            names = {getattr(node, "name", None)} | {
                getattr(item, "id", None) for item in getattr(node, "targets", [])
            }
            if names & wanted:
                exec(compile(ast.Module([node], []), path.name, "exec"), scope)
    assert wanted <= set(scope)
    return scope


def simulate(arrivals, each, servers, customers=100_000):
    """Espera média (ms) de uma fila com chegadas e serviços exponenciais, simulada cliente a cliente."""
    random = np.random.default_rng(32)
    moments = np.cumsum(random.exponential(1 / arrivals, customers))
    services = random.exponential(1 / each, customers)
    free, waited = [0.0] * servers, 0.0
    for moment, service in zip(moments, services):
        start = max(moment, free[0])
        waited += start - moment
        heapreplace(free, start + service)
    return 1000 * waited / customers


@pytest.mark.parametrize(
    ("load", "servers", "probability"), [(2, 3, 4 / 9), (1, 2, 1 / 3), (0.5, 1, 0.5), (0.9, 1, 0.9)]
)
def test_erlang_c_is_the_one_of_the_tables(formulas, load, servers, probability):
    assert formulas["erlang_c"](load, servers) == pytest.approx(probability)


@pytest.mark.parametrize(("arrivals", "each", "servers"), [(50, 100, 1), (140, 100, 2), (300, 100, 4)])
def test_the_queue_formula_agrees_with_a_simulation(formulas, arrivals, each, servers):
    assert formulas["queue_ms"](arrivals, each, servers) == pytest.approx(
        simulate(arrivals, each, servers), rel=0.1
    )


@pytest.mark.parametrize("arrivals", [200, 201, 1e9])
def test_a_saturated_queue_never_ends(formulas, arrivals):
    assert formulas["queue_ms"](arrivals, 100, 2) == inf


def test_capacity_counts_whole_machines_and_the_loss_of_one(formulas):
    machines, use_with = formulas["machines"], formulas["use_with"]
    assert (machines(1000, 100, 0.7), machines(1000, 100, 1), machines(1, 100, 0.7)) == (15, 10, 1)
    assert use_with(3, 210, 100) == pytest.approx(0.7) and use_with(2, 210, 100) > 1
    assert use_with(0, 1, 100) == inf


USD = {
    "dedicado_mes": 44.0,
    "hora_de_gente": 14.0,
    "sagemaker_c7g_large": 0.1,
    "lambda_requisicoes": 0.2,
    "lambda_tempo": 0.0000166667,
    "raspberry_hoje": 72.0,
    "energia": 0.1,
}


def test_what_each_home_costs_when_idle(formulas):
    costs = formulas["month_costs"](0, 500, 0.002, USD, work_hours=10, devices=3)
    assert costs["dedicado"] == pytest.approx(44 + 140)
    assert costs["nuvem, máquina ligada"] == pytest.approx(73)
    assert costs["nuvem, por chamada"] == 0
    assert costs["borda"] == pytest.approx(3 * (2 + 0.365))


def test_the_price_by_call_is_proportional_and_comes_from_the_price_list(formulas):
    once, million = (formulas["month_costs"](n, 500, 0.002, USD)["nuvem, por chamada"] for n in (1, 1e6))
    assert million == pytest.approx(1e6 * once)
    assert million == pytest.approx(0.2 + 1e6 * 2 * 0.002 * 0.0000166667)


def test_a_busy_cloud_machine_costs_what_the_formula_per_million_says(formulas):
    requests = 1e10
    cost = formulas["month_costs"](requests, 500, 0.002, USD)["nuvem, máquina ligada"]
    assert cost / (requests / 1e6) == pytest.approx(formulas["per_million"](0.1, 500, 0.7))
    assert formulas["per_million"](0.1, 500, 0.7) == pytest.approx(prices.per_million(0.1, 500, 0.7))


def test_the_dedicated_server_is_bought_for_the_peak(formulas):
    flat, spiky = (
        formulas["month_costs"](2e9, 500, 0.002, USD, peak_ratio=ratio, work_hours=0)["dedicado"]
        for ratio in (1, 20)
    )
    assert flat == 44 and spiky == 44 * 15  # 761 req/s ÷ 0,7, vezes 20, em máquinas de 1.500
