"""Executa um comando e o encerra quando a entrada padrão fecha, isto é, quando quem o iniciou termina.

`python -m course_utils.classroom.watched gunicorn app:app`: um programa que não é nosso não vigia o kernel.
"""

import os
import signal
import subprocess
import sys
import threading


def main(command):
    """Executa `command` (lista de textos) e devolve o código com que ele terminou (int)."""
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    signal.signal(signal.SIGTERM, lambda *_: child.terminate())

    def watch():
        while os.read(0, 4096):
            pass
        child.terminate()

    threading.Thread(target=watch, daemon=True).start()
    return child.wait()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
