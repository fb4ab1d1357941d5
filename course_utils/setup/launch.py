"""Roda os comandos do curso com o Python do ambiente. Só biblioteca padrão.

O que de fora não pode mudar o curso já saiu de `os.environ` (`course_utils.settings`); aqui só se acrescenta o de
que um comando ou o JupyterLab precisa, e é o único lugar em que isso se decide.
"""

from __future__ import annotations

import os
import re
import secrets
import signal
import socket
import subprocess
import sys
from pathlib import Path

from course_utils.setup.installer import SetupError

HOST, FIRST_PORT = "127.0.0.1", 8888
# As opções do JupyterLab que também decidimos: `--port 9555`, `--port=9555`, `--ServerApp.port=9555`…
OURS = re.compile(r"--(?:\w+\.)?(port|ip|token|log[-_]level)(?:=(.*))?$")
BAD_PORT = "A porta tem de ser um número de 1 a 65535, e veio «{}»: por exemplo, --port 9555."
NO_VALUE = "Falta o valor da opção {}: por exemplo, --port 9555."
TAKEN = "A porta {} está em uso ou é reservada: escolha outra com --port, por exemplo --port {}."
BAD_IP = "Esta máquina não atende no endereço «{}»: tire a opção --ip, ou use um endereço dela."


def run_child(root: str, command: list[str], own: dict | None = None) -> int:
    """Roda `command` na raiz do projeto e devolve o código de saída dele."""
    # Quem encerra este processo (kill, fechar o terminal) espera que o filho também termine.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with subprocess.Popen(command, cwd=root, env=child_environment(root, own or {})) as child:
        try:
            code = child.wait()
        except KeyboardInterrupt:
            stop(child)  # o Ctrl-C chegou também ao filho: ele está se encerrando
            raise
        except SystemExit:
            child.terminate()
            stop(child)
            raise
    return code if code >= 0 else 128 - code


def child_environment(root: str, own: dict[str, str]) -> dict[str, str]:
    """O ambiente de um comando: o deste processo, UTF-8 em qualquer página de código e o que é dele (`own`)."""
    return {**os.environ, **writable_home(root), "PYTHONUTF8": "1", **own}


def writable_home(root: str) -> dict[str, str]:
    """Sem onde escrever na pasta pessoal, o Jupyter e as bibliotecas guardam o que é deles em artifacts/home."""
    try:
        home = Path.home()
        if os.access(home, os.W_OK) and home.is_dir():
            return {}
    except RuntimeError:  # nem se sabe qual é
        pass
    place = Path(root, "artifacts", "home")
    names = ("JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR", "MPLCONFIGDIR")
    return {name: str(place / name.lower()) for name in (*names, "XDG_CACHE_HOME") if name not in os.environ}


def stop(child: subprocess.Popen) -> None:
    try:
        child.wait(timeout=15)
    except (subprocess.TimeoutExpired, KeyboardInterrupt):
        child.kill()


def open_lab(root: str, python: str, notebook: str, options: list[str]) -> int:
    """Abre o JupyterLab em `notebook`, só nesta máquina, na primeira porta livre a partir da 8888.

    `options`: as do JupyterLab; as de `OURS` valem no lugar das nossas. Levanta `SetupError` se uma não serve.
    """
    chosen, others = split_options(options)
    address = chosen.get("ip", HOST)
    port = choose_port(address, chosen.get("port"))
    token = chosen.get("token") or os.environ.get("JUPYTER_TOKEN") or secrets.token_hex(16)
    level = chosen.get("log_level", "ERROR")
    everywhere = not address.strip("0.:*")  # quem atende em todos os endereços atende também neste
    shown = HOST if everywhere else f"[{address}]" if ":" in address else address
    print(f"Abrindo o JupyterLab: http://{shown}:{port}/lab/tree/{notebook}?token={token}")
    print("Para encerrar, tecle Ctrl-C aqui.", flush=True)
    command = [python, "-m", "jupyterlab", f"--log-level={level}", f"--LabApp.log_level={level}"]
    command += [f"--ServerApp.ip={address}", f"--ServerApp.port={port}", "--ServerApp.port_retries=0", *others]
    place = Path(root, "artifacts", "home")
    own = {
        "JUPYTER_TOKEN": token,
        "JUPYTER_CONFIG_DIR": str(Path(root, ".jupyter")),
        # Os kernels são os deste ambiente, e não outros de mesmo nome que a pessoa instalou para si.
        "JUPYTER_PREFER_ENV_PATH": "1",
        "JUPYTER_DATA_DIR": str(place / "jupyter"),
        "IPYTHONDIR": str(place / "ipython"),  # nem o que ela manda rodar no começo de todo kernel
    }
    return run_child(root, command, own)


def split_options(options: list[str]) -> tuple[dict[str, str], list[str]]:
    """As opções de `OURS` (`{"port": "9555"}`; a última vence) e as outras, que vão como vieram."""
    chosen: dict[str, str] = {}
    others: list[str] = []
    waiting = list(options)
    while waiting:
        option = waiting.pop(0)
        found = OURS.match(option)
        if option == "--debug":
            chosen["log_level"] = "DEBUG"
        elif not found:
            others.append(option)
        elif found[2] is None and not waiting:
            raise SetupError(NO_VALUE.format(option))
        else:
            chosen[found[1].replace("-", "_")] = waiting.pop(0) if found[2] is None else found[2]
    return chosen, others


def choose_port(address: str, asked: str | None) -> int:
    """A porta pedida, se serve e está livre; sem pedido, a primeira livre a partir de `FIRST_PORT`."""
    if asked is None:
        return next((port for port in range(FIRST_PORT, FIRST_PORT + 100) if is_free(address, port)), 0)
    if not re.fullmatch(r"\d{1,5}", asked) or not 1 <= int(asked) <= 65535:
        raise SetupError(BAD_PORT.format(asked))
    port = int(asked)
    if not is_free(address, port):
        raise SetupError(TAKEN.format(port, port + 1 if port < 65535 else FIRST_PORT))
    return port


def is_free(address: str, port: int) -> bool:
    """Pode-se atender em `address:port`? Levanta `SetupError` se esta máquina não tem esse endereço."""
    address = "" if address == "*" else address
    try:
        family, _, _, _, place = socket.getaddrinfo(address or None, port, type=socket.SOCK_STREAM,
                                                    flags=socket.AI_PASSIVE)[0]  # fmt: skip
        with socket.socket(family) as probe:
            probe.bind((place[0], 0))  # o endereço é desta máquina?
    except (OSError, UnicodeError):
        raise SetupError(BAD_IP.format(address)) from None
    with socket.socket(family) as probe:
        if os.name != "nt":  # no Windows esta opção deixaria dois servidores na mesma porta
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(place)
        except OSError:
            return False
    return True
