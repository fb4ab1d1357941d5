"""O micro-batching: ordem, limites, e ninguém paga pelo erro ou pela desistência do vizinho."""

import asyncio
import threading
import time

import pytest

from course_utils.serving.batching import MAX_PENDING, Batcher, QueueFullError


class Model:
    """Dobra números; anota os lotes; um `None` no lote levanta um erro; com `gate`, espera ele abrir."""

    def __init__(self, gate=None):
        self.batches, self.gate, self.started = [], gate, threading.Event()

    def __call__(self, items):
        self.batches.append(list(items))
        self.started.set()
        if self.gate:
            assert self.gate.wait(120)
        return [2 * item for item in items]


def run(scenario):
    """Roda a corrotina, com um prazo: um teste que trava falha."""

    async def bounded():
        async with asyncio.timeout(120):
            return await scenario()

    return asyncio.run(bounded())


async def until(condition):
    """Espera a condição (o `run` limita o tempo)."""
    while not condition():
        await asyncio.sleep(0.001)


def test_answers_come_back_to_whom_asked():
    model = Model()

    async def scenario():
        async with Batcher(model, max_size=7) as batcher:
            return await asyncio.gather(*map(batcher.submit, range(60)))

    assert run(scenario) == [2 * item for item in range(60)]
    assert [item for batch in model.batches for item in batch] == list(range(60))
    assert max(map(len, model.batches)) == 7


def test_a_full_batch_leaves_without_waiting():
    async def scenario():
        async with Batcher(Model(), max_size=4, max_wait_ms=60_000) as batcher:
            return await asyncio.gather(*map(batcher.submit, range(8)))

    assert run(scenario) == [0, 2, 4, 6, 8, 10, 12, 14]


def test_a_lonely_request_leaves_at_its_deadline():
    async def scenario():
        async with Batcher(Model(), max_wait_ms=100) as batcher:
            start = time.perf_counter()
            answer = await batcher.submit(21)
            return answer, time.perf_counter() - start

    answer, elapsed = run(scenario)
    assert answer == 42 and elapsed >= 0.09


def test_who_waited_behind_a_busy_model_does_not_wait_again():
    gate = threading.Event()
    model = Model(gate)

    async def scenario():
        async with Batcher(model, max_size=2, max_wait_ms=600_000) as batcher:
            first = [asyncio.create_task(batcher.submit(item)) for item in (1, 2)]
            await until(model.started.is_set)
            late = asyncio.create_task(batcher.submit(3))
            await until(lambda: batcher._queue.qsize() == 1)
            # O prazo do terceiro (dez minutos) passa enquanto o modelo trabalha: o dele, não o do `run`.
            item, future, arrived = batcher._queue.get_nowait()
            batcher._queue.put_nowait((item, future, arrived - 601))
            batcher._queue.task_done()
            gate.set()
            return await asyncio.gather(*first, late)

    assert run(scenario) == [2, 4, 6]


def test_one_bad_item_does_not_poison_its_batch():
    async def scenario():
        async with Batcher(Model(), max_size=4) as batcher:
            found = await asyncio.gather(*map(batcher.submit, [1, None, 3, "x"]), return_exceptions=True)
            return *found, await batcher.submit(5)

    one, none, three, text, after = run(scenario)
    assert (one, three, text, after) == (2, 6, "xx", 10) and isinstance(none, TypeError)


@pytest.mark.parametrize("answers", [[], [1, 2, 3], None, 7])
def test_a_function_that_answers_out_of_measure_is_an_error_not_a_mix_up(answers):
    async def scenario():
        async with Batcher(lambda items: answers, max_size=2) as batcher:
            return await asyncio.gather(batcher.submit(1), batcher.submit(2), return_exceptions=True)

    assert all(isinstance(item, ValueError | TypeError) for item in run(scenario))


def test_even_a_stop_iteration_is_answered():
    async def scenario():
        async with Batcher(lambda items: next(iter([]))) as batcher:
            with pytest.raises(RuntimeError, match="StopIteration"):
                await batcher.submit(1)

    run(scenario)


@pytest.mark.parametrize("moment", ["na fila", "no modelo"])
def test_who_gives_up_does_not_hurt_the_others(moment):
    gate = threading.Event()
    model = Model(gate)

    async def scenario():
        async with Batcher(model, max_size=3) as batcher:
            first = [asyncio.create_task(batcher.submit(item)) for item in (1, 2, 3)]
            await until(model.started.is_set)
            queued = [asyncio.create_task(batcher.submit(item)) for item in (4, 5, 6)]
            await asyncio.sleep(0.01)
            quitter = (queued if moment == "na fila" else first)[1]
            quitter.cancel()
            await asyncio.sleep(0.01)
            gate.set()
            answers = await asyncio.gather(*first, *queued, return_exceptions=True)
            return answers, quitter, await batcher.submit(7)

    answers, quitter, after = run(scenario)
    kept = [answer for answer in answers if not isinstance(answer, asyncio.CancelledError)]
    assert quitter.cancelled() and len(kept) == 5 and after == 14
    assert set(kept) == {2, 4, 6, 8, 10, 12} - ({10} if moment == "na fila" else {4})
    assert (5 in sum(model.batches, [])) == (moment != "na fila"), "quem desistiu na fila não chega ao modelo"


def test_the_queue_has_a_limit_and_empties_again():
    gate = threading.Event()
    model = Model(gate)

    async def scenario():
        async with Batcher(model, max_size=1) as batcher:
            busy = asyncio.create_task(batcher.submit(0))
            await until(model.started.is_set)
            queued = [asyncio.create_task(batcher.submit(item)) for item in range(1, MAX_PENDING + 1)]
            await asyncio.sleep(0)
            with pytest.raises(QueueFullError):
                await batcher.submit(99)
            gate.set()
            return await asyncio.gather(busy, *queued), await batcher.submit(99)

    assert run(scenario) == ([2 * item for item in range(MAX_PENDING + 1)], 198)


def test_closing_answers_what_was_accepted_and_refuses_the_rest():
    gate = threading.Event()
    model = Model(gate)

    async def scenario():
        batcher = Batcher(model, max_size=2)
        accepted = [asyncio.create_task(batcher.submit(item)) for item in range(5)]
        await until(model.started.is_set)
        closing = asyncio.create_task(batcher.close())
        await asyncio.sleep(0)
        with pytest.raises(RuntimeError, match="encerrado"):
            await batcher.submit(9)
        gate.set()
        await closing
        await batcher.close()
        return await asyncio.gather(*accepted)

    assert run(scenario) == [0, 2, 4, 6, 8]
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("lote")]


def test_the_event_loop_stays_free_while_the_model_works():
    gate = threading.Event()

    async def scenario():
        async with Batcher(Model(gate)) as batcher:
            answer = asyncio.create_task(batcher.submit(1))
            await asyncio.sleep(0.02)
            gate.set()  # se o laço estivesse bloqueado, ninguém abriria o portão
            return await answer

    assert run(scenario) == 2


def test_a_batcher_never_used_closes_at_once_and_nonsense_limits_are_refused():
    async def scenario():
        async with Batcher(Model()):
            pass

    run(scenario)
    for wrong in ({"max_size": 0}, {"max_wait_ms": -1}):
        with pytest.raises(ValueError):
            Batcher(Model(), **wrong)
