"""Uma função do notebook executada num processo só dela: a memória que ela gasta acaba com o processo."""

import inspect
import os
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path

# No começo do outro processo: se quem o iniciou morre, ele se encerra e leva o seu roteiro.
WATCH = """
    import os, shutil, sys, threading

    sys.modules.setdefault("matplotlib", None)  # o TensorFlow o importaria, e nada aqui desenha

    def watch():
        os.read(0, 1)
        shutil.rmtree(os.path.dirname(__file__), ignore_errors=True)
        os._exit(1)

    if os.name != "nt":  # lá, ler a entrada numa thread pode travar o processo
        threading.Thread(target=watch, daemon=True).start()
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
            env=os.environ | {"PYTHONUTF8": "1", "PYTHONIOENCODING": "utf-8"},
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
    call = f"\nif __name__ == '__main__':\n{WATCH}\n    {function.__name__}(*sys.argv[1:])\n"
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / f"{function.__name__}.py"
        script.write_text(source + call, encoding="utf-8")
        return run([sys.executable, script, *arguments])
