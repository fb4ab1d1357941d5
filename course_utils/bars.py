"""A barra de progresso do curso: num notebook é uma linha de texto que some quando o trabalho acaba.

As do tqdm para notebooks são widgets: prontas, deixam uma caixa vazia e, no dia seguinte, um erro em inglês.
"""

import io
import sys

from tqdm import std

WIDTH = 70
KERNEL = "ipykernel.kernelapp"  # só um kernel o importa; quem executa notebooks importa outras partes do pacote


class tqdm(std.tqdm):  # noqa: N801 – o nome por que todos a conhecem
    """O tqdm de sempre: no terminal, igual; num kernel, `WIDTH` caracteres que se apagam no fim."""

    def __init__(self, *arguments, **options):
        if KERNEL in sys.modules:
            options |= {"file": io.StringIO(), "leave": False, "ncols": WIDTH}
        super().__init__(*arguments, **options)

    @staticmethod
    def status_printer(file):
        """Como o tqdm mostra um texto no lugar do anterior."""
        if KERNEL not in sys.modules:
            return std.tqdm.status_printer(file)
        from IPython.display import display

        place = display({"text/plain": ""}, raw=True, display_id=True)
        return lambda text: place.update({"text/plain": text}, raw=True)
