"""As perguntas do curso, em data/questions.json: um arquivo para editar, que se confere ao ser lido.

Cada pergunta traz, para cada opção, o que dizer a quem a escolhe. A pergunta aberta traz, em vez de opções, os
critérios (`rubric`) e uma resposta-modelo.
"""

import json
from collections import Counter
from dataclasses import dataclass

from course_utils.model import artifacts

FILE = artifacts.DATA / "questions.json"
KINDS = ("recall", "closing", "lesson", "self")
HOW_TO_RESTORE = "Para restaurar o original: git checkout -- data/questions.json (ou baixe o projeto de novo)."


class QuestionError(ValueError):
    """Uma pergunta não serve, ou não existe; a mensagem diz qual e o que se esperava."""


@dataclass(frozen=True)
class Option:
    """Uma opção e o que dizer a quem a escolhe."""

    text: str
    correct: bool
    feedback: str


@dataclass(frozen=True)
class Question:
    """Uma pergunta de `notebook` sobre `topic`; sem `options`, é aberta e tem `rubric` e `model_answer`."""

    id: str
    notebook: str
    topic: str
    kind: str
    text: str
    options: tuple[Option, ...] = ()
    rubric: tuple[str, ...] = ()
    model_answer: str = ""

    @property
    def is_open(self):
        """Verdadeiro se a resposta é escrita pelo aluno, e não escolhida."""
        return not self.options

    def option(self, text):
        """A opção com esse texto, ou None (a pergunta pode ter sido editada depois da resposta)."""
        return next((option for option in self.options if option.text == text), None)


def load(file=FILE):
    """Lê e confere o arquivo; devolve as perguntas na ordem dele (tuple de Question).

    Levanta `QuestionError` na primeira que não serve.
    """
    try:
        entries = json.loads(file.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise QuestionError(f"Falta o arquivo {file.name}. {HOW_TO_RESTORE}") from None
    except ValueError as error:
        raise QuestionError(f"{file.name} não é um JSON em UTF-8 ({error}). {HOW_TO_RESTORE}") from None
    if not isinstance(entries, list):
        raise QuestionError(f"{file.name} deve ser uma lista de perguntas. {HOW_TO_RESTORE}")
    questions = tuple(_parse(entry, number) for number, entry in enumerate(entries, start=1))
    repeated = [name for name, count in Counter(question.id for question in questions).items() if count > 1]
    if repeated:
        raise QuestionError(f"Pergunta {repeated[0]}: esse id aparece mais de uma vez. {HOW_TO_RESTORE}")
    return questions


def group(notebook, kind, questions):
    """As perguntas de um notebook e de um tipo; levanta `QuestionError` se não há nenhuma."""
    chosen = tuple(item for item in questions if (item.notebook, item.kind) == (notebook, kind))
    if not chosen:
        known = ", ".join(sorted({f"{item.notebook} {item.kind}" for item in questions}))
        raise QuestionError(f"Não há perguntas “{kind}” de {notebook}. Há: {known}.")
    return chosen


def _parse(entry, number):
    """Uma entrada do arquivo como `Question`; as regras de quem as escreve estão em tests/test_questions.py."""
    try:
        options = tuple(Option(**option) for option in entry.get("options", ()))
        question = Question(**entry | {"options": options, "rubric": tuple(entry.get("rubric", ()))})
    except (TypeError, AttributeError) as error:
        raise QuestionError(f"A {number}.ª pergunta está incompleta ({error}). {HOW_TO_RESTORE}") from None
    if question.kind not in KINDS:
        raise QuestionError(
            f"Pergunta {question.id}: kind deve ser um destes: {', '.join(KINDS)}. {HOW_TO_RESTORE}"
        )
    return question
