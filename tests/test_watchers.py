"""O vigia e a sombra: o que mostram, e que nada do que lhes acontece chega ao cliente."""

import logging
import threading
from types import SimpleNamespace

import numpy as np
import pytest
from waiting import PATIENCE_S, wait_for

from course_utils.measure import drift
from course_utils.model import artifacts, digits
from course_utils.model.predictor import Prediction
from course_utils.serving import fastapi_app, watchers
from course_utils.serving.service import Service
from course_utils.serving.watchers import Monitor, Shadow, WatchedService

IMAGES, LABELS = digits.load("validation")
SMALL = artifacts.DATA / "small.onnx"


def read(labels, sure=1.0):
    """Previsões prontas: cada dígito com probabilidade `sure`."""
    rest = (1 - sure) / 9
    return [Prediction(int(d), [sure if d == i else rest for i in range(10)]) for d in labels]


def answer(labels, version="1"):
    """A resposta do contrato com estes dígitos."""
    rows = [vars(item) for item in read(labels)]
    return {"predictions": rows, "model_version": version, "inference_ms": 1.0}


@pytest.fixture
def shadow_of(create, monkeypatch):
    """Cria uma sombra de mentira, sem modelo: `predict(imagens)` → lista de `Prediction`."""

    def shadow_of(predict):
        served = SimpleNamespace(predictor=SimpleNamespace(predict=predict))
        monkeypatch.setattr(watchers, "ModelStore", lambda path: SimpleNamespace(current=served))
        return create(Shadow, SMALL)

    return shadow_of


@pytest.fixture
def baseline():
    return drift.make_baseline(IMAGES, LABELS)


@pytest.fixture
def create():
    """Cria sombras e serviços e os encerra."""
    made = []

    def create(kind, *arguments, **options):
        made.append(kind(*arguments, **options))
        return made[-1]

    yield create
    for item in made:
        item.close()


def test_until_the_window_is_full_it_does_not_know_and_then_it_forgets_the_oldest(baseline):
    monitor = Monitor(baseline)

    def told():
        found, answers, seen = ([sample.value for sample in family.samples] for family in monitor.collect())
        return dict(zip(drift.STATISTICS, found)) | {drift.DIGIT: answers[0]}, seen[0]

    monitor.see(255 - IMAGES[:199], answer(LABELS[:199]))
    assert told()[1] == 199 and all(np.isnan(value) for value in told()[0].values())
    monitor.see(255 - IMAGES[199:200], answer(LABELS[199:200]))
    assert told()[0]["ink"] > drift.ALARM
    for start in range(0, 500, 30):
        monitor.see(IMAGES[start : start + 30], answer(LABELS[start : start + 30]))
    assert told() == (pytest.approx(baseline.compare(drift.sums(IMAGES[-200:]), LABELS[-200:])), 200)


def test_the_report_counts_what_differs(shadow_of):
    turned, labels = {3: 5}, np.array([3, 3, 7, 1])
    shadow = shadow_of(lambda labels: read([turned.get(int(d), d) for d in labels], sure=0.91))
    shadow.see(labels, answer(labels))
    wait_for(lambda: shadow.report()["images"] == 4)
    report = shadow.report()
    assert (report["primary_version"], report["agreement"]) == ("1", 0.5)
    assert report["disagreements"] == [{"primary": 3, "shadow": 5, "count": 2}]
    assert report["probability_difference"]["max"] == pytest.approx(0.99) and report["latency_ratio"]["p95"] > 0
    shadow.see(labels, answer(labels, version="9"))  # a versão no ar mudou: a comparação recomeça
    wait_for(lambda: shadow.report()["primary_version"] == "9")
    assert shadow.report()["images"] == 4


def test_a_stuck_shadow_only_drops_copies_and_lets_the_server_end(shadow_of):
    gate = threading.Event()
    shadow = shadow_of(lambda labels: gate.wait() and read(labels))
    for _ in range(200):  # nenhuma espera pelo portão, que só se abre no fim
        shadow.see(LABELS[:1], answer(LABELS[:1]))
    report = shadow.report()
    assert report["images"] == 0 and report["agreement"] is None
    assert report["dropped"] >= 200 - watchers.MAX_PENDING - 1
    shadow.close()
    gate.set()
    shadow._thread.join(PATIENCE_S)
    assert not shadow._thread.is_alive()


@pytest.mark.parametrize("where", ["ao inferir", "ao carregar"])
def test_a_shadow_that_fails_is_told_in_the_report(shadow_of, monkeypatch, where):
    def explode(_):
        raise OSError("sem memória")

    shadow = shadow_of(explode)
    if where == "ao carregar":
        monkeypatch.setattr(watchers, "ModelStore", explode)
    for _ in range(5):
        shadow.see(LABELS[:1], answer(LABELS[:1]))
    wait_for(lambda: shadow.report()["failed"] == 5)
    assert shadow.report()["images"] == shadow.report()["dropped"] == 0


def test_the_client_does_not_notice_a_watcher_that_fails(tmp_path, create, baseline, caplog):
    def answers(service):
        wait_for(lambda: service.store)
        return [service.predict(IMAGES[i : i + 1])["predictions"] for i in range(100)]

    file = baseline.save(tmp_path / "baseline.json")
    plain = create(Service)
    expected = answers(plain)
    assert "/shadow" not in fastapi_app.create_app(service=plain).openapi()["paths"]
    assert b"drift" not in plain.metrics()
    exploding = create(WatchedService, baseline=file)
    exploding.watchers[0].see = lambda *_: 1 / 0
    with caplog.at_level(logging.ERROR, "aula32.serving"):
        assert answers(exploding) == expected
    assert "o vigia Monitor falhou" in caplog.text
