"""O micro-batching: ordem, limites, e ninguém paga pelo erro ou pela desistência do vizinho."""

import asyncio
import threading
import time

import pytest

from course_utils.serving.batching import MAX_PENDING, Batcher, QueueFullError


class Model:
    """Dobra números e anota os lotes; um `None` levanta um erro; fechado, espera alguém abrir `gate`."""

    def __init__(self, *, closed=False):
        self.batches, self.gate, self.started = [], threading.Event(), threading.Event()
        if not closed:
            self.gate.set()

    def __call__(self, items):
        self.batches.append(list(items))
        self.started.set()
        assert self.gate.wait(120)
        return [2 * item for item in items]


async def submitted(batcher, items, model=None):
    """Os pedidos já na fila, como tarefas; com `model`, quando ele já trabalha no primeiro lote."""
    tasks = [asyncio.create_task(batcher.submit(item)) for item in items]
    await asyncio.sleep(0)
    while model and not model.started.is_set():
        await asyncio.sleep(0.001)
    return tasks


def run(scenario):
    """Roda a corrotina, com um prazo: um teste que trava falha."""
    return asyncio.run(asyncio.wait_for(scenario, 120))


def submit_all(function, items, **options):
    """As respostas, ou os erros, de pedidos que chegam juntos."""

    async def scenario():
        batcher = Batcher(function, **options)
        return await asyncio.gather(*map(batcher.submit, items), return_exceptions=True)

    return run(scenario())


def test_answers_come_back_to_whom_asked_in_batches_that_leave_full_or_on_time():
    model = Model()
    assert submit_all(model, range(60), max_size=7) == [2 * item for item in range(60)]
    assert [item for batch in model.batches for item in batch] == list(range(60))
    assert max(map(len, model.batches)) == 7
    assert submit_all(Model(), range(8), max_size=4, max_wait_ms=600_000) == [0, 2, 4, 6, 8, 10, 12, 14]
    start = time.perf_counter()
    assert submit_all(Model(), [21], max_wait_ms=100) == [42]
    assert time.perf_counter() - start >= 0.09


def test_who_waited_behind_a_busy_model_does_not_wait_again():
    async def scenario():
        busy = Model(closed=True)
        batcher = Batcher(busy, max_size=2, max_wait_ms=60_000)
        first = await submitted(batcher, [1, 2], busy)
        late = await submitted(batcher, [3])
        loop = asyncio.get_running_loop()
        clock = loop.time
        loop.time = lambda: clock() + 61  # o prazo do terceiro passa enquanto o modelo trabalha
        busy.gate.set()
        return await asyncio.gather(*first, *late)

    assert run(scenario()) == [2, 4, 6]


def test_one_bad_item_does_not_poison_its_batch():
    one, none, three, text, after = submit_all(Model(), [1, None, 3, "x", 5], max_size=4)
    assert (one, three, text, after) == (2, 6, "xx", 10) and isinstance(none, TypeError)


@pytest.mark.parametrize("answers", [[], [1, 2, 3], None])
def test_a_function_that_answers_out_of_measure_is_an_error_not_a_mix_up(answers):
    errors = submit_all(lambda _: answers, [1, 2], max_size=2)
    assert all(isinstance(item, ValueError | TypeError) for item in errors)


def test_a_stop_iteration_reaches_who_asked_and_does_not_end_the_queue():
    (error,) = submit_all(lambda _: next(iter([])), [1])
    assert isinstance(error, RuntimeError) and "StopIteration" in str(error)


@pytest.mark.parametrize("moment", ["na fila", "no modelo"])
def test_who_gives_up_does_not_hurt_the_others(moment):
    async def scenario():
        busy = Model(closed=True)
        batcher = Batcher(busy, max_size=3)
        first = await submitted(batcher, [1, 2, 3], busy)
        queued = await submitted(batcher, [4, 5, 6])
        (queued if moment == "na fila" else first)[1].cancel()
        await asyncio.sleep(0.01)  # o laço está livre enquanto o modelo trabalha: é ele que abre o portão
        busy.gate.set()
        answers = await asyncio.gather(*first, *queued, return_exceptions=True)
        return busy, answers, await batcher.submit(7)

    busy, answers, after = run(scenario())
    kept = [answer for answer in answers if not isinstance(answer, asyncio.CancelledError)]
    assert kept == ([2, 4, 6, 8, 12] if moment == "na fila" else [2, 6, 8, 10, 12]) and after == 14
    assert (5 in sum(busy.batches, [])) == (moment != "na fila"), "quem desistiu na fila não chega ao modelo"


def test_the_queue_has_a_limit_and_empties_again():
    async def scenario():
        busy = Model(closed=True)
        batcher = Batcher(busy, max_size=1)
        first = await submitted(batcher, [0], busy)
        queued = await submitted(batcher, range(1, MAX_PENDING + 1))
        with pytest.raises(QueueFullError):
            await batcher.submit(99)
        busy.gate.set()
        return await asyncio.gather(*first, *queued), await batcher.submit(99)

    assert run(scenario()) == ([2 * item for item in range(MAX_PENDING + 1)], 198)
