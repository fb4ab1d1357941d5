"""O balcão: reparte as vagas do motor, com fila curta, prazos, e a vaga de volta assim que o cliente se vai."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

from prometheus_client import Gauge, generate_latest

from course_utils.serving.contract import ContractError
from course_utils.serving.language.engine import LlamaEngine, Piece, TooLongError
from course_utils.serving.service import Observed, log

RETRY_S = 2


class Desk(Observed):
    """Um motor no ar: carrega em segundo plano e atende, além das vagas dele, até `max_waiting` que esperam."""

    max_waiting = 8
    first_token_s, total_s = 60.0, 180.0  # os prazos do primeiro e do último token

    def __init__(self, build=LlamaEngine):
        """`build()` dá o motor, já carregado."""
        super().__init__()
        self.engine, self.failure = None, None
        self._stopping = threading.Event()
        self._inside = 0  # quem é atendido e quem espera
        waiting = Gauge("language_requests", "Pedidos em curso ou na fila", registry=self.registry)
        waiting.set_function(lambda: self._inside)
        self._busy = Gauge("language_slots_busy", "Vagas do motor em uso", registry=self.registry)
        self._loading = threading.Thread(target=self._load, args=(build,), daemon=True)
        self._loading.start()

    def _load(self, build):
        try:
            engine = build()
        except Exception as error:  # o processo segue vivo e /health/ready diz por que não está pronto
            self.failure = str(error)
            log.error("modelo recusado: %s", error)
            return
        self._threads = ThreadPoolExecutor(engine.slots, thread_name_prefix="geração")
        self._free = asyncio.Semaphore(engine.slots)
        self.engine = engine

    def _write(self, order, tell):
        with self._busy.track_inprogress():
            self.engine.generate(order, tell)

    def close(self):
        """Interrompe no token seguinte o que está em curso e devolve a memória."""
        self._stopping.set()
        self._loading.join()
        if self.engine:
            self._threads.shutdown()
            self.engine.close()

    def readiness(self):
        """O que `/health/ready` responde (dict); levanta o 503 enquanto o modelo não está pronto."""
        if self.engine is None:
            raise ContractError(503, self.failure or "O modelo ainda está sendo carregado.", retry_after=RETRY_S)
        return {"status": "pronto", "model": self.engine.name, "slots": self.engine.slots}

    def metrics(self):
        """O texto que o Prometheus lê (bytes)."""
        return generate_latest(self.registry)

    async def generate(self, order):
        """Os `Piece` da resposta, à medida que saem (gerador assíncrono). Feche-o: a vaga volta no token seguinte.

        Levanta `ContractError` 503 (fila cheia, servidor que se encerra), 422 (a pergunta não cabe) ou 504 (prazo
        esgotado).
        """
        self.readiness()
        if self._inside >= self.engine.slots + self.max_waiting:
            raise ContractError(503, "A fila está cheia; tente de novo em instantes.", retry_after=RETRY_S)
        loop, news, gone = asyncio.get_running_loop(), asyncio.Queue(), threading.Event()
        start, piece = loop.time(), Piece()
        limit = start + self.first_token_s

        def tell(item):  # nas threads do motor: um pedaço ou, por fim, o próprio trabalho
            loop.call_soon_threadsafe(news.put_nowait, item)
            return gone.is_set() or self._stopping.is_set()

        def leave(work):  # a vaga é do trabalho, e não de quem o pediu: só volta quando o motor a larga
            loop.call_soon_threadsafe(self._free.release)
            tell(work)

        self._inside += 1
        try:
            await _before(limit, self._free.acquire())
            work = self._threads.submit(self._write, order, tell)
            work.add_done_callback(leave)
            while (item := await _before(limit, news.get())) is not work:
                limit, piece = start + self.total_s, item
                yield piece
            work.result()  # levanta o que o motor levantou
            if piece.finish is None:
                raise ContractError(503, "O servidor está se encerrando.", retry_after=RETRY_S)
        except TooLongError as error:
            raise ContractError(422, str(error)) from None
        finally:
            self._inside -= 1
            gone.set()


async def _before(limit, awaitable):
    """O resultado, se chega até o instante `limit` (s, do relógio do laço); senão, levanta o 504."""
    try:
        async with asyncio.timeout_at(limit):
            return await awaitable
    except TimeoutError:
        raise ContractError(504, "A resposta não saiu a tempo.", retry_after=RETRY_S) from None
