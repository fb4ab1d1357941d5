"""Fila, prazo, prontidão, versões, falha e fim: o que cada servidor faz nas horas difíceis, o mesmo em todos."""

import json
import os
import re
import shutil
import threading
from contextlib import ExitStack

import psutil
import pytest
from contracts import CONTRACTS, FASTAPI, FLASK, IMAGES, Target, assert_read, assert_refused, gate, make_version
from contracts import own_app as write_app
from waiting import PATIENCE_S, wait_for

from course_utils.classroom import servers

APPS = {  # contrato: (o módulo da aplicação, quem a serve, o que mais só responde com o modelo no ar)
    "fastapi": ("fastapi_app", "uvicorn"),
    "flask": ("flask_app", "werkzeug"),
    "gunicorn": ("flask_app", "gunicorn"),
    "sagemaker": ("cloud", "uvicorn", "/ping"),
    "tf": ("tf_serving", "uvicorn", "/v1/models/digits/metadata"),
    "oip": ("open_inference", "uvicorn", "/v2/health/ready", "/v2/models/digits/ready", "/v2/models/digits"),
}


@pytest.fixture(params=APPS)
def start(request, tmp_path):
    """Inicia a aplicação de um contrato, mudada por `code`, e devolve o seu `Target`."""
    with ExitStack() as stack:

        def start(code="", **options):
            module, kind, *_ = APPS[request.param]
            server = servers.start(write_app(tmp_path, module, code), server=kind, threads=16, **options)
            return Target(stack.enter_context(server), request.param, *CONTRACTS[request.param][1:])

        yield start


def ask_many(target, count):
    """Começa `count` pedidos ao mesmo tempo; devolve `(as threads, a lista em que os status aparecem)`."""
    statuses = []

    def ask():
        answer = target.post(target.body)
        statuses.append((answer[0], answer[1]["Retry-After"]))

    threads = [threading.Thread(target=ask) for _ in range(count)]
    for thread in threads:
        thread.start()
    return threads, statuses


def test_a_full_queue_says_503_at_once_and_health_goes_on(start, tmp_path):
    patient = "service.Service.max_pending, service.Service.deadline_s = 4, 3600\n"
    target = start(patient + gate(tmp_path, "service.Service.predict"))
    threads, statuses = ask_many(target, 10)
    wait_for(lambda: len(statuses) == 6)  # os outros quatro estão lá dentro, e ficam
    assert statuses == [(503, "1")] * 6
    assert [target.call("GET", "/health/live")[0] for _ in range(10)] == [200] * 10
    (tmp_path / "aberto").touch()
    for thread in threads:
        thread.join()
    assert statuses[6:] == [(200, None)] * 4


def test_an_answer_past_the_deadline_is_a_504_and_the_next_ones_are_not(start, tmp_path):
    target = start("service.Service.deadline_s = 0.5\n" + gate(tmp_path, "service.Service.predict"))
    assert_refused(target.post(target.body), 504)
    (tmp_path / "aberto").touch()
    wait_for(lambda: target.post(target.body)[0] == 200)


def test_until_the_model_is_warm_ready_is_503_and_live_200(start, tmp_path):
    target = start(gate(tmp_path, "store._load_and_warm_up"), ready="health/live")
    for answer in (target.call("GET", "/health/ready"), target.post(target.body)):
        assert_refused(answer, 503, "carregado")
        assert answer[1]["Retry-After"] == "1"
    for route in APPS[target.name][2:]:
        assert_refused(target.call("GET", route), 503)
    if target.name == "tf":
        assert target.json("/v1/models/digits")["model_version_status"][0]["state"] == "LOADING"
    (tmp_path / "aberto").touch()
    wait_for(target.ready)
    assert_read(target.post(target.body))


def test_a_failure_of_ours_is_a_500_without_a_traceback_but_with_an_id(start):
    target = start(
        "def explode(*_):\n    raise RuntimeError('segredo do servidor')\nservice.Service.predict = explode\n"
    )
    answer = target.post(target.body)
    assert_refused(answer, 500)
    log = target.server.log_tail(80)
    assert b"segredo" not in answer[2] and "segredo do servidor" in log and answer[1]["X-Request-ID"] in log


