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


async def receive(reader):
    """Uma resposta, até o último byte: `(status, a conexão continua?)`."""
    head = await reader.readuntil(b"\r\n\r\n")
    version, status, *_ = head.split(maxsplit=2)
    fields = dict(line.partition(b":")[::2] for line in head.lower().splitlines())
    if b"content-length" in fields:
        await reader.readexactly(int(fields[b"content-length"]))
    elif b"transfer-encoding" in fields:  # aos pedaços
        while size := int(await reader.readline(), 16):
            await reader.readexactly(size + len(b"\r\n"))
        await reader.readline()
    else:  # termina quando o servidor fecha
        await reader.read()
    return int(status), version != b"HTTP/1.0" and b"close" not in fields.get(b"connection", b"")


async def run_phase(job, connections, seconds):
    """Um cliente em laço por conexão (`{número: par ou None}`) por `seconds`; o que começou a tempo é esperado.

    Devolve `(latências em ms das respostas 2xx, erros contados por espécie)`.
    """
    request, latencies, errors = base64.b64decode(job["request"]), [], Counter()
    limit = perf_counter() + seconds

    async def ask(number):
        reader, writer = connections[number] or (None, None)
        if writer is None or reader.at_eof() or reader.exception():
            reader, writer = connections[number] = await asyncio.open_connection(HOST, job["port"])
        writer.write(request)
        return await receive(reader)

    async def repeat(number):
        while (start := perf_counter()) < limit:
            try:
                async with asyncio.timeout(job["timeout"]):
                    status, keep = await ask(number)
            except (OSError, EOFError, ValueError, asyncio.LimitOverrunError) as error:
                errors[type(error).__name__] += 1
                keep = False
                await asyncio.sleep(PAUSE_S)
            else:
                if 200 <= status < 300:
                    latencies.append(1000 * (perf_counter() - start))
                else:
                    errors[str(status)] += 1
            if not keep and connections[number]:
                connections[number][1].transport.abort()
                connections[number] = None

    await asyncio.gather(*map(repeat, connections))
    return latencies, errors


def usage(spent):
    """`(segundos de CPU até aqui, RSS em bytes)`, somados, dos processos do servidor.

    `spent`: `{processo: segundos}`, que aqui se renova; o de um processo que já morreu continua na soma.
    """
    memory = 0
    for process in spent:
        with contextlib.suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            spent[process], memory = times.user + times.system, memory + process.memory_info().rss
    return sum(spent.values()), memory


async def watch(spent, samples):
    while True:
        samples.append(usage(spent))
        await asyncio.sleep(SAMPLE_S)


async def main(job):
    """Aquecimento e medida; devolve o dicionário de que `load` faz um `Load`."""
    connections, samples = dict.fromkeys(range(job["concurrency"])), []
    spent = {psutil.Process(pid): 0.0 for pid in job["pids"]}
    await run_phase(job, connections, job["warmup"])
    samples.append(usage(spent))
    busy, start, watcher = process_time(), perf_counter(), asyncio.create_task(watch(spent, samples))
    latencies, errors = await run_phase(job, connections, job["seconds"])
    seconds, busy = perf_counter() - start, process_time() - busy
    watcher.cancel()
    samples.append(usage(spent))
    return {
        "latencies": latencies,
        "errors": errors,
        "seconds": seconds,
        "cpu_seconds": samples[-1][0] - samples[0][0] if spent else None,
        "peak_memory_bytes": max(memory for _, memory in samples) if spent else None,
        "generator_percent": 100 * busy / seconds,
    }


if __name__ == "__main__":
    gc.disable()  # vive segundos; uma coleta no meio apareceria como latência do servidor
    try:
        from uvloop import run  # não existe no Windows
    except ImportError:
        from asyncio import run
    json.dump(run(main(json.load(sys.stdin))), sys.stdout)
