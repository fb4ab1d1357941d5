"""Micro-batching: requisições que chegam juntas viram um lote, e o modelo roda uma vez para todas.

Só compensa num modelo que ganha com lotes e com requisições simultâneas; o laboratório 07 mede onde ganha e onde
perde. Escrito à mão porque nenhum dos pacotes que lemos serviu: no `async-batcher` 0.2.2, um cliente que desiste
deixa o resto do lote sem resposta; no `batched` 0.1.5, a fila não tem limite; nos dois, o erro de um é de todos.
"""

import asyncio
from concurrent.futures import ThreadPoolExecutor

MAX_PENDING = 64


class QueueFullError(Exception):
    """A fila está cheia: responda 503 e deixe o cliente tentar de novo."""


class Batcher:
    """Junta requisições em lotes para `function`, que recebe uma lista e devolve uma resposta por item, na ordem.

    O lote parte com `max_size` itens, ou quando o primeiro já esperou `max_wait_ms`; no máximo `MAX_PENDING`
    itens esperam na fila. `function` roda numa thread à parte, um lote por vez. Vale para um só laço de eventos.
    """

    def __init__(self, function, *, max_size=16, max_wait_ms=2.0):
        self.function, self.max_size, self.max_wait_s = function, max_size, max_wait_ms / 1000
        self._queue = asyncio.Queue(MAX_PENDING)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="lote")
        self._task = None

    async def submit(self, item):
        """A resposta de `function` para `item`. Levanta `QueueFullError`, ou o erro que este item causou."""
        loop = asyncio.get_running_loop()
        self._task = self._task or loop.create_task(self._run(loop))
        future = loop.create_future()
        try:
            self._queue.put_nowait((item, future, loop.time()))
        except asyncio.QueueFull:
            raise QueueFullError(f"Já há {MAX_PENDING} requisições na fila.") from None
        answer, error = await future
        if error is not None:
            raise error
        return answer

    async def _run(self, loop):
        while True:
            batch = [await self._queue.get()]
            try:
                async with asyncio.timeout_at(batch[0][2] + self.max_wait_s):
                    while len(batch) < self.max_size:
                        batch.append(await self._queue.get())
            except TimeoutError:
                pass
            waiting = [(item, future) for item, future, _ in batch if not future.done()]  # os outros desistiram
            outcomes = await loop.run_in_executor(self._thread, self._answer, [item for item, _ in waiting])
            for (_, future), outcome in zip(waiting, outcomes):
                if not future.done():  # não desistiu enquanto o modelo trabalhava
                    future.set_result(outcome)

    def _answer(self, items):
        """`[(resposta, None) ou (None, erro), …]`. Se o lote falha, refaz um a um: só o culpado recebe o erro."""
        if not items:
            return []
        try:
            answers = self.function(items)
            if len(answers) != len(items):
                raise ValueError(f"A função recebeu {len(items)} itens e devolveu {len(answers)} respostas.")
        except Exception as error:
            return [self._answer([item])[0] for item in items] if len(items) > 1 else [(None, error)]
        return [(answer, None) for answer in answers]
