"""O vigia e a sombra: o que mostram, e que nada do que lhes acontece chega ao cliente."""

import json
import logging
import threading
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import numpy as np
import pytest
from waiting import PATIENCE_S, wait_for

from course_utils.classroom import servers
from course_utils.measure import drift, latency
from course_utils.model import artifacts, digits
from course_utils.model.predictor import Prediction, Predictor
from course_utils.serving.watchers import Monitor, Shadow

from course_utils.serving.service import Service


IMAGES, LABELS = digits.load("validation")
SMALL = artifacts.DATA / "small.onnx"
BYTES = {"Content-Type": "application/octet-stream"}


def read(labels, sure=1.0):
    """Respostas prontas: cada dígito com probabilidade `sure`."""
    rest = (1 - sure) / 9
    return [Prediction(int(d), [sure if d == i else rest for i in range(10)]) for d in labels]


def make(version="1", infer=None):
    """Uma sombra de mentira, no lugar do `ModelStore`: `infer(imagens)` → lista de `Prediction`."""
    predictor = SimpleNamespace(preprocess=lambda x: x, infer=infer, respond=lambda x: x)
    return lambda path: SimpleNamespace(current=SimpleNamespace(version=version, predictor=predictor))


@pytest.fixture
def baseline(tmp_path):
    return drift.make_baseline(IMAGES, LABELS).save(tmp_path / "baseline.json")


@pytest.fixture
def shadows():
    """Cria sombras e as encerra."""
    made = []

    def create(**options):
        made.append(Shadow(SMALL, **options))
        return made[-1]

    yield create
    for shadow in made:
        shadow.close()


# ------------------------------------------------------------------ o vigia


def test_until_the_window_is_full_it_does_not_know_and_then_it_forgets_the_oldest(baseline):
    monitor = Monitor(baseline, window=100)
    monitor.see(255 - IMAGES[:99], read(LABELS[:99]))
    assert monitor.seen == 99 and all(np.isnan(value) for value in monitor.psi().values())
    monitor.see(255 - IMAGES[99:100], read(LABELS[99:100]))
    assert monitor.psi()["ink"] > drift.ALARM
    for start in range(0, 500, 30):
        monitor.see(IMAGES[start : start + 30], read(LABELS[start : start + 30]))
    assert monitor.seen == 100
    expected = drift.load_baseline(baseline).compare(drift.sums(IMAGES[-100:]), LABELS[-100:])
    assert monitor.psi() == pytest.approx(expected)


def test_threads_lose_no_image(baseline):
    monitor = Monitor(baseline, window=2000)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda i: monitor.see(IMAGES[i : i + 1], read(LABELS[i : i + 1])), list(range(500)) * 3))
    assert monitor.seen == 1500


@pytest.mark.slow
def test_it_costs_little_next_to_the_inference(baseline):
    monitor, predictor = Monitor(baseline), Predictor()
    answers = predictor.predict(IMAGES[:1])

    calls = {
        "inferência": lambda: predictor.predict(IMAGES[:1]),
        "vigia": lambda: monitor.see(IMAGES[:1], answers),
    }
    times = latency.compare(calls, rounds=300, warmup=20)
    print(latency.report(times, threads=1))
    assert times["vigia"].median < 0.2 * times["inferência"].median


def gauge(text, name):
    return float(next(line for line in text.splitlines() if line.startswith(name + " ")).split()[-1])


def test_without_a_baseline_nothing_of_this_exists():
    assert "/shadow" not in fastapi_app.create_app().openapi()["paths"]
    assert "/shadow" not in {rule.rule for rule in flask_app.create_app().url_map.iter_rules()}
    service = Service()
    assert service.watchers == [] and b"drift" not in service.metrics() and b"shadow" not in service.metrics()
    service.close()


def test_a_watcher_that_explodes_does_not_touch_the_client(baseline, caplog, monkeypatch):
    service = Service(baseline=baseline)
    try:
        wait_for(lambda: service.store or service.failure)
        monkeypatch.setattr(Monitor, "see", lambda *_, **__: 1 / 0)
        with caplog.at_level(logging.ERROR, "aula32.serving"):
            answer = service.predict(IMAGES[:2])
        assert len(answer["predictions"]) == 2 and "o vigia Monitor falhou" in caplog.text
    finally:
        service.close()


# ------------------------------------------------------------------ a sombra


