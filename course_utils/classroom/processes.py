"""Uma função do caderno executada num processo só dela: a memória que ela gasta acaba com o processo."""

import inspect
import os
import subprocess
import sys
import textwrap


class ProcessError(RuntimeError):
    """O processo terminou com erro; a mensagem traz o fim do que ele escreveu."""


def run(command):
    """Executa `command` (lista de textos ou caminhos) até o fim, calado, e devolve o que ele escreveu (str).

    Levanta `ProcessError`, com as últimas linhas, se ele terminar com erro.
    """
    done = subprocess.run(
        [str(part) for part in command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        env=os.environ | {"PYTHONUTF8": "1"},
    )
    if done.returncode:
        tail = "\n".join(done.stdout.splitlines()[-15:])
        raise ProcessError(f"O processo terminou com o código {done.returncode}:\n{tail}")
    return done.stdout


def run_function(function, *arguments):
    """Executa `function(*arguments)` em outro Python e devolve o que ela escreveu (str).

    Os argumentos chegam a ela como texto. Só o código da própria função viaja: os `import` de que ela
    precisa ficam dentro dela.
    """
    source = textwrap.dedent(inspect.getsource(function))
    call = f"import sys\n{source}\n{function.__name__}(*sys.argv[1:])"
    return run([sys.executable, "-c", call, *arguments])
