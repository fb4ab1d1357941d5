"""O servidor de verdade, por HTTP: respostas, recusas e página."""

import re
import subprocess
import sys
import urllib.error
import urllib.request

import psutil
import pytest

from course_utils.classroom import servers


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


def test_importing_the_server_brings_no_training_framework():
    code = "import course_utils.serving.__main__, course_utils.serving.fastapi_app, sys; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"torch", "tensorflow", "keras", "matplotlib"} & set(run.stdout.split())
