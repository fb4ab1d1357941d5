"""O resultado das perguntas de escolha, por assunto e por notebook. Só a primeira resposta conta."""

from typing import NamedTuple

from course_utils.classroom.quiz import answers


class Result(NamedTuple):
    """`right` certas de primeira, entre `answered` respondidas, de `total`; `notebook` é o que convém reler."""

    right: int
    answered: int
    total: int
    notebook: str


def by_topic(questions, saved):
    """`{assunto: Result}`, na ordem do curso; `notebook` é o do assunto em que houve menos acertos."""
    choices = [question for question in questions if not question.is_open]
    topics = {}
    for topic in dict.fromkeys(question.topic for question in choices):
        own = [question for question in choices if question.topic == topic]
        topics[topic] = _result(own, saved, _weakest(own, saved))
    return topics


def by_notebook(questions, saved):
    """`{notebook: Result}`, na ordem do curso."""
    choices = [question for question in questions if not question.is_open]
    return {
        name: _result([question for question in choices if question.notebook == name], saved, name)
        for name in dict.fromkeys(question.notebook for question in choices)
    }


def _weakest(questions, saved):
    """Dos notebooks da aula que fecham com o assunto, o de menos acertos; no empate, o primeiro."""
    closing = [item for item in questions if item.kind == "closing" and "/" not in item.notebook] or questions
    homes = dict.fromkeys(question.notebook for question in closing)
    return min(homes, key=lambda home: _share([item for item in closing if item.notebook == home], saved))


def _share(questions, saved):
    return _result(questions, saved, "").right / len(questions)


def _result(questions, saved, notebook):
    first = [chosen[0] for question in questions if (chosen := answers.tried(question, saved))]
    return Result(sum(option.correct for option in first), len(first), len(questions), notebook)
