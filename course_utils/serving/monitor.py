"""O vigia: compara as últimas imagens servidas com a linha de base e mostra a deriva em `/metrics`.

De cada imagem guarda sete somas e o dígito lido, nunca a imagem. Cada processo tem o seu; o contêiner da nuvem
não o leva.
"""

import threading

import numpy as np
from prometheus_client.core import GaugeMetricFamily

from course_utils.measure import drift

WINDOW = 200


class Monitor:
    """As últimas `window` imagens, sob uma trava que dura o tempo de copiar oito números por imagem."""

    def __init__(self, baseline, window=WINDOW):
        """`baseline`: uma `drift.Baseline`, ou o arquivo JSON dela. Levanta `BaselineError` se ele não serve."""
        self.baseline = baseline if isinstance(baseline, drift.Baseline) else drift.load_baseline(baseline)
        self._rows, self._next, self._lock = np.zeros((window, 8)), 0, threading.Lock()

    @property
    def seen(self):
        """Quantas imagens há na janela."""
        return min(self._next, len(self._rows))

    def see(self, images, predictions, **_):
        """Anota uma requisição já respondida: imagens uint8 (n, 28, 28) e as suas `Prediction`."""
        rows = np.empty((len(images), 8))
        rows[:, :-1] = drift.sums(images)
        rows[:, -1] = [item.digit for item in predictions]
        with self._lock:
            places = np.arange(self._next, self._next + len(rows)) % len(self._rows)
            self._rows[places] = rows
            self._next += len(rows)

    def psi(self):
        """`{estatística: PSI, …, "digit": PSI}` da janela; NaN enquanto ela não encheu: ainda não se sabe."""
        with self._lock:
            rows, full = self._rows.copy(), self.seen == len(self._rows)
        if not full:
            return dict.fromkeys((*drift.STATISTICS, drift.DIGIT), float("nan"))
        return self.baseline.compare(rows[:, :-1], rows[:, -1])

    def collect(self):
        """O que o Prometheus lê, calculado só quando ele pergunta."""
        found = self.psi()
        entry = GaugeMetricFamily("input_drift_psi", "PSI da entrada na janela", labels=["feature"])
        for name in drift.STATISTICS:
            entry.add_metric([name], found[name])
        yield entry
        yield GaugeMetricFamily("prediction_drift_psi", "PSI dos dígitos lidos", value=found[drift.DIGIT])
        yield GaugeMetricFamily("drift_window_images", "Imagens na janela do vigia", value=self.seen)

    def close(self):
        """Nada a encerrar."""
