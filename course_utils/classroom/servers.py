"""Servidores iniciados de uma célula: processo próprio, porta livre, espera até a prontidão, fim garantido.

O servidor vigia a própria entrada padrão, um cano cuja outra ponta é do kernel: quando o kernel termina, mesmo com
`kill -9`, o cano fecha e o servidor se encerra, com os processos que criou.
"""

import http.client
import os
import shlex
import shutil
import sys
import time
import weakref
from pathlib import Path

from course_utils import files, processes
from course_utils.bars import tqdm
from course_utils.model.predictor import MODEL
from course_utils.processes import HOST, free_port

READY = "health/ready"
ATTEMPTS = 3
START_S = 120


class ServerError(RuntimeError):
    """O servidor não ficou pronto; a mensagem traz o fim do seu registro."""


class Server:
    """Um servidor no ar. `url` serve ao Python; `page_url`, ao navegador (também no Binder).

    Num `with`, ele se encerra ao sair do bloco; numa variável, quando ela recebe outro servidor.
    """

    def __init__(self, process, port, log):
        self.process, self.port, self.log = process, port, log
        self.url = f"http://{HOST}:{port}/"
        prefix = os.environ.get("JUPYTERHUB_SERVICE_PREFIX")
        self.page_url = f"{prefix}proxy/{port}/" if prefix else self.url
        # Refazer a célula solta o objeto antigo, e com ele o processo antigo; o fim do kernel, também.
        self._finalizer = weakref.finalize(self, processes.stop, process)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.stop()

    def pids(self):
        """Os números do processo e de todos os que ele iniciou (lista de int; vazia se ele já terminou)."""
        return [process.pid for process in processes.tree(self.process)]

    def pin(self):
        """Prende cada thread do servidor ao último núcleo, onde o sistema deixa (Linux); devolve se conseguiu."""
        if not hasattr(os, "sched_setaffinity"):
            return False
        core = {max(os.sched_getaffinity(0))}
        for process in processes.tree(self.process):
            for thread in process.threads():
                os.sched_setaffinity(thread.id, core)
        return True

    def stop(self):
        """Encerra o processo com educação (SIGTERM) e, se ele ou um filho não sair em 5 s, à força."""
        self._finalizer()

    def log_tail(self, lines=15):
        """As últimas linhas do registro do servidor."""
        try:
            text = self.log.read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            return "(o registro foi apagado)"
        return "\n".join(text.splitlines()[-lines:])


def start(
    target=None, *, model=MODEL, server=None, workers=1, threads=1, baseline=None, shadow=None, ready=READY
):  # fmt: skip
    """Inicia um servidor em 127.0.0.1 e devolve um `Server` pronto para responder.

    `target`: `"pacote.modulo:nome"` ou `"pasta/arquivo.py:nome"` (que roda na pasta dele), uma aplicação ou uma
    função que a cria (padrão: o servidor FastAPI do curso); `model`: o arquivo ONNX que ela serve; `server`:
    "uvicorn", "gunicorn", "waitress" ou "werkzeug"; `workers` e `threads`: processos e threads por processo;
    `baseline`: a linha de base do vigia de deriva; `shadow`: o modelo que recebe uma cópia do tráfego.

    Espera, com uma barra de progresso, até `GET health/ready` responder 200; com outra rota em `ready`, até
    qualquer resposta abaixo de 500. Levanta `ServerError`, com o fim do registro, se o processo morrer ou se
    passarem `START_S` segundos.
    """
    options = {"model": model, "server": server, "workers": workers, "threads": threads}
    command, folder = [sys.executable, "-m", "course_utils.serving", "--watch-stdin"], files.ROOT
    for name, value in (options | {"baseline": baseline, "shadow": shadow}).items():
        command += [f"--{name}", value] if value else []
    place, _, name = (target or "").rpartition(":")
    if place.endswith(".py"):
        file = Path(place).resolve()
        target, folder = f"{file}:{name}", file.parent
    return _start([*command, "--port", "{port}", *([target] if target else [])], {}, ready, folder)


