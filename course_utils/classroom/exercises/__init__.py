"""A conferência dos exercícios "Sua vez": diz o que esperava, o que recebeu e o próximo passo.

Um arquivo por notebook; cada função com `@exercise` confere o exercício do seu nome.
"""

from course_utils.classroom.exercises import (  # noqa: F401 (registram-se)
    central,
    cloud,
    cluster,
    edge,
    fastapi_api,
    homes,
    language,
    onnx_export,
    pictures,
    pruning,
    quantization,
    saving,
    watching,
)
from course_utils.classroom.exercises.engine import CHECKS, NOTEBOOKS, NotYetError, check, exercise
from course_utils.classroom.exercises.flask_api import ENDPOINT_LINES

__all__ = ["CHECKS", "ENDPOINT_LINES", "NOTEBOOKS", "NotYetError", "check", "exercise"]
