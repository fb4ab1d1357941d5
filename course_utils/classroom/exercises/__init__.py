# ruff: noqa: F401 (cada arquivo registra os seus exercícios ao ser importado)
"""A conferência dos exercícios "Sua vez": diz o que esperava, o que recebeu e o próximo passo.

Um arquivo por notebook e o laboratório dele; cada função com `@exercise` confere o exercício do seu nome.
"""

from course_utils.classroom.exercises import extras, nb01, nb02, nb03, nb04, nb05, nb06, nb07, nb08, nb09
from course_utils.classroom.exercises.engine import CHECKS, NOTEBOOKS, check
from course_utils.classroom.exercises.nb06 import ENDPOINT_LINES

__all__ = ["CHECKS", "ENDPOINT_LINES", "NOTEBOOKS", "check"]
