"""Servidores iniciados de uma célula: troca, prazo, porta perdida, e o fim com qualquer fim do kernel."""

import os
import subprocess
import sys
import urllib.request

import psutil
import pytest
from kernels import interrupt_cell, run_cell
from waiting import PATIENCE_S, alive, wait_for, wait_for_the_end

from course_utils import processes
from course_utils.classroom import servers

FLASK = "course_utils.serving.flask_app:create_app"
POSIX = pytest.mark.skipif(os.name == "nt", reason="usa sinais e o gunicorn")


def test_assigning_over_a_server_ends_the_old_one():
    server = servers.start()
    old = server.process
    server = servers.start()
    old.wait(timeout=PATIENCE_S)
    assert server.process.poll() is None
    server.stop()


def test_it_reaches_the_browser_through_the_binder_prefix(monkeypatch):
    process = subprocess.Popen([sys.executable, "-c", ""], stdin=subprocess.PIPE)
    monkeypatch.delenv("JUPYTERHUB_SERVICE_PREFIX", raising=False)
    assert servers.Server(process, 8123, None).page_url == "http://127.0.0.1:8123/"
    monkeypatch.setenv("JUPYTERHUB_SERVICE_PREFIX", "/user/aluno/")
    assert servers.Server(process, 8123, None).page_url == "/user/aluno/proxy/8123/"


def test_a_server_that_cannot_start_shows_the_end_of_its_log(tmp_path):
    broken = tmp_path / "quebrado.onnx"
    broken.write_bytes(b"nada")
    with pytest.raises(servers.ServerError, match="quebrado.onnx não tem SHA-256"):
        servers.start(model=broken)


def test_a_server_that_takes_too_long_is_ended(tmp_path, monkeypatch):
    slow = tmp_path / "lento.py"
    slow.write_text("import time\ntime.sleep(3600)\n", encoding="utf-8")
    monkeypatch.setattr(servers, "START_S", 1)
    with pytest.raises(servers.ServerError, match="não ficou pronto em 1 s"):
        servers.start(f"{slow}:app", server="werkzeug")
    assert not [one for one in psutil.Process().children() if str(slow) in " ".join(one.cmdline())]


def test_a_file_beside_the_notebook_is_served_with_any_ready_route(tmp_path, monkeypatch):
    (tmp_path / "minha_api.py").write_text(
        "import flask\napp = flask.Flask('minha')\n@app.get('/oi')\ndef oi(): return 'olá'\n", encoding="utf-8"
    )
    monkeypatch.chdir(tmp_path)
    with servers.start("minha_api.py:app", server="werkzeug", ready="nada") as server:  # 404 também é resposta
        assert urllib.request.urlopen(server.url + "oi", timeout=PATIENCE_S).read().decode() == "olá"
        pids = server.pids()
        assert server.process.pid in pids
    assert alive(pids) == [] and server.pids() == []


@pytest.mark.parametrize("killed", [False, True])
def test_the_learners_own_command_runs_here_and_ends_with_whoever_started_it(tmp_path, monkeypatch, killed):
    (tmp_path / "app.py").write_text("from fastapi import FastAPI\n\napp = FastAPI()\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    server = servers.start_command("uvicorn app:app --port {port}", ready="openapi.json")
    processes = [psutil.Process(pid) for pid in server.pids()]
    assert len(processes) == 2 and urllib.request.urlopen(server.url + "docs", timeout=30).status == 200
    if killed:
        server.process.stdin.close()  # o mesmo que o sistema faz quando o kernel morre
    else:
        server.stop()
    assert not psutil.wait_procs(processes, timeout=PATIENCE_S)[1]
    with pytest.raises(servers.ServerError, match="inexistente"):
        servers.start_command("uvicorn inexistente:app --port {port}")


def test_a_port_lost_to_another_server_is_changed(monkeypatch):
    with servers.start() as thief:  # que também responde 200 a health/ready
        ports = [thief.port, servers.free_port()]
        monkeypatch.setattr(servers, "free_port", iter(ports).__next__)
        with servers.start() as server:
            assert server.port == ports[1]


@POSIX
def test_stop_ends_the_workers_and_a_server_that_ignores_sigterm(tmp_path, monkeypatch):
    monkeypatch.setattr(processes, "PATIENCE_S", 2)
    with servers.start(FLASK, server="gunicorn", workers=2) as server:
        pids = server.pids()
        assert len(pids) == 3
    assert alive(pids) == []
    deaf = tmp_path / "surdo.py"
    deaf.write_text(
        "import flask, signal, subprocess, sys\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\napp = flask.Flask('surdo')\n",
        encoding="utf-8",
    )
    server = servers.start(f"{deaf}:app", server="werkzeug", ready="")
    pids = server.pids()
    server.stop()
    assert len(pids) == 2 and alive(pids) == []


@POSIX
def test_interrupting_the_start_leaves_no_server(kernel, tmp_path):
    slow = tmp_path / "lento.py"
    slow.write_text("import time\ntime.sleep(60)\n", encoding="utf-8")
    manager, client = kernel
    run_cell(client, "from course_utils.classroom import servers")
    client.execute(f"server = servers.start({f'{slow}:app'!r})")
    root = psutil.Process(manager.provisioner.pid)
    found = wait_for(lambda: [item.pid for item in root.children() if "course_utils.serving" in item.cmdline()])
    manager.interrupt_kernel()
    assert client.get_shell_msg(timeout=PATIENCE_S)["content"]["ename"] == "KeyboardInterrupt"
    assert alive(found) == []  # quando a célula acaba, ele já acabou


@POSIX
def test_a_server_survives_an_interrupt_and_ends_with_a_restart(kernel):
    manager, client = kernel
    code = "from course_utils.classroom import servers; import time; server = servers.start(workers=2)"
    pids, url = eval(run_cell(client, code, "(server.pids(), server.url)"))
    interrupt_cell(manager, client, "time.sleep(3600)")
    with urllib.request.urlopen(url, timeout=PATIENCE_S) as answer:
        assert answer.status == 200 and len(pids) >= 3 and alive(pids) == pids
    manager.restart_kernel(now=True)
    wait_for_the_end(pids)


@POSIX
@pytest.mark.parametrize("arguments", ["", f"{FLASK!r}, server='gunicorn', workers=2"])
def test_a_killed_kernel_leaves_no_process_behind(kernel, arguments):
    manager, client = kernel
    code = f"from course_utils.classroom import servers; server = servers.start({arguments})"
    pids = eval(run_cell(client, code, "server.pids()"))
    assert len(pids) == (3 if arguments else 1) and alive(pids) == pids
    psutil.Process(manager.provisioner.pid).kill()
    wait_for_the_end(pids)
