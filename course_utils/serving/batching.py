"""Micro-batching: requisições que chegam juntas viram um lote, e o modelo roda uma vez para todas.

Só compensa num modelo que ganha com lotes e com requisições simultâneas; o notebook 07 mede onde ganha e onde
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
        self._task = self._task or loop.create_task(self._run())
        future = loop.create_future()
        try:
            self._queue.put_nowait((item, future, loop.time()))
        except asyncio.QueueFull:
            raise QueueFullError(f"Já há {self._queue.maxsize} requisições na fila.") from None
        return await future

    async def _run(self):
        loop = asyncio.get_running_loop()
        while True:
            batch = await self._collect()
            waiting = [(item, future) for item, future, _ in batch if not future.done()]  # os outros desistiram
            items = [item for item, _ in waiting]
            outcomes = await loop.run_in_executor(self._thread, self._answer, items)
            for (_, future), (answer, error) in zip(waiting, outcomes):
                if future.done():  # desistiu enquanto o modelo trabalhava
                    continue
                if error is None:
                    future.set_result(answer)
                else:
                    future.set_exception(error)

    async def _collect(self):
        """O próximo lote: espera o primeiro pedido e, até o prazo dele, os que ainda cabem."""
        batch = [await self._queue.get()]
        limit = batch[0][2] + self.max_wait_s
        while len(batch) < self.max_size:
            try:
                # Quem já está na fila entra sem esperar: armar um prazo para cada um custaria mais que atendê-lo.
                batch.append(self._queue.get_nowait())
            except asyncio.QueueEmpty:
                try:
                    async with asyncio.timeout_at(limit):
                        batch.append(await self._queue.get())
                except TimeoutError:
                    break
        return batch

    def _answer(self, items):
        """`[(resposta, None) ou (None, erro), …]`. Se o lote falha, refaz um a um: só o culpado recebe o erro."""
        if not items:
            return []
        try:
            answers = self.function(items)
            if len(answers) != len(items):
                raise ValueError(f"A função recebeu {len(items)} itens e devolveu {len(answers)} respostas.")
        except Exception as error:
            if len(items) > 1:
                return [self._answer([item])[0] for item in items]
            # Um StopIteration não atravessa um Future: mataria o laço, e todos esperariam sem fim.
            return [(None, RuntimeError(repr(error)) if isinstance(error, StopIteration) else error)]
        return [(answer, None) for answer in answers]
