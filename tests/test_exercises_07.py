"""Conferência do exercício do notebook 07: certas, erradas e hostis."""

import asyncio
import functools
import time

import pytest

from course_utils.classroom import exercises


def feedback(capsys, answer):
    """O que o aluno lê ao conferir `answer`."""
    exercises.check("fastapi_rota_livre", answer)
    return capsys.readouterr().out


async def by_to_thread(lookup, cep):
    return {"cep": cep, "rua": await asyncio.to_thread(lookup, cep)}


async def by_executor(lookup, cep):
    return {"cep": cep, "rua": await asyncio.get_running_loop().run_in_executor(None, lookup, cep)}


async def still_blocks(lookup, cep):
    return {"cep": cep, "rua": lookup(cep)}


async def blocks_after_yielding(lookup, cep):
    await asyncio.sleep(0)
    return {"cep": cep, "rua": lookup(cep)}


async def blocks_after_waiting(lookup, cep):
    await asyncio.sleep(0.01)
    return {"cep": cep, "rua": lookup(cep)}


async def forgets_to_await(lookup, cep):
    return {"cep": cep, "rua": asyncio.to_thread(lookup, cep)}


async def awaits_the_text(lookup, cep):
    return {"cep": cep, "rua": await lookup(cep)}


async def forgets_the_cep(lookup, cep):
    return {"rua": await asyncio.to_thread(lookup, cep)}


async def never_answers(lookup, cep):
    await asyncio.Event().wait()


async def explodes(lookup, cep):
    raise KeyError(cep)


async def exits(lookup, cep):
    raise SystemExit(3)


async def takes_nothing():
    return None


def not_async(lookup, cep):
    return {"cep": cep, "rua": lookup(cep)}


@pytest.mark.parametrize("answer", [by_to_thread, by_executor, functools.partial(by_to_thread)])
def test_the_right_routes_pass(capsys, answer):
    assert feedback(capsys, answer) == "✔ Certo!\n"


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # as corrotinas que o aluno esqueceu de esperar
@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (still_blocks, "await asyncio.to_thread"),
        (blocks_after_yielding, "await asyncio.to_thread"),
        (blocks_after_waiting, "await asyncio.to_thread"),
        (forgets_to_await, "falta um await"),
        (awaits_the_text, "lookup é uma função comum"),
        (forgets_the_cep, "o mesmo dicionário"),
        (never_answers, "todo await termina"),
        (not_async, "async def"),
        ("route", "recebi str"),
        (None, "recebi NoneType"),
        (explodes, "KeyError"),
        (takes_nothing, "TypeError"),
    ],
)
def test_each_wrong_route_says_what_it_lacks(capsys, answer, words):
    start = time.perf_counter()
    text = feedback(capsys, answer)
    assert text.startswith("✘ Ainda não.") and words in text
    assert time.perf_counter() - start < 60


def test_a_blank_answer_only_reminds(capsys):
    assert feedback(capsys, ...).startswith("Ainda sem resposta")


def test_it_works_inside_a_running_loop_like_the_kernels(capsys):
    async def cell():
        exercises.check("fastapi_rota_livre", by_to_thread)

    asyncio.run(cell())
    assert capsys.readouterr().out == "✔ Certo!\n"
