"""Um cluster Ray de dois nós, cada um numa rede só dele (namespaces do Linux, ligados por um cabo virtual).

Nenhum pacote sai das duas redes: elas não têm rota para mais nada. Pede root e o `ip` do iproute2.
"""

import contextlib
import json
import os
import secrets
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from needs import miss, need
from waiting import PATIENCE_S

from course_utils.model import artifacts
from course_utils.serving.ray_app import cluster

pytestmark = [pytest.mark.slow, pytest.mark.alone]
FIRST, SECOND = "10.77.0.1", "10.77.0.2"
DRIVER = Path(__file__).with_name("two_nodes.py")


def ip(*words):
    return subprocess.run(["ip", *words], capture_output=True, text=True, check=True).stdout


@pytest.fixture
def networks():
    """`{endereço: nome do namespace}`, dois, ligados; no fim, sem os processos e sem os namespaces."""
    need("ray")
    if sys.platform != "linux" or os.geteuid() != 0 or shutil.which("ip") is None:
        miss("redes de mentira pedem Linux, root e o comando ip")
    mark = secrets.token_hex(3)
    names = {FIRST: f"aula-a-{mark}", SECOND: f"aula-b-{mark}"}
    try:
        for name in names.values():
            ip("netns", "add", name)
        a, b = names.values()
        ip("link", "add", "cabo", "netns", a, "type", "veth", "peer", "name", "cabo", "netns", b)
        for address, name in names.items():
            ip("-n", name, "addr", "add", f"{address}/24", "dev", "cabo")
            for device in ("lo", "cabo"):
                ip("-n", name, "link", "set", device, "up")
        yield names
    finally:
        for name in set(names.values()) & set(ip("netns", "list").split()):
            kill_all(name)
            ip("netns", "del", name)


def kill_all(name):
    """Um `kill -9` em cada processo do namespace: o nó some, como uma máquina sem energia."""
    for pid in map(int, ip("netns", "pids", name).split()):
        with contextlib.suppress(ProcessLookupError):  # um que morre leva outros
            os.kill(pid, signal.SIGKILL)


def test_a_node_that_vanishes_under_load_costs_nothing_to_who_tries_again(networks):
    folder = tempfile.mkdtemp(prefix="aula-nos-", dir="/tmp")
    settings = os.environ | cluster.ENVIRONMENT
    settings |= {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "1", "RAY_AUTH_MODE": "token"}
    settings |= {"RAY_AUTH_TOKEN": secrets.token_hex(32), "PYTHONPATH": str(artifacts.ROOT)}
    settings["RAY_health_check_period_ms"] = (
        "1000"  # cinco recusas seguidas são um nó perdido (padrão: uma a cada 3 s)
    )
    options = {"env": settings, "cwd": folder, "stdin": subprocess.DEVNULL, "start_new_session": True}
    ray = [sys.executable, "-m", "ray.scripts.scripts", "start"]
    ray += ["--block", "--disable-usage-stats", "--num-cpus=2"]
    head = ["--head", "--port=6379", "--include-dashboard=false"]
    head += [f"--temp-dir={folder}/r", '--resources={"first":1}']

    def start(address, *words):
        # Numa máquina ocupada, o nó desiste de si mesmo se um dos seus processos demora 15 s (node_manager.cc).
        once = shlex.join([*ray, f"--node-ip-address={address}", *words])
        command = ["ip", "netns", "exec", networks[address], "sh", "-c", f"{once} || {once} || {once}"]
        with open(f"{folder}/{address}.log", "wb") as log:
            return subprocess.Popen(command, stdout=log, stderr=log, **options)

    started = []
    try:
        started.append(start(FIRST, *head))
        wait_for_port(networks[FIRST])
        started.append(start(SECOND, f"--address={FIRST}:6379"))
        command = ["ip", "netns", "exec", networks[FIRST], sys.executable, str(DRIVER), f"{FIRST}:6379"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, **options) as driver:
            try:
                assert hear(driver) == {"nodes": [FIRST, SECOND]}
                assert hear(driver) == {"answered": 50}
                kill_all(networks[SECOND])
                after = hear(driver)
            finally:
                driver.kill()
        print(after)
        assert after["nodes"] == [FIRST] and after.get("lost", 0) == 0 and after["ok"] > 50
    finally:
        for name in networks.values():
            kill_all(name)
        for log in Path(folder).glob("*.log"):
            print(log.name, log.read_text(encoding="utf-8", errors="replace")[-2000:])
        for process in started:
            process.wait(timeout=PATIENCE_S)
        shutil.rmtree(folder, ignore_errors=True)


def hear(driver):
    """A próxima linha em JSON; as outras são avisos do Ray sobre o nó que sumiu."""
    return json.loads(next(line for line in driver.stdout if line.startswith("{")))


def wait_for_port(name):
    """Espera o diretório do cluster (a porta 6379) atender dentro da rede `name`."""
    code = (
        "import socket, time\n"
        "for _ in range(600):\n"
        f"    if socket.socket().connect_ex(('{FIRST}', 6379)) == 0: break\n"
        "    time.sleep(0.1)\n"
    )
    subprocess.run(["ip", "netns", "exec", name, sys.executable, "-c", code], check=True, timeout=PATIENCE_S)
