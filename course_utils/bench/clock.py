"""A barra de fora: que banco está rodando, quantos faltam e há quanto tempo."""

import threading

from tqdm import tqdm

BAR = "{desc} |{bar:20}| {n_fmt} de {total_fmt}, {elapsed}"


class Clock:
    """Gerenciador de contexto: uma barra cujo relógio anda mesmo enquanto um banco não diz nada."""

    def __init__(self, total):
        self._bar = tqdm(total=total, bar_format=BAR)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._tick, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *error):
        self._stop.set()
        self._thread.join()
        self._bar.close()

    def start(self, what):
        """Anuncia o banco que começa."""
        self._bar.set_description(f"medindo: {what}")

    def finish(self, text):
        """Conta mais um e escreve `text` acima da barra."""
        self._bar.update()
        tqdm.write(text)

    def _tick(self):
        while not self._stop.wait(1):
            self._bar.refresh()
