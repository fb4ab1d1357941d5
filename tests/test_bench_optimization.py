"""O banco de otimização: a escolha, a fronteira, o intervalo e o relatório, com números inventados."""

import os
import subprocess
import sys

import numpy as np
import pytest

from course_utils.bench import candidates, goals, optimization
from course_utils.classroom import servers
from course_utils.model import compress

WIDE, NARROW, TINY = (compress.Recipe(widths) for widths in ((8, 8), (4, 8), (4, 4)))


def point(recipe, seed, size, speed, drop):
    values = {"size_ratio": size, "speed_ratio_batch1": speed, "speed_ratio_batch32": speed}
    return {"recipe": recipe, "seed": seed, **values, "validation_drop_points": drop}


POINTS = [
    point("original", None, 1.0, 1.0, 0.0),
    point(WIDE.int8, 0, 50.0, 9.0, 0.0),
    point(WIDE.int8, 1, 50.0, 9.0, 0.0),
    point(NARROW.int8, 0, 100.0, 12.0, 0.0),
    point(NARROW.int8, 1, 100.0, 12.0, 0.0),
    point(TINY.int8, 0, 200.0, 8.0, 0.2),
    point(TINY.int8, 1, 200.0, 8.0, 0.8),
]


def test_the_winner_is_the_smallest_whose_worst_seed_stays_within_the_margin():
    assert candidates.choose(POINTS, [WIDE, NARROW, TINY]) == NARROW
    assert candidates.choose(POINTS, [TINY]) == TINY


def test_what_is_served_is_the_fastest_here_whatever_its_kind():
    assert candidates.fastest(POINTS)["recipe"] == NARROW.int8
    floats = [point(WIDE.name, seed, 15.0, 14.0 + seed, 0.0) for seed in (0, 1)]  # um processador sem VNNI
    assert candidates.fastest(POINTS + floats) == {
        "recipe": WIDE.name, "size_ratio": 15.0, "speed_ratio_batch1": 14.0,
    }  # fmt: skip
    wrong = [point(TINY.name, 0, 200.0, 30.0, 0.6)]  # rápido, mas erra
    assert candidates.fastest(POINTS + wrong)["recipe"] == NARROW.int8


def test_the_curve_averages_the_seeds_and_marks_the_pareto_front():
    worse = point("pior", 0, 40.0, 8.0, 0.5)
    rows = {row["recipe"]: row for row in candidates.curve([*POINTS, worse])}
    assert rows[TINY.int8]["validation_drop_points"] == pytest.approx(0.5)
    assert [name for name, row in rows.items() if not row["pareto"]] == ["original", WIDE.int8, "pior"]


def test_the_interval_is_paired_centred_and_repeatable():
    nothing = candidates.interval(np.zeros(1000))
    assert nothing == [0.0, 0.0]
    differences = 100.0 * np.array([1] * 8 + [-1] * 3 + [0] * 989)  # 8 acertos perdidos, 3 ganhos
    low, high = candidates.interval(differences)
    assert low == pytest.approx(0.5 - 1.96 * 0.331, abs=0.1) and high == pytest.approx(0.5 + 1.96 * 0.331, abs=0.1)
    assert [low, high] == candidates.interval(differences)


def result(drop=0.4):
    runs = [
        {key: value for key, value in item.items() if key != "validation_drop_points"}
        | {"accuracy_drop_points": drop, "ci95_points": [-0.1, 0.9]}
        for item in POINTS
        if item["recipe"] == NARROW.int8
    ]
    curve = candidates.curve([*POINTS, point(NARROW.name, 0, 30.0, 11.0, 0.2)])
    served = candidates.fastest(POINTS)
    deep = {"storage_ratio": 50.0, "accuracy_drop_points": 0.1}
    cost = {"saving_percent": 80.0, "table": "tabela"}
    whole = {"winner": NARROW.name, "runs": runs, "curve": curve, "served": served, "deep_compression": deep}
    whole |= {"cost": cost, "machine": "máquina"}
    return whole | goals.judge(optimization._worst(whole), goals.OPTIMIZATION)


def test_the_worst_seed_decides_whether_a_goal_is_met():
    assert all(result()["met"].values())
    assert result(drop=0.6)["met"]["accuracy_drop_points"] is False


def test_the_text_shows_the_winner_and_the_road_without_int8():
    text = optimization.text(result())
    assert f"{NARROW.int8}, semente 1" in text and "sem int8" in text and "tabela" in text
    assert f"A servir nesta máquina: {NARROW.int8}, 12,0× mais rápida" in text


def test_the_goals_show_what_failed_and_how_far_one_would_go():
    lines = goals.table(result(drop=0.6), goals.OPTIMIZATION).splitlines()
    assert [line.split("  ")[0] for line in lines if "✘" in line] == ["poda + int8: acurácia perdida no teste"]
    assert any(line.endswith("(100×)") for line in lines)


def test_every_recipe_can_be_pruned():
    for recipe in optimization.RECIPES:
        assert len(recipe.widths) == 5 and all(width % 4 == 0 for width in recipe.widths)
    assert compress.PUBLISHED in optimization.RECIPES


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="só o Linux prende processos a um núcleo assim")
def test_a_server_is_pinned_to_one_core():
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        server = servers.Server(process, port=0, log=None)
        assert server.pin()
        assert len(os.sched_getaffinity(process.pid)) == 1
        server.stop()


@pytest.mark.slow
def test_one_short_study_goes_all_the_way_from_training_to_the_test(tmp_path, monkeypatch):
    recipe, lessons = compress.Recipe((4, 4, 8, 8, 8), passes=1), compress.lessons
    monkeypatch.setattr(candidates, "FOLDER", tmp_path)
    monkeypatch.setattr(compress, "lessons", lambda teacher, images, seed: lessons(teacher, images[:64], copies=1))
    with compress.one_thread():
        files, seconds = candidates.build([recipe], (0,))
        points = candidates.measure(files)
    assert [item["recipe"] for item in points] == ["original", "original + int8", recipe.name, recipe.int8]
    assert points[0]["size_ratio"] == 1 and points[1]["size_ratio"] == pytest.approx(3.9, abs=0.2)
    assert points[3]["size_ratio"] > 100 and points[3]["speed_ratio_batch32"] > 5
    assert candidates.choose(points, [recipe]) == recipe and seconds[recipe.name] > 0
    (row,) = candidates.read_test(points[3:], files)
    low, high = row["ci95_points"]
    assert low < row["accuracy_drop_points"] < high and row["accuracy_drop_points"] > 5
