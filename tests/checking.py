"""O que o aluno lê ao conferir uma resposta, e a resposta que o notebook guarda recolhida."""

from math import ceil

import numpy as np
from solved import solutions

from course_utils import lesson
from course_utils.classroom import exercises

WRONG, BLANK = "✘ Ainda não.", "Ainda sem resposta"


def feedback(capsys, name, answer):
    """O texto que `exercises.check` imprime."""
    exercises.check(name, answer)
    return capsys.readouterr().out


def solution(name):
    """A resposta da solução recolhida no notebook do exercício."""
    (path,) = lesson.find_notebooks([exercises.NOTEBOOKS[name]])
    scope = {"np": np, "ceil": ceil}  # o que as células de cima já importaram
    exec(solutions(path)[0], scope)
    return scope["resposta"]
