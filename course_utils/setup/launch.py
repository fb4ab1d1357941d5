"""Roda os comandos do curso com o Python do ambiente. Só biblioteca padrão."""

from __future__ import annotations

import os
import secrets
import signal
import socket
import subprocess
import sys
from pathlib import Path


def run_child(root: str, command: list[str], extra_env: dict | None = None) -> int:
    """Roda `command` na raiz do projeto e devolve o código de saída dele."""
    env = {**os.environ, **writable_home(root), **(extra_env or {})}
    env["PYTHONUTF8"] = "1"  # arquivos e caminhos com acento, em qualquer localidade ou página de código
    # Menos ruído nos kernels e servidores; nenhuma destas variáveis muda um número.
    env.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    env.setdefault("PYDEVD_DISABLE_FILE_VALIDATION", "1")
    # Quem encerra este processo (kill, fechar o terminal) espera que o filho também termine.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with subprocess.Popen(command, cwd=root, env=env) as child:
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


def writable_home(root: str) -> dict[str, str]:
    """Sem onde escrever na pasta pessoal, o Jupyter e as bibliotecas guardam o que é deles em artifacts/home."""
    try:
        home = Path.home()
        if os.access(home, os.W_OK) and home.is_dir():
            return {}
    except RuntimeError:  # nem se sabe qual é
        pass
    place = Path(root, "artifacts", "home")
    names = ("JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR", "MPLCONFIGDIR", "KERAS_HOME")
    return {name: str(place / name.lower()) for name in (*names, "XDG_CACHE_HOME") if name not in os.environ}


def stop(child: subprocess.Popen) -> None:
    try:
        child.wait(timeout=15)
    except (subprocess.TimeoutExpired, KeyboardInterrupt):
        child.kill()


def open_lab(root: str, python: str, notebook: str, options: list[str]) -> int:
    """Abre o JupyterLab no primeiro notebook, só nesta máquina, na primeira porta livre a partir da 8888."""
    port = free_port(8888)
    token = os.environ.get("JUPYTER_TOKEN") or secrets.token_hex(16)
    print(f"Abrindo o JupyterLab: http://127.0.0.1:{port}/lab/tree/{notebook}?token={token}")
    print("Para encerrar, tecle Ctrl-C aqui.", flush=True)
    command = [
        python,
        "-m",
        "jupyterlab",
        "--log-level=ERROR",
        "--LabApp.log_level=ERROR",
        "--ServerApp.ip=127.0.0.1",
    ]
    command += [f"--ServerApp.port={port}", *options]
    config = str(Path(root, ".jupyter"))
    return run_child(root, command, {"JUPYTER_TOKEN": token, "JUPYTER_CONFIG_DIR": config})


def free_port(first: int) -> int:
    for port in range(first, first + 100):
        with socket.socket() as probe:
            if os.name != "nt":  # no Windows esta opção deixaria dois servidores na mesma porta
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    return 0  # o sistema escolhe
