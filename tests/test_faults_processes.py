"""Processos que morrem ou se esbarram: dois kernels num notebook, um servidor morto no meio, uma porta tomada."""

import http.client
import itertools
import json
import os
import socket
import subprocess
import sys
import threading
import urllib.error
import urllib.request

import psutil
import pytest
from endings import wait_for_the_end
from faults import call
from waiting import PATIENCE_S, wait_for

from course_utils import files
from course_utils.classroom import passport, servers, workspace
from course_utils.measure import load
from course_utils.model import artifacts, digits

OTHER_KERNEL = """
import sys
from pathlib import Path
from course_utils import files
files.ARTIFACTS = Path(sys.argv[1])
from course_utils.classroom import workspace
folder = workspace.empty("01_x")
assert workspace.empty("01_x") == folder  # o mesmo kernel, de novo
Path(folder, "meu.txt").write_text("meu")
print(folder.name, flush=True)
sys.stdin.read()
"""
STAMP = """
import sys
from pathlib import Path
from course_utils.classroom import passport
passport.FILE = Path(sys.argv[1])
for number in range(25):
    passport.stamp(f"{sys.argv[2]}_{number}", {"a": number})
"""


def python(code, *arguments):
    """Outro Python, com a entrada e a saída em canos."""
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.Popen(
        command, cwd=artifacts.ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8"
    )


def test_two_kernels_of_one_notebook_work_in_two_folders(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "ARTIFACTS", tmp_path)
    with python(OTHER_KERNEL, tmp_path) as other:
        assert other.stdout.readline() == "01_x\n"
        assert workspace.empty("01_x").name == "01_x-2"
        assert (tmp_path / "01_x" / "meu.txt").read_text() == "meu"
        other.kill()  # mesmo morto, ele solta a pasta
    with python(OTHER_KERNEL, tmp_path) as third:
        assert third.stdout.readline() == "01_x\n"
        third.kill()


def test_two_kernels_that_stamp_at_once_lose_no_stamp(tmp_path, monkeypatch):
    monkeypatch.setattr(passport, "FILE", tmp_path / "passport.json")
    pair = [python(STAMP, passport.FILE, name) for name in "ab"]
    for other in pair:
        other.communicate(timeout=PATIENCE_S)
        assert other.returncode == 0
    expected = {f"{name}_{number}" for name, number in itertools.product("ab", range(25))}
    assert set(passport.read()) == expected


def test_a_server_killed_under_load_is_counted_and_can_be_started_again():
    image = digits.load("test")[0][0].tobytes()
    server = servers.start()

    def kill_it_at_work():
        wait_for(lambda: "/predict" in server.log_tail())
        psutil.Process(server.process.pid).kill()

    threading.Thread(target=kill_it_at_work).start()
    result = load.run(server.url + "predict", image, concurrency=2, seconds=6, warmup=0, pids=server.pids())
    assert result.requests_per_second > 0 and result.failed > 0
    with pytest.raises((urllib.error.URLError, ConnectionError, http.client.HTTPException)):
        urllib.request.urlopen(server.url, timeout=PATIENCE_S)
    assert server.pids() == []
    server = servers.start()  # a cura: rodar de novo a célula que o inicia
    with urllib.request.urlopen(server.url + "health/ready", timeout=PATIENCE_S) as answer:
        assert json.load(answer)["status"]
    server.stop()


@pytest.mark.skipif(sys.platform == "win32", reason="usa SIGKILL")
def test_a_killed_kernel_takes_its_function_and_its_script_along(tmp_path):
    code = (
        "from course_utils.classroom import processes\n"
        "def long(file):\n"
        "    import os, pathlib, time\n"
        "    pathlib.Path(file).write_text(str(os.getpid()))\n"
        "    time.sleep(3600)\n"
    )
    script = tmp_path / "kernel.py"
    script.write_text(code + f"processes.run_function(long, {str(tmp_path / 'pid')!r})\n", encoding="utf-8")
    (tmp_path / "temp").mkdir()
    env = {"TMPDIR": str(tmp_path / "temp")}
    kernel = subprocess.Popen([sys.executable, script], cwd=artifacts.ROOT, env=os.environ | env)
    wait_for(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text())
    kernel.kill()
    kernel.wait()
    wait_for_the_end([int((tmp_path / "pid").read_text())])
    assert list((tmp_path / "temp").iterdir()) == []


def test_a_port_already_taken_is_told_in_one_sentence():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = call(["-m", "course_utils.setup.command", "course_utils.serving", "--port", port])
    assert (result.returncode, result.stdout) == (1, b"")
    assert result.stderr.decode() == (
        f"A porta {port} está em uso ou é reservada: escolha outra com --port, por exemplo --port {port + 1}.\n"
    )


@pytest.mark.slow
def test_the_same_notebook_runs_twice_at_once_in_one_clone(fresh_clone):
    command = [sys.executable, "-m", "course_utils.lesson", "06"]
    environment = os.environ | {"PYTHONPATH": str(fresh_clone)}
    pair = [subprocess.Popen(command, cwd=fresh_clone, env=environment, stderr=subprocess.PIPE) for _ in "ab"]
    for run in pair:
        said = run.communicate(timeout=10 * PATIENCE_S)[1].decode(errors="replace")
        assert run.returncode == 0, said[-3000:]
    assert {path.name for path in (fresh_clone / "artifacts").glob("06*")} >= {"06_api_flask", "06_api_flask-2"}
