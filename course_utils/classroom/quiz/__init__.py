"""As perguntas de cada notebook, com o porquê de cada opção; as respostas ficam só em artifacts/answers.json.

`show("02_onnx", "recall")` mostra um grupo; `score()` dá o resultado por assunto e por notebook.
"""

from course_utils.classroom.quiz.board import show
from course_utils.classroom.quiz.questions import score

__all__ = ["score", "show"]