def test_the_report_counts_what_differs(shadows):
    turned = {3: 5}
    shadow = shadows(load=make("2", lambda labels: read([turned.get(int(d), d) for d in labels], sure=0.91)))
    labels = np.array([3, 3, 7, 1])
    shadow.see(labels, read(labels), ms=1.0, version="1")
    wait_for(lambda: shadow.report()["images"] == 4)
    report = shadow.report()
    assert schemas.ShadowReport.model_validate(report).model_dump() == report
    assert (report["primary_version"], report["shadow_version"], report["agreement"]) == ("1", "2", 0.5)
    assert report["disagreements"] == [{"primary": 3, "shadow": 5, "count": 2}]
    assert report["probability_difference"]["max"] == pytest.approx(0.99)
    assert report["primary_ms"]["median"] == 1 and report["latency_ratio"]["p95"] == report["shadow_ms"]["p95"]
    shadow.see(labels, read(labels), ms=1.0, version="9")  # a versão no ar mudou: a comparação recomeça
    wait_for(lambda: shadow.report()["primary_version"] == "9")
    assert shadow.report()["images"] == 4 and shadow._totals["images"] == 8


def test_a_stuck_shadow_only_drops_copies_and_lets_the_server_end(shadows):
    gate = threading.Event()
    shadow = shadows(max_pending=3, load=make(infer=lambda labels: gate.wait() and read(labels)))
    for _ in range(200):  # nenhuma espera pelo portão, que só se abre no fim
        shadow.see(LABELS[:1], read(LABELS[:1]), ms=1.0, version="1")
    report = shadow.report()
    assert report["images"] == 0 and report["agreement"] is None and report["dropped"] >= 196
    shadow.close()
    gate.set()
    shadow._thread.join(PATIENCE_S)
    assert not shadow._thread.is_alive()


def test_a_shadow_that_fails_or_does_not_load_is_told_in_the_report(shadows):
    def explode(_):
        raise OSError("sem memória")

    for shadow in (shadows(load=make(infer=explode)), shadows(load=explode)):
        for _ in range(5):
            shadow.see(LABELS[:1], read(LABELS[:1]), ms=1.0, version="1")
        wait_for(lambda shadow=shadow: shadow.report()["failed"] == 5)
        report = shadow.report()
        assert report["last_failure"] == "sem memória" and report["images"] == report["dropped"] == 0


def test_the_client_does_not_notice_a_shadow_that_hangs_fails_or_is_not_there(tmp_path):
    def served(shadow):
        service = Service(shadow=shadow)
        wait_for(lambda: service.store)
        return service

    def answers(service):
        return [service.predict(IMAGES[i : i + 1])["predictions"] for i in range(100)]

    alone, without, hanging = served(None), served(tmp_path / "nada.onnx"), served(SMALL)
    gate = threading.Event()
    wait_for(lambda: hanging.shadow._served)
    hanging.shadow._served = make(infer=lambda _: gate.wait())(SMALL).current
    try:
        expected = answers(alone)
        assert answers(without) == expected and "Falta o arquivo" in without.shadow.report()["last_failure"]
        assert answers(hanging) == expected and hanging.shadow.report()["dropped"] >= 30
    finally:
        for service in (alone, without, hanging):
            service.close()  # sem esperar pela que travou: o portão só se abre depois
        gate.set()


@pytest.mark.parametrize(
    ("target", "kind"), [(None, None), ("course_utils.serving.flask_app:create_app", "werkzeug")]
)
def test_a_served_stream_shows_its_drift_and_its_shadow(baseline, target, kind):
    with servers.start(target, server=kind, baseline=baseline, shadow=SMALL) as server:

        def get(route):
            with urllib.request.urlopen(server.url + route, timeout=PATIENCE_S) as response:
                return response.read().decode()

        def send(images):
            for start in range(0, len(images), 25):
                body = images[start : start + 25].tobytes()
                urllib.request.urlopen(
                    urllib.request.Request(server.url + "predict", body, BYTES), timeout=PATIENCE_S
                ).close()

        assert np.isnan(gauge(get("metrics"), "prediction_drift_psi"))
        send(IMAGES[:200])
        clean = get("metrics")
        assert gauge(clean, "drift_window_images") == 200
        assert gauge(clean, 'input_drift_psi{feature="ink"}') < drift.ALARM
        send(255 - IMAGES[:200])
        inverted = get("metrics")
        assert gauge(inverted, 'input_drift_psi{feature="ink"}') > drift.ALARM
        wait_for(lambda: json.loads(get("shadow"))["waiting"] == 0)
        report = json.loads(get("shadow"))
        assert report["failed"] == 0 and report["shadow_model"] == "small.onnx" and 0.5 < report["agreement"] < 1
        assert "shadow_images_total" in get("metrics")


@pytest.mark.parametrize(
    ("option", "words"), [("baseline", "não é uma linha de base"), ("shadow", "Falta o arquivo nada.json")]
)
def test_a_bad_watcher_is_one_sentence_before_the_port_opens(tmp_path, option, words):
    with pytest.raises(servers.ServerError, match=words) as failure:
        servers.start(**{option: tmp_path / "nada.json"})
    assert "Traceback" not in str(failure.value)
