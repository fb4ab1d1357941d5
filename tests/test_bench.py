"""O comando bench: o que se mede em cada notebook, o relatório que uma falha não estraga, e a tabela do README."""

import ast
import builtins
import json
import sys
from datetime import datetime
from types import SimpleNamespace

import numpy as np
import pytest
from notebook_cells import cells, write_notebook

from course_utils import lesson
from course_utils.bench import __main__ as bench
from course_utils.bench import notebooks, optimization, serving, table
from course_utils.measure import machine
from course_utils.model import compress, train

RECORDS = json.loads(table.FILE.read_text(encoding="utf-8"))
EVERYTHING = notebooks.MEASURES | {serving.LAB: serving.MEASURES, optimization.ENDPOINT: optimization.MEASURES}


def test_the_table_of_the_readme_comes_from_the_published_numbers_and_what_misses_our_goals_is_known():
    text = table.README.read_text(encoding="utf-8")
    assert table.replaced(text, RECORDS) == text
    assert table.ROWS.keys() <= {record["measure"] for record in RECORDS}
    below = set()
    for record in RECORDS:
        assert record["value"] > 0 and record["machine"] and table.day(record["date"]) and record["source"]
        below |= {
            name for name, met in table.judge({record["measure"]: record["value"]})["met"].items() if not met
        }
    assert below == {"fastapi_over_flask_dev", "over_bare_route_small", "speed_ratio_batch1"}  # este, só sem VNNI


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """As três partes, sem o que demora: o que o comando faz com elas é de verdade; as medidas, inventadas."""
    monkeypatch.setattr(bench, "FOLDER", tmp_path / "bench")
    for name in bench.PARTS:
        result = {"values": {"batching_gain_32_clients": 7.0} if name == "serving" else {}, "text": "tabela"}
        module = SimpleNamespace(run=lambda result=result: result)
        monkeypatch.setitem(sys.modules, f"course_utils.bench.{name}", module)
    return tmp_path


def kept(folder):
    return {path.stem: json.loads(path.read_text()) for path in (folder / "bench").glob("*.json")}


def test_a_part_alone_is_renewed_and_published_and_the_rest_keeps_its_date_and_its_source(
    folder, monkeypatch, capsys
):
    readme, numbers = folder / "README.md", folder / "bench.json"
    by_hand = {"measure": "ready_s", "value": 9, "machine": "de alguém", "date": "2026-11", "source": "alguém"}
    readme.write_text(f"antes\n{table.BEGIN}\nvelha\n{table.END}\ndepois\n", encoding="utf-8")
    numbers.write_text(json.dumps([*RECORDS, by_hand]), encoding="utf-8")
    monkeypatch.setattr(table, "README", readme)
    monkeypatch.setattr(table, "FILE", numbers)
    assert bench.main([]) == 0
    old = kept(folder)["optimization"]
    old["date"] = "2025-01-02T03:04+00:00"
    (folder / "bench/optimization.json").write_text(json.dumps(old))
    command = "python -m course_utils bench serving notebooks"
    assert bench.main(["serving", "notebooks"]) == 0 and "[2 de 2] serving" in capsys.readouterr().out
    parts, report = kept(folder), (folder / "bench/report.md").read_text(encoding="utf-8")
    assert parts.keys() == set(bench.PARTS) and parts["optimization"] == old
    assert parts["serving"]["command"] == command
    assert parts["serving"]["met"] == {"batching_gain_32_clients": True}
    assert {"machine", "date", "seconds", "values", "goals", "text"} <= parts["serving"].keys()
    assert "02/01/2025" in report and all(line in report for line in machine.sentences())
    assert bench.main(["--publish"]) == 0
    records, text = json.loads(numbers.read_text(encoding="utf-8")), readme.read_text(encoding="utf-8")
    (gain,) = [record for record in records if record["measure"] == "batching_gain_32_clients"]
    assert gain["value"] == 7 and gain["source"] == f"`{command}`"
    others = [record for record in RECORDS if record["measure"] != "batching_gain_32_clients"]
    assert [record for record in records if record != gain] == [*others, by_hand]
    assert text.startswith("antes\n") and text.endswith("depois\n") and "velha" not in text
    assert "| 7,00× |" in text and f"{datetime.now():%d/%m/%Y}: `{command}`" in text
    with pytest.raises(SystemExit):
        bench.main(["velocidade"])
    assert "não há a parte velocidade" in capsys.readouterr().err


def test_what_had_ended_is_kept(folder, monkeypatch):
    def stop():
        raise KeyboardInterrupt

    monkeypatch.setattr(sys.modules["course_utils.bench.optimization"], "run", stop)
    with pytest.raises(KeyboardInterrupt):
        bench.main([])
    names = {"notebooks.json", "serving.json", "report.md"}
    assert {path.name for path in (folder / "bench").iterdir()} == names and len(kept(folder)) == 2


def names(code, context):
    """Os nomes que o código lê (`ast.Load`) ou escreve (`ast.Store`)."""
    found = [node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Name)]
    return {node.id for node in found if isinstance(node.ctx, context)}


@pytest.mark.parametrize("name", EVERYTHING)
def test_what_is_asked_of_a_notebook_exists_in_it(name):
    code = "\n".join(cell.source for cell in cells(name, "code") if not cell.source.startswith("%%"))
    imports = [node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.ImportFrom)]
    given = names(code, ast.Store) | {alias.name for node in imports for alias in node.names} | set(dir(builtins))
    for asked in ("measures | verdicts", *EVERYTHING[name].values()):
        assert names(asked, ast.Load) - names(asked, ast.Store) <= given, asked


