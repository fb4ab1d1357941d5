"""O relógio do aluno: soma os minutos, corta as pausas longas, e o kernel o avisa de cada célula."""

from kernels import run_cell

from course_utils.classroom.lesson_clock import PAUSE_S, LessonClock


def minutes_of(*times):
    """Os minutos de um relógio que foi avisado em cada um destes segundos, o último ao ser lido."""
    seconds = iter(times)
    clock = LessonClock(lambda: next(seconds))
    for _ in times[1:-1]:
        clock.mark()
    return clock.minutes


def test_it_adds_up_the_minutes_and_cuts_the_long_pauses():
    assert minutes_of(0, 60, 90, 150) == 2.5
    assert minutes_of(0, 60, 60 + PAUSE_S + 1, 120 + PAUSE_S + 1) == 2
    assert minutes_of(0, PAUSE_S) == PAUSE_S / 60


def test_the_kernel_tells_it_of_every_cell(kernel):
    _, client = kernel
    run_cell(client, "from course_utils.classroom import lesson_clock\nclock = lesson_clock.start()")
    run_cell(client, "1 + 1")
    marks = int(run_cell(client, "", "len(clock._marks)"))
    assert marks >= 4 and run_cell(client, "", "0 < clock.minutes < 5") == "True"
