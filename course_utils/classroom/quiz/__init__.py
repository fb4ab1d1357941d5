"""As perguntas de cada notebook, com o porquê de cada opção; as respostas ficam só em artifacts/answers.json.

`show("02_onnx", "recall")` mostra um grupo; `score()` dá o resultado por assunto e por notebook.
"""

from course_utils.classroom import pages
from course_utils.classroom.quiz import answers, board, questions

__all__ = ["score", "show"]


def show(notebook, kind):
    """Mostra as perguntas de `notebook` do tipo `kind` e devolve quantas são (int).

    `kind`: "recall" (antes de começar), "closing" (no fim), "lesson" (as cinco da aula) ou "self" (autoavaliação).
    """
    group = questions.group(notebook, kind, questions.load())
    pages.show_alive(board.group_html(group), board.group_text(group), board.build(group))
    return len(group)


def score():
    """O resultado por assunto, que a célula mostra como tabela, e por notebook (`answers.Score`)."""
    return answers.score(questions.load())