def test_versions_are_switched_while_requests_go_on_and_a_broken_one_is_said(start, tmp_path):
    folder = tmp_path / "m"
    make_version(folder, 1)
    target = start(model=folder)
    stop, answers = threading.Event(), []

    def insist():
        while not stop.is_set():
            answers.append(target.post(target.body))

    def version():
        return target.json("/health/ready")["model_version"]

    assert target.json("/health/ready") == {"status": "pronto", "model_version": "1"}
    thread = threading.Thread(target=insist)
    thread.start()
    make_version(folder, 2, broken=True)
    wait_for(lambda: "refused" in target.json("/health/ready"))
    assert "corrompido" in target.json("/health/ready")["refused"]["2"] and version() == "1"
    # O registro inteiro: no fim dele, as linhas das requisições já podem ter empurrado esta para longe.
    wait_for(lambda: "versão 2 recusada" in target.server.log.read_text(encoding="utf-8"))
    make_version(folder, 10)
    wait_for(lambda: version() == "10")
    answers.append(target.post(target.body))
    assert target.name == "tf" or json.loads(answers[-1][2])["model_version"] == "10"
    shutil.rmtree(folder / "10")  # voltar atrás é apagar a pasta
    wait_for(lambda: version() == "1")
    stop.set()
    thread.join()
    for answer in answers:
        assert_read(answer)


@pytest.mark.skipif(os.name == "nt", reason="o Windows não tem SIGTERM")
# O Werkzeug, de desenvolvimento, não tem fim educado.
@pytest.mark.parametrize("start", [name for name in APPS if name != "flask"], indirect=True)
def test_sigterm_finishes_what_was_accepted_and_lets_no_one_else_in(start, tmp_path):
    target = start("service.Service.deadline_s = 3600\n" + gate(tmp_path, "service.Service.predict"))
    threads, statuses = ask_many(target, 2)
    wait_for(lambda: len([*tmp_path.glob("dentro-*")]) == 2)
    target.server.process.terminate()
    (tmp_path / "aberto").touch()
    for thread in threads:
        thread.join()
    target.server.process.wait(timeout=PATIENCE_S)
    assert statuses == [(200, None)] * 2


# ------------------------------------------------------------------ /metrics de vários processos


def total(target):
    """Quantas leituras `/metrics` conta, e quantas estão em curso."""
    text = target.call("GET", "/metrics")[2].decode()
    counted = re.findall(r'^http_requests_total\{route="/predict",status="200"\} (\S+)$', text, re.M)
    pending = re.findall(r"^requests_pending (\S+)$", text, re.M)
    assert re.search(r"^model_version 1\.0$", text, re.M) and "inference_seconds_count" in text
    return sum(map(float, counted)), sum(map(float, pending))


@pytest.mark.parametrize(("app", "kind", "workers"), [
    (FASTAPI, "uvicorn", 1), (FASTAPI, "uvicorn", 2), (FLASK, "gunicorn", 1), (FLASK, "gunicorn", 2),
])  # fmt: skip
def test_metrics_add_up_the_workers_and_leave_nothing_behind(tmp_path, monkeypatch, app, kind, workers):
    monkeypatch.setenv("TMPDIR" if os.name != "nt" else "TEMP", str(tmp_path))

    def folders():
        return [item for item in tmp_path.iterdir() if item.name.startswith("aula32-metricas-")]

    with servers.start(app, server=kind, workers=workers) as server:
        target = Target(server)

        def ask(times):
            for _ in range(times):  # uma conexão por vez: o sistema as reparte entre os processos
                # Quem atende com 503 é um processo que ainda carrega o modelo.
                answer = wait_for(lambda: (found := target.read(IMAGES))[0] != 503 and found)
                assert_read(answer)

        threads = [threading.Thread(target=ask, args=(10,)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        wait_for(lambda: total(target) == (40, 0))
        assert [total(target) for _ in range(10)] == [(40, 0)] * 10
        assert len(folders()) == (workers > 1)
        if workers > 1:  # quem morre deixa o que contou, e não está mais atendendo ninguém
            psutil.Process(server.process.pid).children()[-1].kill()
            ask(5)
            wait_for(lambda: total(target) == (45, 0))
        server.process.terminate()
        server.process.wait(timeout=300)  # um fim à força, depois de 5 s, não deixaria limpar nada
    assert not folders()
