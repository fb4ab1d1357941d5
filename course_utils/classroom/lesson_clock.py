"""O relógio do aluno: os minutos entre a primeira célula do notebook e o carimbo, sem as pausas longas.

Só nesta máquina: o carimbo do passaporte guarda os minutos, e mais nada.
"""

import os
import time

from IPython import get_ipython

PAUSE_S = 300  # entre duas células, mais que isto é uma pausa, e não conta
HEADLESS = "AULA_HEADLESS"  # a variável que marca um kernel em que ninguém lê: o de `lesson.execute`


class LessonClock:
    """Soma o tempo entre um aviso e o seguinte; o kernel o avisa quando cada célula começa e acaba."""

    def __init__(self, now=time.monotonic):
        self._now, self._last, self._seconds = now, now(), 0.0

    def mark(self, *_):
        """Conta o tempo desde o último aviso, se não foi uma pausa."""
        last, self._last = self._last, self._now()
        if self._last - last <= PAUSE_S:
            self._seconds += self._last - last

    @property
    def minutes(self):
        """Os minutos até agora (float), sem as pausas de mais de `PAUSE_S`."""
        self.mark()
        return self._seconds / 60


def start():
    """Um `LessonClock` que o kernel passa a avisar de cada célula; fora de um kernel, ele só olha a hora.

    None num kernel sem ninguém à frente (`python -m course_utils run`): os segundos da máquina não são de ninguém.
    """
    if HEADLESS in os.environ:
        return None
    clock, shell = LessonClock(), get_ipython()
    if shell:
        for event in ("pre_run_cell", "post_run_cell"):
            shell.events.register(event, clock.mark)
    return clock
