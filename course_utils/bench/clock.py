"""A barra de fora: que banco está rodando, quantos faltam e há quanto tempo."""

from tqdm import tqdm

from course_utils.bench.every import Every

BAR = "{desc} |{bar:20}| {n_fmt} de {total_fmt}, {elapsed}"


class Clock(Every):
    """Gerenciador de contexto: uma barra cujo relógio anda mesmo enquanto um banco não diz nada."""

    def __init__(self, total):
        self._bar = tqdm(total=total, bar_format=BAR)
        super().__init__(1, self._bar.refresh)

    def __exit__(self, *error):
        super().__exit__(*error)
        self._bar.close()

    def start(self, what):
        """Anuncia o banco que começa."""
        self._bar.set_description(f"medindo: {what}")

    def finish(self, text):
        """Conta mais um e escreve `text` acima da barra."""
        self._bar.update()
        tqdm.write(text)
