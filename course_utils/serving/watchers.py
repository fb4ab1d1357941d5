"""Os vigias: veem cada requisição já respondida, e nada do que lhes acontece chega ao cliente.

`Monitor` compara as últimas imagens com a linha de base e mostra a deriva em `/metrics`. `Shadow` põe outro modelo
à sombra do que responde e compara os dois em `/shadow`. Ficam de fora do servidor: `create_app` é o FastAPI de
sempre sobre um `Service` que lhes conta o que respondeu. Cada processo tem os seus.
"""

import os
import queue
import threading
from collections import Counter, deque
from contextlib import suppress
from time import perf_counter

import numpy as np
from prometheus_client.core import GaugeMetricFamily

from course_utils.measure import drift
from course_utils.serving import fastapi_app
from course_utils.serving.service import Service, log
from course_utils.serving.store import ModelStore

WINDOW = 200  # imagens que o vigia compara com a linha de base
MAX_PENDING = 64  # cópias à espera da sombra
KEPT = 1000  # requisições que a sombra compara
CLOSE_S = 2


def create_app():
    """O servidor FastAPI do curso, com os vigias que as variáveis AULA_BASELINE e AULA_SHADOW pedem."""
    service = WatchedService(baseline=os.environ.get("AULA_BASELINE"), shadow=os.environ.get("AULA_SHADOW"))
    app = fastapi_app.create_app(service=service)
    if service.shadow:

        @app.get("/shadow", summary="Como a sombra se compara com quem responde?", tags=["Operação"])
        async def shadow():
            return service.shadow.report()

    return app


class WatchedService(Service):
    """Um `Service` que conta aos vigias o que respondeu."""

    def __init__(self, model=None, *, baseline=None, shadow=None):
        """`baseline`: a linha de base (JSON) do vigia de deriva; `shadow`: o modelo a pôr à sombra.

        Sem um deles, não há esse vigia. Levanta `BaselineError` se a linha de base não serve.
        """
        super().__init__(model)
        self.shadow = Shadow(shadow) if shadow else None
        self.watchers = [self.shadow] if shadow else []
        if baseline:
            self.watchers.append(Monitor(drift.load_baseline(baseline)))
            self.registry.register(self.watchers[-1])

    def predict(self, images):
        answer = super().predict(images)
        for watcher in self.watchers:
            try:
                watcher.see(images, answer)
            except Exception:  # o cliente recebe a sua resposta do mesmo jeito
                log.exception("o vigia %s falhou", type(watcher).__name__)
        return answer

    def close(self):
        super().close()
        if self.shadow:
            self.shadow.close()


class Monitor:
    """A deriva das últimas `WINDOW` imagens; de cada uma guarda sete somas e o dígito lido, nunca a imagem."""

    def __init__(self, baseline):
        """`baseline`: uma `drift.Baseline`."""
        self.baseline = baseline
        self._rows, self._lock = deque(maxlen=WINDOW), threading.Lock()

    def see(self, images, answer):
        """Anota uma requisição já respondida: imagens uint8 (n, 28, 28) e a resposta do contrato (dict)."""
        rows = np.column_stack([drift.sums(images), [item["digit"] for item in answer["predictions"]]])
        with self._lock:
            self._rows.extend(rows)

    def collect(self):
        """O que o Prometheus lê, calculado só quando ele pergunta: o PSI de cada estatística e o dos dígitos.

        NaN enquanto a janela não encheu: ainda não se sabe.
        """
        with self._lock:
            rows = np.array(self._rows)
        full = len(rows) == WINDOW
        found = self.baseline.compare(rows[:, :-1], rows[:, -1]) if full else {}
        entry = GaugeMetricFamily("input_drift_psi", "PSI da entrada na janela", labels=["feature"])
        for name in drift.STATISTICS:
            entry.add_metric([name], found.get(name, np.nan))
        yield entry
        digits = found.get(drift.DIGIT, np.nan)
        yield GaugeMetricFamily("prediction_drift_psi", "PSI dos dígitos lidos", value=digits)
        yield GaugeMetricFamily("drift_window_images", "Imagens na janela do vigia", value=len(rows))