def start_container(environment=None, *, ready="ping"):
    """Inicia, sem Docker, o programa da imagem do curso (`serving/container`), e devolve um `Server`.

    `environment`: as variáveis que a nuvem definiria (`{"AIP_PREDICT_ROUTE": "/predict", …}`); a porta, livre e em
    127.0.0.1, chega pela variável da nuvem: AIP_HTTP_PORT se há rotas da Vertex AI, SAGEMAKER_BIND_TO_PORT se não.
    """
    command = [sys.executable, "-m", "course_utils.serving.container", "serve", "--watch-stdin"]
    environment = dict(environment or {})
    variable = "AIP_HTTP_PORT" if "AIP_PREDICT_ROUTE" in environment else "SAGEMAKER_BIND_TO_PORT"
    return _start(command, environment | {variable: "{port}"}, ready, files.ROOT)


def start_command(command, *, ready=""):
    """Executa, na pasta atual, o mesmo comando que se daria no terminal, e devolve um `Server`.

    `command`: um texto, com `{port}` no lugar da porta, como em `"uvicorn app:app --port {port}"`; o programa é o
    do ambiente do curso. Espera até `GET ready` ter resposta abaixo de 500; levanta `ServerError` como `start`.
    """
    program, *options = shlex.split(command)
    found = shutil.which(program, path=str(Path(sys.executable).parent)) or program
    watched = [sys.executable, "-m", "course_utils.classroom.processes", found, *options]
    return _start(watched, {}, ready, Path.cwd())


def _start(command, environment, ready, folder):
    """Tenta até `ATTEMPTS` portas: cada uma toma o lugar de `{port}` no comando (lista) e nas variáveis (dict)."""
    for left in reversed(range(ATTEMPTS)):
        port = free_port()
        parts = [str(part).replace("{port}", str(port)) for part in command]
        variables = {name: value.replace("{port}", str(port)) for name, value in environment.items()}
        running = _launch(parts, port, variables, folder)
        try:
            _wait_until_ready(running, ready)
            break
        except BaseException as error:  # também o KeyboardInterrupt de quem interrompe a célula
            running.stop()
            lost_the_port = isinstance(error, ServerError) and not processes.is_free(port)
            if not (left and lost_the_port):
                raise
    return running


def _launch(command, port, environment, folder):
    """O `Server` do processo que se inicia, longe do Ctrl-C do kernel; ele ainda não responde."""
    log = files.ARTIFACTS / "logs" / f"server-{port}.log"
    settings = processes.for_python() | {"PYTHONUNBUFFERED": "1"} | environment
    try:
        log.parent.mkdir(parents=True, exist_ok=True)
        output = open(log, "wb")  # noqa: SIM115 – fechado logo abaixo
    except OSError as error:
        raise ServerError(f"Não consegui gravar o registro do servidor {files.explain(error)}.") from error
    with output:
        process = processes.start(command, stdout=output, stderr=output, cwd=folder, env=settings)
    return Server(process, port, log)


def _wait_until_ready(server, route):
    """Pergunta vinte vezes por segundo, até o prazo."""
    limit = time.monotonic() + START_S
    with tqdm(total=START_S, desc="iniciando o servidor", bar_format="{desc}: {elapsed}", leave=False) as bar:
        while time.monotonic() < limit:
            ready = _answers(server.port, route)
            if server.process.poll() is not None:
                raise ServerError(f"O servidor terminou antes de ficar pronto:\n{server.log_tail()}")
            if ready and processes.listens(server.process, server.port):
                return
            time.sleep(0.05)
            bar.refresh()
    raise ServerError(f"O servidor não ficou pronto em {START_S} s:\n{server.log_tail()}")


def _answers(port, route):
    """`GET route` responde em um segundo, com 200 na rota de prontidão, ou em outra com menos de 500?"""
    # Não com a biblioteca `requests`: o erro dela forma um ciclo, que seguraria o `Server` (e o processo) depois
    # de trocado.
    connection = http.client.HTTPConnection(HOST, port, timeout=1)
    try:
        connection.request("GET", "/" + route.lstrip("/"))
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
    return status == 200 if route == READY else status < 500
