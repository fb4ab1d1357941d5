"""O relógio do aluno: os minutos entre a primeira célula do notebook e o carimbo, sem as pausas longas.

Só nesta máquina: o carimbo do passaporte guarda os minutos, e mais nada.
"""

import time

PAUSE_S = 300  # entre duas células, mais que isto é uma pausa, e não conta


class LessonClock:
    """Anota a hora (em segundos) em que cada célula começa e acaba."""

    def __init__(self, now=time.monotonic):
        self._now = now
        self._marks = [now()]

    def mark(self, *_):
        """Anota agora; é o que o kernel chama antes e depois de cada célula."""
        self._marks.append(self._now())

    @property
    def minutes(self):
        """Os minutos até agora (float), sem as pausas de mais de `PAUSE_S`."""
        marks = [*self._marks, self._now()]
        gaps = [after - before for before, after in zip(marks, marks[1:])]
        return sum(gap for gap in gaps if gap <= PAUSE_S) / 60


def start():
    """Um `LessonClock` que o kernel passa a avisar de cada célula; fora de um kernel, ele só olha a hora."""
    clock = LessonClock()
    try:
        shell = get_ipython()
    except NameError:
        return clock
    shell.events.register("pre_run_cell", clock.mark)
    shell.events.register("post_run_cell", clock.mark)
    return clock
