"""Processos que acabam com quem os iniciou: uma função do notebook, um comando.

`python -m course_utils.classroom.processes gunicorn app:app` executa o comando e o encerra quando a entrada padrão
fecha, isto é, quando quem o iniciou termina: um programa que não é nosso não vigia o kernel.
"""

import inspect
import os
import signal
import subprocess
import sys
import textwrap

from course_utils.processes import for_python, when_parent_ends

# O que o outro processo faz antes de chamar a função: se quem o iniciou morre, ele se encerra.
WATCH = """
import os, sys
import course_utils.processes

if os.name != "nt":  # lá, ler a entrada numa thread pode travar o processo
    course_utils.processes.when_parent_ends(lambda: os._exit(1))
"""


class ProcessError(RuntimeError):
    """O processo terminou com erro; a mensagem traz o fim do que ele escreveu."""


def run(command):
    """Executa `command` (lista de textos ou caminhos) até o fim e devolve o que ele escreveu na saída (str).

    O que vai para a saída de erro (avisos, registros) só aparece se ele terminar mal: aí levanta
    `ProcessError`, com as últimas linhas.
    """
    reading, writing = os.pipe()  # fecha-se quando este processo acaba, mesmo com `kill -9`: o outro percebe
    try:
        done = subprocess.run(
            [str(part) for part in command],
            stdin=reading,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            env=for_python(),
        )
    finally:
        os.close(reading)
        os.close(writing)
    if done.returncode:
        tail = "\n".join((done.stdout + done.stderr).splitlines()[-15:])
        raise ProcessError(f"O processo terminou com o código {done.returncode}:\n{tail}")
    return done.stdout


def run_function(function, *arguments):
    """Executa `function(*arguments)` em outro Python e devolve o que ela imprimiu (str).

    Só o código da própria função viaja: os `import` de que ela precisa ficam dentro dela, e os argumentos
    chegam como texto.
    """
    source = textwrap.dedent(inspect.getsource(function))
    call = f"{function.__name__}(*sys.argv[1:])"
    return run([sys.executable, "-P", "-c", f"{source}{WATCH}{call}", *arguments])


def _watch(command):
    """Executa `command` (lista de textos) e devolve o código com que ele terminou (int)."""
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    signal.signal(signal.SIGTERM, lambda *_: child.terminate())
    when_parent_ends(child.terminate)
    return child.wait()


if __name__ == "__main__":
    sys.exit(_watch(sys.argv[1:]))
