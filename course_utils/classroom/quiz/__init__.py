"""As perguntas de cada notebook, com o porquê de cada opção; as respostas ficam só em artifacts/answers.json.

`show("02_onnx", "recall")` mostra um grupo; `results()` dá o resultado por assunto e `score()`, a tabela inteira.
"""

from course_utils.classroom.quiz import answers, board, questions, tally
from course_utils.classroom.quiz.questions import QuestionError
from course_utils.classroom.quiz.scoreboard import Score
from course_utils.classroom.quiz.tally import Result

__all__ = ["QuestionError", "Result", "results", "score", "show"]


def show(notebook, kind):
    """Mostra as perguntas de `notebook` do tipo `kind` e devolve quantas são (int).

    `kind`: "recall" (antes de começar), "closing" (no fim), "lesson" (as cinco da aula) ou "self" (autoavaliação).
    """
    group = questions.group(notebook, kind, questions.load())
    board.show(group)
    return len(group)


def results(kind=None):
    """`{assunto: Result(right, answered, total, notebook)}` das perguntas de escolha; com `kind`, só desse tipo.

    Conta a primeira resposta a cada pergunta; `notebook` é o que convém reler sobre o assunto.
    """
    return tally.by_topic(_of_kind(kind), answers.read())


def score(kind=None):
    """O resultado por assunto e por notebook, que a célula mostra como tabela (Score)."""
    chosen, saved = _of_kind(kind), answers.read()
    return Score(tally.by_topic(chosen, saved), tally.by_notebook(chosen, saved))


def _of_kind(kind):
    return [question for question in questions.load() if kind in (None, question.kind)]
