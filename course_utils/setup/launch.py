"""Roda os comandos do curso com o Python do ambiente. Só biblioteca padrão.

O que de fora não pode mudar o curso já saiu de `os.environ` (`course_utils.settings`); aqui só se acrescenta o de
que um comando ou o JupyterLab precisa, e é o único lugar em que isso se decide.

Lá, `python -m course_utils.setup.launch course_utils.lesson 01` é o mesmo que `python -m course_utils.lesson 01`,
menos o traceback que não ajuda o aluno: Ctrl-C, disco cheio ou arquivo estragado viram uma frase. Um erro que
ninguém previu aparece inteiro.
"""

from __future__ import annotations

import argparse
import os
import re
import runpy
import secrets
import signal
import subprocess
import sys
from pathlib import Path

from course_utils import files
from course_utils.processes import HOST, is_free
from course_utils.setup.failures import SetupError

FIRST_PORT = 8888
INTERRUPTED = 130  # o código de saída de quem recebeu um Ctrl-C
BAD_PORT = (
    "A porta {} não serve: está em uso, é reservada ou não é um número de 1 a 65535. Escolha outra, por exemplo "
    "--port 9555."
)


def run_child(root: str, command: list[str], **own: str) -> int:
    """Roda `command` na raiz do projeto, com as variáveis `own` a mais, e devolve o código de saída dele."""
    # Quem encerra este processo (kill, fechar o terminal) espera que o filho também termine.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    env = {**os.environ, **writable_home(root), "PYTHONUTF8": "1", **own}  # UTF-8 em qualquer página de código
    with subprocess.Popen(command, cwd=root, env=env) as child:
        try:
            code = child.wait()
        except (KeyboardInterrupt, SystemExit) as ending:
            if isinstance(ending, SystemExit):  # um Ctrl-C chega também ao filho: ele já está se encerrando
                child.terminate()
            try:
                child.wait(timeout=15)
            except (subprocess.TimeoutExpired, KeyboardInterrupt):
                child.kill()
            raise
    return code if code >= 0 else 128 - code


def writable_home(root: str) -> dict[str, str]:
    """Sem onde escrever na pasta pessoal, o Jupyter e as bibliotecas guardam o que é deles em artifacts/home."""
    if os.access(os.path.expanduser("~"), os.W_OK):  # noqa: PTH111 – o do pathlib levanta um erro se não há pasta
        return {}
    names = ("JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR", "MPLCONFIGDIR", "XDG_CACHE_HOME")
    return {name: str(Path(root, "artifacts", "home", name.lower())) for name in names}


def open_lab(root: str, python: str, notebook: str, options: list[str]) -> int:
    """Abre o JupyterLab em `notebook`, na primeira porta livre a partir da 8888.

    `options`: as do JupyterLab, que valem no lugar das de `.jupyter/`; o endereço, a porta e a senha escolhem-se
    aqui: só esta máquina, a não ser que se peça outra coisa. Levanta `SetupError` se a porta não serve.
    """
    # De duas a última: o JupyterLab não aceita duas.
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--ip", "--ServerApp.ip", dest="ip", nargs="?", default=HOST, const=HOST)
    parser.add_argument("--port", "--ServerApp.port", "--LabApp.port", dest="port", nargs="?")
    parser.add_argument("--token", "--IdentityProvider.token", "--ServerApp.token", dest="token", nargs="?")
    chosen, others = parser.parse_known_args(options)
    port = choose_port(chosen.port)
    token = chosen.token or os.environ.get("JUPYTER_TOKEN") or secrets.token_hex(16)
    print(f"Abrindo o JupyterLab: http://{HOST}:{port}/lab/tree/{notebook}?token={token}")
    print("Para encerrar, tecle Ctrl-C aqui.", flush=True)
    place = Path(root, "artifacts", "home")
    return run_child(
        root,
        # Não em .jupyter/, que o Binder também lê: lá quem chega vem de fora.
        [python, "-m", "jupyterlab", f"--ServerApp.ip={chosen.ip}", f"--ServerApp.port={port}", *others],
        JUPYTER_TOKEN=token,
        JUPYTER_CONFIG_DIR=str(Path(root, ".jupyter")),
        # Os kernels são os deste ambiente, e não outros de mesmo nome que a pessoa instalou para si.
        JUPYTER_PREFER_ENV_PATH="1",
        JUPYTER_DATA_DIR=str(place / "jupyter"),
        IPYTHONDIR=str(place / "ipython"),  # nem o que ela manda rodar no começo de todo kernel
    )


def choose_port(asked: str | None) -> int:
    """A porta pedida, se serve e está livre; sem pedido, a primeira livre a partir de `FIRST_PORT`."""
    if asked is None:
        return next((port for port in range(FIRST_PORT, FIRST_PORT + 100) if is_free(port)), 0)
    if not (re.fullmatch(r"\d{1,5}", asked) and 1 <= int(asked) <= 65535 and is_free(int(asked))):
        raise SetupError(BAD_PORT.format(asked))
    return int(asked)


def explain(problem: BaseException) -> str | None:
    """O problema numa frase, com o que fazer; None se não é dos que o aluno pode resolver."""
    if isinstance(problem, OSError) and problem.errno in files.REASONS:
        return f"Não consegui gravar {problem.filename or 'no disco'} {files.explain(problem)} e rode de novo."
    # Os erros do próprio curso já nascem como frase.
    return str(problem) if type(problem).__module__.startswith("course_utils.") else None


def main(arguments: list[str]) -> int:
    """Roda o módulo `arguments[0]` com os outros argumentos; devolve o código de saída."""
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="replace")  # página de código antiga: um sinal vira "?", nunca um erro
    sys.argv = arguments
    try:
        runpy.run_module(arguments[0], run_name="__main__", alter_sys=True)
    except KeyboardInterrupt:
        return INTERRUPTED  # a frase é de quem nos iniciou
    except Exception as problem:
        sentence = explain(problem)
        if sentence is None:
            raise
        print(sentence, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
