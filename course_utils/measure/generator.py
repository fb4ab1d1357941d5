"""O processo que gera a carga: `load` o inicia, entrega o pedido em JSON e recebe as medidas em JSON.

Cada cliente envia um pedido, espera a resposta inteira e só então envia o próximo (laço fechado), sempre em
127.0.0.1 e na mesma conexão, enquanto o servidor não a fecha. Os bytes vão direto ao soquete: um cliente
HTTP completo gasta, por pedido, tanto quanto os servidores que queremos medir.
"""

import asyncio
import base64
import gc
import json
import sys
from collections import Counter
from time import monotonic, perf_counter, process_time

import httptools

HOST = "127.0.0.1"
PAUSE_S = 0.01  # depois de uma falha, para não girar em falso


class Connection(asyncio.Protocol):
    """Uma conexão com o servidor, um pedido por vez. Os métodos `on_` são o que o leitor de HTTP encontrou."""

    usable, answer, parser = True, None, None

    def connection_made(self, transport):
        self.transport = transport

    async def ask(self, request):
        """Envia os bytes do pedido e devolve o status, quando a resposta inteira chegou."""
        self.answer = asyncio.get_running_loop().create_future()
        self.parser = httptools.HttpResponseParser(self)
        self.sized = False
        self.transport.write(request)
        return await self.answer

    def data_received(self, data):
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserError as error:
            self._finish(error)

    def on_header(self, name, value):
        self.sized = self.sized or name.lower() in (b"content-length", b"transfer-encoding")

    def on_headers_complete(self):
        self.usable = self.parser.should_keep_alive()

    def on_message_complete(self):
        self._finish()

    def connection_lost(self, error):
        # Sem tamanho anunciado, a resposta termina quando o servidor fecha; com tamanho, isto é um corte.
        answered = not self.usable and not self.sized
        self.usable = False
        self._finish(None if answered else error or ConnectionResetError())

    def _finish(self, error=None):
        if self.answer is None or self.answer.done():
            return
        if error is None:
            self.answer.set_result(self.parser.get_status_code())
        else:
            self.usable = False
            self.answer.set_exception(error)


class Client:
    """Um cliente: guarda a sua conexão de um pedido para o outro."""

    def __init__(self, port, request, timeout):
        self.port, self.request, self.timeout = port, request, timeout
        self.connection = None

    async def ask(self):
        """Um pedido inteiro, conexão incluída se for preciso: devolve o status ou levanta."""
        async with asyncio.timeout(self.timeout):
            if self.connection is None or not self.connection.usable:
                self.drop()
                loop = asyncio.get_running_loop()
                _, self.connection = await loop.create_connection(Connection, HOST, self.port)
            return await self.connection.ask(self.request)

    def drop(self):
        """Larga a conexão, com o que ainda viesse por ela."""
        if self.connection:
            self.connection.transport.abort()
        self.connection = None


async def run_phase(clients, seconds):
    """Todos os clientes em laço por `seconds`; o que começou a tempo é esperado.

    Devolve `(latências em ms das respostas 2xx, erros contados por espécie)`.
    """
    latencies, errors, limit = [], Counter(), perf_counter() + seconds

    async def repeat(client):
        while (start := perf_counter()) < limit:
            try:
                status = await client.ask()
            except (OSError, httptools.HttpParserError) as error:
                errors[type(error).__name__] += 1
                client.drop()
                await asyncio.sleep(PAUSE_S)
                continue
            if 200 <= status < 300:
                latencies.append(1000 * (perf_counter() - start))
            else:
                errors[str(status)] += 1

    await asyncio.gather(*map(repeat, clients))
    return latencies, errors


async def main(job):
    """Aquecimento e medida; devolve o dicionário que `load` lê. Os instantes são de `time.monotonic`."""
    request = base64.b64decode(job["request"])
    clients = [Client(job["port"], request, job["timeout"]) for _ in range(job["concurrency"])]
    if job["warmup"]:
        await run_phase(clients, job["warmup"])
    began, busy, start = monotonic(), process_time(), perf_counter()
    latencies, errors = await run_phase(clients, job["seconds"])
    seconds, busy = perf_counter() - start, process_time() - busy
    for client in clients:
        client.drop()
    return {
        "latencies": latencies,
        "errors": errors,
        "seconds": seconds,
        "began": began,
        "generator_percent": 100 * busy / seconds,
    }


if __name__ == "__main__":
    gc.disable()  # vive segundos; uma coleta no meio apareceria como latência do servidor
    try:
        from uvloop import run  # não existe no Windows
    except ImportError:
        from asyncio import run
    json.dump(run(main(json.load(sys.stdin))), sys.stdout)
