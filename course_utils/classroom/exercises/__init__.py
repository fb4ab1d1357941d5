# ruff: noqa: F401 (cada arquivo registra os seus exercícios ao ser importado)
"""A conferência dos exercícios "Sua vez": diz o que esperava, o que recebeu e o próximo passo.

Cada função com `@exercise` confere o exercício do seu nome; o nome do arquivo diz de que notebooks, com os
laboratórios deles.
"""

from course_utils.classroom.exercises import extras, nb01_to_04, nb05_to_07, nb08_to_10
from course_utils.classroom.exercises.engine import CHECKS, NOTEBOOKS, check
from course_utils.classroom.exercises.nb05_to_07 import ENDPOINT_LINES

__all__ = ["CHECKS", "ENDPOINT_LINES", "NOTEBOOKS", "check"]
