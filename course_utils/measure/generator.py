"""O processo que gera a carga: recebe de `load` o pedido, em JSON, e devolve as medidas, em JSON.

Cada cliente envia, espera a resposta inteira e só então envia de novo (laço fechado), na mesma conexão enquanto o
servidor não a fecha. Os bytes vão direto ao soquete: um cliente HTTP completo gasta tanto quanto os servidores
que queremos medir.
"""

import asyncio
import base64
import contextlib
import gc
import json
import sys
from collections import Counter
from time import perf_counter, process_time

import psutil

HOST = "127.0.0.1"
PAUSE_S = 0.01  # depois de uma falha, para não girar em falso
SAMPLE_S = 0.1


class Client:
    """Um cliente: guarda a sua conexão de um pedido para o outro."""

    def __init__(self, port, request, timeout):
        self.port, self.request, self.timeout = port, request, timeout
        self.reader = self.writer = None

    async def ask(self):
        """Um pedido inteiro, conexão incluída se for preciso: devolve o status ou levanta."""
        async with asyncio.timeout(self.timeout):
            if self.writer is None or self.reader.at_eof() or self.reader.exception():
                self.drop()
                self.reader, self.writer = await asyncio.open_connection(HOST, self.port)
            self.writer.write(self.request)
            return await self.receive()

    async def receive(self):
        """A resposta, até o último byte: com tamanho anunciado, aos pedaços ou até o servidor fechar."""
        head = await self.reader.readuntil(b"\r\n\r\n")
        version, status, *_ = head.split(maxsplit=2)
        fields = dict(line.partition(b":")[::2] for line in head.lower().splitlines())
        keep = b"close" not in fields.get(b"connection", b"")
        if b"content-length" in fields:
            await self.reader.readexactly(int(fields[b"content-length"]))
        elif b"transfer-encoding" in fields:
            while size := int(await self.reader.readline(), 16):
                await self.reader.readexactly(size + len(b"\r\n"))
            await self.reader.readline()
        else:
            await self.reader.read()
        if not keep or version == b"HTTP/1.0":
            self.drop()
        return int(status)

    def drop(self):
        """Larga a conexão, com o que ainda viesse por ela."""
        if self.writer:
            self.writer.transport.abort()
        self.writer = None


class Usage:
    """CPU e memória dos processos `pids` do servidor e dos descendentes que tinham no início."""

    def __init__(self, pids):
        self.cpu, self.peak = {}, 0
        for pid in pids:
            with contextlib.suppress(psutil.NoSuchProcess):
                root = psutil.Process(pid)
                self.cpu |= dict.fromkeys([root, *root.children(recursive=True)], 0.0)

    def sample(self):
        """Os segundos de CPU até aqui; de quem terminou, os que já tinha gasto. O maior RSS fica em `peak`."""
        memory = 0
        for process in self.cpu:
            with contextlib.suppress(psutil.NoSuchProcess):
                times = process.cpu_times()
                self.cpu[process] = times.user + times.system
                memory += process.memory_info().rss
        self.peak = max(self.peak, memory)
        return sum(self.cpu.values())

    async def watch(self):
        while True:
            self.sample()
            await asyncio.sleep(SAMPLE_S)


async def run_phase(clients, seconds):
    """Todos os clientes em laço por `seconds`; o que começou a tempo é esperado.

    Devolve `(latências em ms das respostas 2xx, erros contados por espécie)`.
    """
    latencies, errors, limit = [], Counter(), perf_counter() + seconds

    async def repeat(client):
        while (start := perf_counter()) < limit:
            try:
                status = await client.ask()
            except (OSError, EOFError, ValueError, asyncio.LimitOverrunError) as error:
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
    """Aquecimento e medida; devolve o dicionário de que `load` faz um `Load`."""
    request = base64.b64decode(job["request"])
    clients = [Client(job["port"], request, job["timeout"]) for _ in range(job["concurrency"])]
    await run_phase(clients, job["warmup"])
    usage = Usage(job["pids"])
    before, busy, start = usage.sample(), process_time(), perf_counter()
    watcher = asyncio.create_task(usage.watch())
    latencies, errors = await run_phase(clients, job["seconds"])
    seconds, busy, cpu = perf_counter() - start, process_time() - busy, usage.sample() - before
    watcher.cancel()
    for client in clients:
        client.drop()
    return {
        "latencies": latencies,
        "errors": errors,
        "seconds": seconds,
        "cpu_seconds": cpu if usage.cpu else None,
        "peak_memory_bytes": usage.peak if usage.cpu else None,
        "generator_percent": 100 * busy / seconds,
    }


if __name__ == "__main__":
    gc.disable()  # vive segundos; uma coleta no meio apareceria como latência do servidor
    try:
        from uvloop import run  # não existe no Windows
    except ImportError:
        from asyncio import run
    json.dump(run(main(json.load(sys.stdin))), sys.stdout)