def test_each_turn_of_a_notebook_gives_its_stamp_and_the_sums_asked_and_several_are_told_by_the_median(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(lesson, "FOLDER", tmp_path)
    turn = (
        "turn = globals().get('turn', 0) + 1\nmeasures, verdicts = {'Tempo (s)': 2.5}, {'ganha': 'confirmou-se'}"
    )
    write_notebook(tmp_path / "01_a.ipynb", turn, "import numpy; print('outra coisa')")
    runs = notebooks.measure("01_a", {"turns": "turn", "half": "numpy.float32(turn / 2)"}, runs=2)
    stamp = {"Tempo (s)": 2.5, "ganha": "confirmou-se"}
    assert runs == [{"stamp": stamp, "turns": 1, "half": 0.5}, {"stamp": stamp, "turns": 2, "half": 1.0}]
    text = notebooks.text({"01_a": runs})
    assert "01_a" in text and "Tempo (s) · 2,5 (de 2,5 a 2,5; n = 2)" in text and "confirmou-se, 2 de 2" in text
    turns = [{"a": value, "b": {"c": value}, "d": True, "e": str(value)} for value in (1, 9, 2)]
    assert notebooks.middle(turns) == {"a": 2, "b": {"c": 2}, "d": True, "e": "2"}


@pytest.fixture
def invented(monkeypatch):
    """Três voltas inventadas de qualquer notebook."""
    rates = {"original": 500.0, "pequeno": 2500.0}
    told = dict.fromkeys(("requests_per_second", "requests_per_core_second", "errors"), rates)
    told |= {"throughput_table": "tabela", "table": "tabela"}

    def turns(name, measures):
        return [{"stamp": {"medida": 1.0}} | {name: told.get(name, 80.0) for name in measures}] * 3

    monkeypatch.setattr(notebooks, "measure", turns)


def test_the_report_of_the_servers_has_what_is_read_in_it(monkeypatch, invented):
    once, beside = serving.one_client(calls=4), serving.against_bare(rounds=1, seconds=0.3)
    monkeypatch.setattr(serving, "one_client", lambda: once)
    monkeypatch.setattr(serving, "against_bare", lambda: beside)
    result = serving.run()
    assert 0 < result["overhead_ms_median"] < result["request_ms_median"] <= result["request_ms_p95"]
    assert min(result["values"].values()) > 0 and {"over_bare_route_small", "ready_s"} <= result["values"].keys()
    for piece in ("rota nua", "tabela", "um cliente, a requisição inteira: mediana"):
        assert piece in result["text"]


RECIPE = compress.PUBLISHED


def point(recipe, size, speed, lost, seed=None):
    values = dict(zip(optimization.RATIOS, (size, speed, speed)))
    values |= {"accuracy_drop_points": lost, "validation_drop_points": lost, "ci95_points": [-0.1, 0.9]}
    return {"recipe": recipe, "seed": seed} | values


def test_the_report_has_each_seed_what_to_serve_and_the_bill_and_promises_the_worst_seed(monkeypatch, invented):
    """O estudo inteiro, com as redes e os notebooks inventados."""
    points = [point("original", 1.0, 1.0, 0.0)]
    for seed, (pruned, small, lost) in enumerate(((9.0, 12, 0), (10.0, 14, 0.6), (11.0, 13, 0))):
        points += [point(RECIPE.name, 15.0, pruned, 0.0, seed), point(RECIPE.int8, 100.0, small, lost, seed)]
    deep = {"storage_ratio": 50.0, "accuracy_drop_points": 0.1}
    monkeypatch.setattr(optimization, "study", lambda recipe, images: (points, 360.0))
    monkeypatch.setattr(optimization, "store_lenet", lambda: deep)
    study = optimization.run()
    assert [row["seed"] for row in study["runs"]] == [0, 1, 2]
    speeds = {row["recipe"]: row["speed_ratio_batch1"] for row in study["curve"]}
    assert speeds == {"original": 1.0, RECIPE.name: 10.0, RECIPE.int8: 13}
    assert study["served"]["recipe"] == RECIPE.int8
    bill = study["cost"]["usd_per_million"]
    assert bill["original"] == pytest.approx(5 * bill["pequeno"])
    assert list(study["values"].values()) == [100.0, 12, 0.6, 80.0, 50.0, 0.1]
    text = study["text"]
    assert f"{RECIPE.int8}, semente 1" in text and "0,6 [-0,1; 0,9]" in text and "tabela" in text


def test_the_interval_is_paired_centred_and_repeatable():
    assert optimization.interval(np.zeros(1000)) == [0.0, 0.0]
    differences = 100.0 * np.array([1] * 8 + [-1] * 3 + [0] * 989)  # 8 acertos perdidos, 3 ganhos
    low, high = optimization.interval(differences)
    assert low == pytest.approx(0.5 - 1.96 * 0.331, abs=0.1) and high == pytest.approx(0.5 + 1.96 * 0.331, abs=0.1)
    assert [low, high] == optimization.interval(differences)


@pytest.mark.slow
def test_one_short_study_goes_all_the_way_from_training_to_the_test(tmp_path, monkeypatch):
    recipe = compress.Recipe((4, 4, 8, 8, 8), passes=1)
    monkeypatch.setattr(optimization, "FOLDER", tmp_path)
    (original, pruned, small), seconds = optimization.study(recipe, train.to_tensors("train")[0][:64], (0,))
    assert [original["recipe"], pruned["recipe"], small["recipe"]] == ["original", recipe.name, recipe.int8]
    assert original["size_ratio"] == 1 and original["accuracy_drop_points"] == 0 and seconds > 0
    assert small["size_ratio"] > 100 and small["speed_ratio_batch32"] > 5
    low, high = small["ci95_points"]
    assert low < small["accuracy_drop_points"] < high and small["accuracy_drop_points"] > 5
