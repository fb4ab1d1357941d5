"""Repetir uma função, de tempos em tempos, enquanto outra coisa acontece."""

import threading


class Every:
    """Gerenciador de contexto: numa thread à parte, chama `function` a cada `seconds` segundos."""

    def __init__(self, seconds, function):
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._repeat, args=(seconds, function), daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *error):
        self._stop.set()
        self._thread.join()

    def _repeat(self, seconds, function):
        while not self._stop.is_set():
            function()
            self._stop.wait(seconds)