class Shadow:
    """Outro modelo à sombra do que responde: recebe uma cópia de cada requisição; o cliente nunca vê a resposta.

    A cópia espera numa fila com limite, atendida por uma só thread, fora do caminho da requisição. Fila cheia,
    descarta-se a cópia e conta-se; uma sombra que falha, ao carregar ou ao inferir, ou demora, só aparece no
    relatório.
    """

    def __init__(self, path):
        """`path`: o modelo da sombra, como em `ModelStore`; carrega na thread dela, sem atrasar quem serve."""
        self._path, self._version, self.dropped, self.failed = path, None, 0, 0
        self._queue, self._lock, self._stop = queue.Queue(MAX_PENDING), threading.Lock(), threading.Event()
        self._compared = deque(maxlen=KEPT)
        self._thread = threading.Thread(target=self._run, daemon=True, name="sombra")
        self._thread.start()

    def see(self, images, answer):
        """Deixa a cópia na fila e volta; se ela está cheia, conta o descarte. Nunca espera."""
        try:
            self._queue.put_nowait((images, answer))
        except queue.Full:
            with self._lock:
                self.dropped += 1

    def close(self):
        """Para a thread; uma sombra presa não segura o fim do servidor (a thread morre com o processo)."""
        self._stop.set()
        with suppress(queue.Full):  # cheia, a fila já acorda quem espera
            self._queue.put_nowait(None)
        self._thread.join(CLOSE_S)

    def _run(self):
        predictor = None
        while (item := self._queue.get()) is not None and not self._stop.is_set():
            try:
                predictor = predictor or ModelStore(self._path).current.predictor
                self._compare(predictor, *item)
            except Exception as error:
                log.warning("a sombra falhou: %s", error)
                self.failed += 1

    def _compare(self, predictor, images, answer):
        """Infere na sombra, como o `Service` infere, e guarda os dígitos, as diferenças e os tempos."""
        start = perf_counter()
        theirs = predictor.predict(images)
        shadow_ms = 1000 * (perf_counter() - start)
        mine, version = answer["predictions"], answer["model_version"]
        digits = [(row["digit"], item.digit) for row, item in zip(mine, theirs, strict=True)]
        gaps = np.subtract([row["probabilities"] for row in mine], [item.probabilities for item in theirs])
        with self._lock:
            if version != self._version:  # trocaram a versão no ar: misturar as duas não diria nada
                self._version = version
                self._compared.clear()
            self._compared.append((digits, np.abs(gaps).max(axis=1), answer["inference_ms"], shadow_ms))

    def report(self):
        """A comparação das últimas `KEPT` requisições com a versão que está no ar, pronta para JSON (dict).

        O que não se mediu ainda é None.
        """
        with self._lock:
            compared, version = list(self._compared), self._version
        pairs = Counter(pair for digits, *_ in compared for pair in digits)
        wrong = sorted(((count, pair) for pair, count in pairs.items() if pair[0] != pair[1]), reverse=True)
        gaps = [gap for _, gaps, *_ in compared for gap in gaps]
        mine_ms, theirs_ms = (_percentiles([item[part] for item in compared]) for part in (2, 3))
        return {
            "primary_version": version,
            "images": pairs.total(),
            "agreement": 1 - sum(count for count, _ in wrong) / pairs.total() if compared else None,
            "disagreements": [{"primary": p, "shadow": s, "count": count} for count, (p, s) in wrong],
            "probability_difference": _percentiles(gaps),
            "latency_ratio": {name: theirs_ms[name] / mine_ms[name] for name in mine_ms} if compared else None,
            "dropped": self.dropped,
            "failed": self.failed,
        }


def _percentiles(values):
    """`{"median": …, "p95": …, "max": …}`, ou None se não há valores."""
    if not len(values):
        return None
    return dict(zip(("median", "p95", "max"), np.percentile(values, (50, 95, 100)).tolist()))
