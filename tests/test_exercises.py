"""O que vale para todo exercício: em branco só lembra, o hostil vira uma frase, nada trava, o certo se anota."""

import asyncio
from datetime import date

import pytest
from solved import BLANK, RIGHT, WRONG, feedback

from course_utils import files
from course_utils.classroom import exercises, passport, state
from course_utils.classroom.exercises import engine

NAMES = pytest.mark.parametrize("name", exercises.CHECKS)


class Explosive:
    """Explode ao virar texto, e a qualquer pergunta: uma resposta que nenhum aluno daria por bem."""

    def __str__(self):
        raise RuntimeError("bum")

    def __getattr__(self, name):
        raise RuntimeError(name)


HOSTILE = [
    None, "x" * 10**6, [[]], {}, {"A": "x" * 10**7}, {Explosive(): 1}, 7, float("nan"), b"\x00", Explosive(),
    print, lambda: None, lambda *a, **k: 1 / 0, lambda *a, **k: Explosive(), lambda *a, **k: None,
    lambda *a, **k: "x" * 10**6, lambda *a, **k: ("a", "b", "c"), lambda *a, **k: ([[1], [1, 2]], [1] * 5),
]  # fmt: skip


@NAMES
def test_a_blank_answer_only_reminds_and_a_hostile_one_becomes_a_sentence(capsys, name):
    assert feedback(capsys, name, ...).startswith(BLANK)
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


@NAMES
@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # a corrotina que ninguém esperou
@pytest.mark.parametrize("answer", [forever, forever_async, leaves])
def test_no_check_hangs_or_escapes(answer, name, monkeypatch, capsys):
    monkeypatch.setitem(exercises.LIMITS, name, 0.3)
    assert feedback(capsys, name, answer).startswith(WRONG)


def test_a_right_answer_is_remembered_with_its_first_date_and_a_wrong_one_is_not(tmp_path, monkeypatch, capsys):
    for kept in (engine.FILE, passport.FILE):
        assert not kept.is_relative_to(files.ARTIFACTS), "os testes não tocam no progresso de ninguém"
    monkeypatch.setattr(engine, "FILE", tmp_path / "novo" / "exercises.json")
    for name, judge in (("um", lambda answer: None), ("dois", lambda answer: None), ("errado", leaves)):
        monkeypatch.setitem(exercises.CHECKS, name, judge)
    assert feedback(capsys, "um", 1) == RIGHT
    state.write(engine.FILE, {"um": "2026-01-01"})
    for name in ("um", "dois", "errado"):
        feedback(capsys, name, 1)
    assert state.read(engine.FILE) == {"um": "2026-01-01", "dois": date.today().isoformat()}


def test_it_works_inside_a_running_loop_like_the_kernels(capsys):
    async def route(lookup, cep):
        return {"cep": cep, "rua": await asyncio.to_thread(lookup, cep)}

    async def cell():
        exercises.check("fastapi_rota_livre", route)

    asyncio.run(cell())
    assert capsys.readouterr().out == RIGHT
