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


def usage(processes):
    """`(segundos de CPU até aqui, RSS em bytes)`, somados, dos processos do servidor que ainda vivem."""
    cpu = memory = 0
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            cpu, memory = cpu + times.user + times.system, memory + process.memory_info().rss
    return cpu, memory


async def watch(processes, samples):
    while True:
        samples.append(usage(processes))
        await asyncio.sleep(SAMPLE_S)


async def main(job):
    """Aquecimento e medida; devolve o dicionário de que `load` faz um `Load`."""
    connections, samples = dict.fromkeys(range(job["concurrency"])), []
    processes = [psutil.Process(pid) for pid in job["pids"]]
    await run_phase(job, connections, job["warmup"])
    samples.append(usage(processes))
    busy, start, watcher = process_time(), perf_counter(), asyncio.create_task(watch(processes, samples))
    latencies, errors = await run_phase(job, connections, job["seconds"])
    seconds, busy = perf_counter() - start, process_time() - busy
    watcher.cancel()
    samples.append(usage(processes))
    return {
        "latencies": latencies,
        "errors": errors,
        "seconds": seconds,
        # O maior de cada: quem morreu sob a carga não conta mais no fim.
        "cpu_seconds": max(cpu for cpu, _ in samples) - samples[0][0] if processes else None,
        "peak_memory_bytes": max(memory for _, memory in samples) if processes else None,
        "generator_percent": 100 * busy / seconds,
    }


if __name__ == "__main__":
    gc.disable()  # vive segundos; uma coleta no meio apareceria como latência do servidor
    try:
        from uvloop import run  # não existe no Windows
    except ImportError:
        from asyncio import run
    json.dump(run(main(json.load(sys.stdin))), sys.stdout)
