"""O que vale para todo exercício: em branco só lembra, o hostil vira uma frase, nada trava, o certo se anota."""

import asyncio
from datetime import date
from math import ceil
from types import SimpleNamespace

import h5py
import numpy as np
import pytest
from checking import BLANK, RIGHT, WRONG, Explosive, feedback
from needs import need

from course_utils.classroom import exercises, passport, state
from course_utils.classroom.exercises import engine
from course_utils.classroom.exercises.extras import REPLICAS
from course_utils.model import networks

NAMES = pytest.mark.parametrize("name", exercises.CHECKS)


class Pretender:
    """Finge ser o que se espera e explode ao ser tocado."""

    def __getattr__(self, name):
        raise RuntimeError(name)


HOSTILE = [
    None, "texto", "x" * 10**6, [[]], [Explosive()], {}, {1: 2}, {"A": "x" * 10**7}, {Explosive(): 1}, 7,
    float("nan"), b"\x00", object(), Pretender(), print, int, dict, lambda: None, lambda *a, **k: 1 / 0,
    lambda *a, **k: Explosive(), lambda *a, **k: None, lambda *a, **k: "x" * 10**6,
    lambda *a, **k: ("a", "b", "c"), lambda *a, **k: ([[1], [1, 2]], [1] * 5),
]  # fmt: skip


@NAMES
def test_a_blank_answer_only_reminds(capsys, name):
    assert feedback(capsys, name, ...).startswith(BLANK)


@NAMES
def test_a_hostile_answer_becomes_a_sentence(capsys, name):
    for place, answer in enumerate(HOSTILE):
        told = feedback(capsys, name, answer).splitlines()[-1]  # antes dela, o que a própria resposta imprimiu
        assert told.startswith(WRONG) and len(told) < 1000, (place, told[:200])


def forever(*arguments, **options):
    while True:
        pass


async def forever_async(*arguments):
    forever()


def leaves(*arguments, **options):
    raise SystemExit(3)


class UnspeakableError(Explosive, Exception):
    """Um erro que não sabe virar texto."""


def unspeakable(*arguments, **options):
    raise UnspeakableError


@NAMES
@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # a corrotina que ninguém esperou
@pytest.mark.parametrize("answer", [forever, forever_async, leaves, unspeakable])
def test_no_check_hangs_or_escapes(answer, name, monkeypatch, capsys):
    monkeypatch.setitem(engine.LIMITS, name, 0.3)
    assert feedback(capsys, name, answer).startswith(WRONG)


def test_a_number_of_numpy_is_a_number_and_a_truth_value_is_not():
    np = pytest.importorskip("numpy")
    assert all(map(engine.is_number, (1, 2.5, np.int64(3), np.float32(4))))
    assert not any(map(engine.is_number, (True, np.bool_(True), None, "1", 1j, np.arange(2))))


def test_a_right_answer_is_remembered_with_its_first_date_and_a_wrong_one_is_not(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(engine, "FILE", tmp_path / "novo" / "exercises.json")
    for name, judge in (("um", lambda answer: None), ("dois", lambda answer: None), ("errado", forever)):
        monkeypatch.setitem(engine.CHECKS, name, judge)
    monkeypatch.setitem(engine.LIMITS, "errado", 0.1)
    assert feedback(capsys, "um", 1) == RIGHT
    state.write(engine.FILE, {"um": "2026-01-01"})
    for name in ("um", "dois", "errado"):
        feedback(capsys, name, 1)
    assert state.read(engine.FILE) == {"um": "2026-01-01", "dois": date.today().isoformat()}
    assert [path.name for path in engine.FILE.parent.iterdir()] == ["exercises.json"]


def test_the_tests_touch_nobodys_progress():
    assert not engine.FILE.is_relative_to(passport.FILE.parent)


def test_it_works_inside_a_running_loop_like_the_kernels(capsys):
    async def route(lookup, cep):
        return {"cep": cep, "rua": await asyncio.to_thread(lookup, cep)}

    async def cell():
        exercises.check("fastapi_rota_livre", route)

    asyncio.run(cell())
    assert capsys.readouterr().out == RIGHT


# ------------------------------------------------------------------ o gabarito não é só nosso


def test_the_marks_that_identify_a_format_are_those_of_real_files(tmp_path):
    import torch  # leva segundos

    torch.save({"w": torch.zeros(1)}, tmp_path / "pesos.pt")
    with h5py.File(tmp_path / "pesos.h5", "w") as file:
        file["w"] = np.zeros(1)
    zipped = (tmp_path / "pesos.pt").read_bytes()
    assert zipped[:2] == b"PK" and b"pesos/data.pkl" in zipped and b"config.json" not in zipped
    assert (tmp_path / "pesos.h5").read_bytes()[:8] == b"\x89HDF\r\n\x1a\n"
    assert networks.WEIGHTS.read_bytes()[8:9] == b"{"


@pytest.mark.slow
def test_ray_itself_decides_the_same():
    need("ray")
    from ray.serve import autoscaling_policy
    from ray.serve.config import AutoscalingConfig

    for (ongoing, target, low, high), (expected, _) in REPLICAS.items():
        config = AutoscalingConfig(target_ongoing_requests=target, min_replicas=low, max_replicas=high)
        seen = SimpleNamespace(config=config, current_num_replicas=1, total_num_requests=ongoing)
        wanted, _ = autoscaling_policy._core_replica_queue_length_policy(seen)
        assert max(low, min(high, ceil(wanted))) == expected
