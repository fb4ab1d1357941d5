"""O que todo servidor precisa além do modelo: fila com limite, prazo, prontidão, métricas e registro.

Não conhece Flask nem FastAPI: cada um é um adaptador fino sobre um `Service`.
"""

import logging
import os
import re
import secrets
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest, multiprocess
from pydantic_core import to_json

from course_utils.model.predictor import MODEL
from course_utils.serving.contract import ContractError, answer
from course_utils.serving.store import ModelStore

BODY_DEADLINE_S = 5.0
MAX_LARGE = 8  # figuras ao mesmo tempo: 8 corpos de 10 MiB são 80 MiB
QUICK_MS = 0.5  # uma inferência mais curta que isto custa menos que passá-la a outra thread
log = logging.getLogger("aula32.serving")


class Observed:
    """O que se conta e se registra de cada requisição, seja qual for o modelo."""

    def __init__(self):
        self.registry = registry = CollectorRegistry()
        self.requests = Counter("http_requests", "Requisições atendidas", ["route", "status"], registry=registry)
        self.seconds = Histogram("http_request_seconds", "Duração da requisição", ["route"], registry=registry)

    def observe(self, request_id, method, path, route, status, start):
        """Conta a requisição sob o modelo da sua rota (`/predict`) e escreve uma linha de registro em JSON.

        `start`: o instante do `perf_counter` em que ela chegou.
        """
        seconds = perf_counter() - start
        self.requests.labels(route, status).inc()
        self.seconds.labels(route).observe(seconds)
        if log.isEnabledFor(logging.INFO) and not (path.startswith(("/health", "/ping")) and status == 200):
            fields = {"time": round(time.time(), 3), "method": method, "path": path[:200], "status": status}
            log.info(to_json(fields | {"ms": round(1000 * seconds, 2), "request_id": request_id}).decode())


class Service(Observed):
    """Um modelo no ar: carrega em segundo plano, atende até `max_pending` requisições ao mesmo tempo."""

    max_pending, deadline_s = 64, 5.0

    def __init__(self, model=None):
        """`model`: arquivo ONNX ou pasta de versões (padrão: a variável AULA_MODEL, ou o de referência)."""
        super().__init__()
        self.path = model or os.environ.get("AULA_MODEL") or MODEL
        # Um lugar a mais que os núcleos: enquanto uma resposta volta ao cliente, outra inferência já começou.
        self.executor = ThreadPoolExecutor(os.cpu_count() + 1, thread_name_prefix="inferência")
        # Uma figura de 16 megapixels toma até 270 MB ao abrir (em WebP): no máximo duas por vez, com qualquer CPU.
        self.pictures = ThreadPoolExecutor(2, thread_name_prefix="figuras")
        self.store, self.failure = None, None
        self._pending, self._large, self._lock, self._closing = 0, 0, threading.Lock(), threading.Event()
        own = {"registry": self.registry}
        self.inference = Histogram("inference_seconds", "Duração da inferência", **own)
        # "live": quem morreu não atende mais nada.
        self.pending = Gauge("requests_pending", "Requisições em curso", multiprocess_mode="livesum", **own)
        self.version = Gauge("model_version", "Versão no ar", multiprocess_mode="livemostrecent", **own)
        threading.Thread(target=self._load, args=(self.path,), daemon=True).start()

    def _load(self, model):
        """Carrega o modelo e, daí em diante, procura a cada segundo uma versão melhor."""
        try:
            self.store = store = ModelStore(model)
            self.version.set(int(store.current.version))  # já: outro processo talvez responda por este
        except Exception as error:  # o processo segue vivo e /health/ready diz por que não está pronto
            self.failure = str(error)
            log.error("modelo recusado: %s", error)
            return
        while not self._closing.wait(1):
            try:
                store.refresh()
            except OSError as error:  # a pasta sumiu, ou não se deixa ler: quem está no ar continua
                log.info("não consegui ver as versões: %s", error)

    def close(self):
        """Termina as inferências em curso e para de vigiar a pasta de versões."""
        self._closing.set()
        self.executor.shutdown()
        self.pictures.shutdown()

    def require_ready(self):
        """Levanta o 503 enquanto o modelo não está carregado e aquecido."""
        if self.store is None:
            raise ContractError(503, self.failure or "O modelo ainda está sendo carregado.", retry_after=1)

    def readiness(self):
        """O que `/health/ready` responde (dict); `refused`, só se há versões que não foram ao ar, diz por quê.

        Levanta o 503 enquanto o modelo não está pronto.
        """
        self.require_ready()
        refused = {"refused": self.store.refused} if self.store.refused else {}
        return {"status": "pronto", "model_version": self.store.current.version} | refused

    @contextmanager
    def admit(self, large=False):
        """Uma vaga na fila; levanta o 503 na hora se ela está cheia: recusar cedo é melhor que atrasar todos.

        `large`: o corpo é uma figura, e pode ter 10 MiB; destes cabem `MAX_LARGE`.
        """
        self.require_ready()
        with self._lock:
            if self._pending >= self.max_pending or self._large + large > MAX_LARGE:
                raise ContractError(503, "A fila está cheia; tente de novo em instantes.", retry_after=1)
            self._pending, self._large = self._pending + 1, self._large + large
        try:
            with self.pending.track_inprogress():
                yield
        finally:
            with self._lock:
                self._pending, self._large = self._pending - 1, self._large - large

    def is_quick(self, images):
        """Se a inferência é tão curta que vale fazê-la na própria thread."""
        return self.store.current.image_ms * len(images) < QUICK_MS

    def predict(self, images):
        """Imagens já validadas → a resposta do contrato (dict)."""
        version, predictor, _ = self.store.current
        start = perf_counter()
        predictions = predictor.respond(predictor.infer(predictor.preprocess(images)))
        elapsed = perf_counter() - start
        self.inference.observe(elapsed)
        return answer(predictions, model_version=version, inference_ms=1000 * elapsed)

    def late(self):
        """O erro 504."""
        return ContractError(504, f"A resposta não ficou pronta em {self.deadline_s:g} s.", retry_after=1)

    def metrics(self):
        """O texto que o Prometheus lê (bytes); com vários processos, a soma deles."""
        if self.store:  # um processo que ainda carrega não apaga a versão que os outros servem
            self.version.set(int(self.store.current.version))
        folder = os.environ.get("PROMETHEUS_MULTIPROC_DIR")  # `__main__` a define
        if not folder:
            return generate_latest(self.registry)
        import psutil  # o contêiner da nuvem tem um processo só, e não o leva

        for pid in {int(file.stem.rpartition("_")[2]) for file in Path(folder).glob("gauge_live*.db")}:
            if not psutil.pid_exists(pid):
                multiprocess.mark_process_dead(pid)
        everyone = CollectorRegistry()
        multiprocess.MultiProcessCollector(everyone)
        return generate_latest(everyone)


def request_id(header):
    """O identificador que o cliente mandou, se for curto e simples; senão, um novo."""
    return header if header and re.fullmatch(r"[\w-]{1,64}", header, re.ASCII) else secrets.token_hex(16)


def log_to_stdout():
    """Registro do servidor: uma linha por requisição na saída padrão."""
    log.handlers, log.propagate = [logging.StreamHandler(sys.stdout)], False
    log.setLevel(logging.INFO)
