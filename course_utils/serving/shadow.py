"""Tráfego-sombra: outra versão do modelo recebe uma cópia de cada requisição; o cliente nunca vê a resposta dela.

A cópia espera numa fila com limite, atendida por uma só thread, fora do caminho da requisição. Fila cheia,
descarta-se a cópia e conta-se; uma sombra que falha, demora ou nem carrega só aparece no relatório. Cada processo
tem a sua.
"""

import logging
import queue
import threading
from collections import Counter, deque
from contextlib import suppress
from pathlib import Path
from time import perf_counter

import numpy as np
from prometheus_client.core import CounterMetricFamily

from course_utils.serving.store import ModelStore

MAX_PENDING = 64
KEPT = 1000  # requisições de que se guardam os tempos, e imagens de que se guardam as diferenças
CLOSE_S = 2
MEANINGS = {
    "images": "Imagens comparadas com a sombra",
    "disagreements": "Imagens em que a sombra discordou",
    "dropped": "Cópias descartadas: fila cheia",
    "failed": "Cópias em que a sombra falhou",
}
log = logging.getLogger("aula32.serving")


class Shadow:
    """A versão de `path` (arquivo ONNX ou pasta de versões) à sombra da que responde."""

    def __init__(self, path, *, max_pending=MAX_PENDING, load=ModelStore):
        """`load(path).current` é o `Served` da sombra; carrega na thread dela, sem atrasar quem serve."""
        self.path, self._load = Path(path), load
        self._queue, self._lock, self._stop = queue.Queue(max_pending), threading.Lock(), threading.Event()
        self._served, self._failure, self._totals = None, None, Counter()
        self._start_again(None)
        self._thread = threading.Thread(target=self._run, daemon=True, name="sombra")
        self._thread.start()

    def see(self, images, predictions, *, ms, version):
        """Deixa a cópia na fila e volta; se ela está cheia, conta o descarte. Nunca espera."""
        try:
            self._queue.put_nowait((images, predictions, ms, version))
        except queue.Full:
            self._count(dropped=1)

    def close(self):
        """Para a thread; uma sombra presa não segura o fim do servidor (a thread morre com o processo)."""
        self._stop.set()
        with suppress(queue.Full):  # cheia, a fila já acorda quem espera
            self._queue.put_nowait(None)
        self._thread.join(CLOSE_S)

    def _run(self):
        try:
            self._served = self._load(self.path).current
        except Exception as error:  # sem sombra o servidor continua; o relatório diz o que houve
            self._note(error)
        while (item := self._queue.get()) is not None and not self._stop.is_set():
            try:
                self._compare(*item)
            except Exception as error:
                self._note(error)
                self._count(failed=1)

    def _note(self, error):
        if self._failure is None:
            log.warning("a sombra falhou: %s", error)
        self._failure = str(error) or type(error).__name__

    def _compare(self, images, predictions, ms, version):
        """Infere na sombra, como o `Service` infere, e anota as diferenças."""
        if self._served is None:
            raise RuntimeError(self._failure)
        start = perf_counter()
        predictor = self._served.predictor
        answers = predictor.respond(predictor.infer(predictor.preprocess(images)))
        shadow_ms = 1000 * (perf_counter() - start)
        pairs = Counter((mine.digit, theirs.digit) for mine, theirs in zip(predictions, answers, strict=True))
        differences = np.abs(_probabilities(predictions) - _probabilities(answers)).max(axis=1)
        with self._lock:
            if version != self._version:  # trocaram a versão no ar: misturar as duas não diria nada
                self._start_again(version)
            self._times.append((ms, shadow_ms))
            self._differences.extend(differences)
            self._pairs.update(pairs)
            self._totals.update(images=len(images), disagreements=len(images) - _agreements(pairs))

    def _start_again(self, version):
        self._version, self._pairs = version, Counter()
        self._times, self._differences = deque(maxlen=KEPT), deque(maxlen=KEPT)

    def _count(self, **counts):
        with self._lock:
            self._totals.update(counts)

    # ------------------------------------------------------------ o que a operação vê

    def report(self):
        """A comparação com a versão que está no ar, pronta para JSON (dict); o que não se mediu ainda é None."""
        with self._lock:
            pairs, totals, version = dict(self._pairs), self._totals.copy(), self._version
            times, differences = np.array(self._times).reshape(-1, 2), np.array(self._differences)
        images = sum(pairs.values())
        wrong = sorted(((count, pair) for pair, count in pairs.items() if pair[0] != pair[1]), reverse=True)
        primary_ms, shadow_ms = _percentiles(times[:, 0]), _percentiles(times[:, 1])
        ratio = {name: shadow_ms[name] / primary_ms[name] for name in shadow_ms} if shadow_ms else None
        return {
            "primary_version": version,
            "shadow_model": self.path.name,
            "shadow_version": self._served.version if self._served else None,
            "images": images,
            "agreement": _agreements(pairs) / images if images else None,
            "disagreements": [{"primary": p, "shadow": s, "count": count} for count, (p, s) in wrong],
            "probability_difference": _percentiles(differences),
            "primary_ms": primary_ms,
            "shadow_ms": shadow_ms,
            "latency_ratio": ratio,
            "waiting": self._queue.qsize(),
            "dropped": totals["dropped"],
            "failed": totals["failed"],
            "last_failure": self._failure,
        }

    def collect(self):
        """O que o Prometheus lê: totais desde o início do processo."""
        with self._lock:
            totals = self._totals.copy()
        for name, meaning in MEANINGS.items():
            yield CounterMetricFamily(f"shadow_{name}", meaning, value=totals[name])


def _agreements(pairs):
    return sum(count for (mine, theirs), count in pairs.items() if mine == theirs)


def _probabilities(predictions):
    return np.array([item.probabilities for item in predictions])


def _percentiles(values):
    """`{"median": …, "p95": …, "max": …}`, ou None se não há valores."""
    if not len(values):
        return None
    median, p95, highest = np.percentile(values, (50, 95, 100)).tolist()
    return {"median": median, "p95": p95, "max": highest}
