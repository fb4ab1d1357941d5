"""O servidor de verdade, por HTTP: respostas, recusas e página."""

import re
import subprocess
import sys
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
    assert call(server, "web/style.css")[0] == 200
    scripts, waiting = {}, ["app.js"]
    while waiting:
        name = waiting.pop()
        status, kind, script = call(server, f"web/{name}")
        assert status == 200 and kind.startswith("text/javascript"), name
        scripts[name] = script.decode()
        waiting += [other for other in re.findall(r'from "\./([\w.]+)"', scripts[name]) if other not in scripts]
    assert scripts.keys() == {path.name for path in (artifacts.ROOT / "course_utils/serving/web").glob("*.js")}
    assert 'fetch("predict"' in scripts["server.js"]
    for name, script in scripts.items():
        assert not re.search(r"https?://|[\"'`]/\w", script), f"{name} tem um endereço que não é relativo"


def test_importing_the_server_brings_no_training_framework():
    code = "import course_utils.serving.__main__, course_utils.serving.fastapi_app, sys; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"torch", "tensorflow", "keras", "matplotlib"} & set(run.stdout.split())
