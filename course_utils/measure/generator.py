"""O processo que gera a carga; `load` o inicia, manda o pedido em JSON e recebe as medidas em JSON.

Cada cliente faz um pedido, espera a resposta inteira e faz o próximo (laço fechado), sempre em 127.0.0.1 e
sem fechar a conexão, a menos que o servidor a feche. Escreve os bytes direto no soquete: um cliente HTTP
completo gasta por pedido mais do que os servidores que queremos medir.
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
PAUSE_S = 0.01  # depois de uma conexão que falhou


class Connection(asyncio.Protocol):
    """Uma conexão com o servidor, um pedido por vez."""

    def __init__(self):
        self.usable, self.answer = True, None

    def connection_made(self, transport):
        self.transport = transport

    async def ask(self, request):
        """Envia os bytes do pedido e devolve o status, quando a resposta inteira chegou."""
        self.answer, self.to_the_end = asyncio.get_running_loop().create_future(), True
        self.parser = httptools.HttpResponseParser(self)
        self.transport.write(request)
        return await self.answer

    def close(self):
        self.usable = False
        self.transport.abort()

    def data_received(self, data):
        try:
            self.parser.feed_data(data)
        except (httptools.HttpParserError, AttributeError) as error:
            self._finish(error)

    def on_header(self, name, value):
        if name.lower() in (b"content-length", b"transfer-encoding"):
            self.to_the_end = False

    def on_headers_complete(self):
        self.headers = True

    def on_message_complete(self):
        self.usable = self.parser.should_keep_alive()
        self._finish(None)

    def connection_lost(self, error):
        self.usable = False
        self._finish(error or ConnectionResetError("o servidor fechou a conexão"))

    def _finish(self, error):
        if self.answer is None or self.answer.done():
            return
        if error is None:
            self.answer.set_result(self.parser.get_status_code())
        else:
            self.usable = False
            self.answer.set_exception(error)
