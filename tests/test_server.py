"""O servidor de verdade, por HTTP: respostas, recusas, página, e o fim garantido do processo."""

import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request

import psutil
import pytest

from course_utils.classroom import servers
from course_utils.model import artifacts


@pytest.fixture(scope="module")
def server():
    server = servers.start()
    yield server
    server.stop()


def call(server, route, data=None, kind="application/octet-stream", method=None):
    """Devolve `(status, tipo, corpo)` sem levantar por causa de 4xx."""
    request = urllib.request.Request(server.url + route, data, {"Content-Type": kind}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=10) as response:
            return response.status, response.headers["Content-Type"], response.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers["Content-Type"], error.read()


def test_it_listens_only_on_this_machine(server):
    process = psutil.Process(server.process.pid)
    addresses = {item.laddr.ip for item in process.net_connections() if item.status == psutil.CONN_LISTEN}
    assert addresses == {"127.0.0.1"}


def test_the_page_uses_only_relative_addresses_that_exist(server):
    status, kind, page = call(server, "")
    assert status == 200 and kind.startswith("text/html") and b'lang="pt-BR"' in page
    addresses = [item for item in re.findall(r'(?:src|href)="([^"]+)"', page.decode()) if item != "data:,"]
    assert sorted(addresses) == ["web/app.js", "web/style.css"]
    for address in [*addresses, "web/digit.js"]:
        assert call(server, address)[0] == 200
    script = call(server, "web/app.js")[2].decode()
    assert 'fetch("predict"' in script and "http://" not in script and "https://" not in script


def test_assigning_over_a_server_ends_the_old_one():
    server = servers.start()
    old = server.process
    server = servers.start()
    old.wait(timeout=10)
    assert server.process.poll() is None
    server.stop()


def test_it_reaches_the_browser_through_the_binder_prefix(monkeypatch, server):
    monkeypatch.setenv("JUPYTERHUB_SERVICE_PREFIX", "/user/aluno/")
    port = server.url.rsplit(":", 1)[1].rstrip("/")
    proxied = servers.Server(subprocess.Popen([sys.executable, "-c", ""], stdin=subprocess.PIPE), port, server.log)
    assert proxied.page_url == f"/user/aluno/proxy/{port}/"


@pytest.mark.skipif(os.name == "nt", reason="usa SIGKILL")
def test_a_killed_kernel_leaves_no_server_behind():
    code = (
        "from course_utils.classroom import servers; import time\n"
        "server = servers.start(); print(server.process.pid, flush=True); time.sleep(60)"
    )
    kernel = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, cwd=artifacts.ROOT)
    pid = int(kernel.stdout.readline())
    assert psutil.pid_exists(pid)
    kernel.send_signal(signal.SIGKILL)
    kernel.wait()
    limit = time.monotonic() + 10
    while psutil.pid_exists(pid) and time.monotonic() < limit:
        time.sleep(0.1)
    assert not psutil.pid_exists(pid)


def test_a_server_that_cannot_start_shows_the_end_of_its_log(tmp_path):
    broken = tmp_path / "quebrado.onnx"
    broken.write_bytes(b"nada")
    with pytest.raises(servers.ServerError, match="quebrado.onnx não tem SHA-256"):
        servers.start(model=broken)


def test_importing_the_server_brings_no_training_framework():
    code = "import course_utils.serving.__main__, course_utils.serving.fastapi_app, sys; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"torch", "tensorflow", "keras", "matplotlib"} & set(run.stdout.split())
