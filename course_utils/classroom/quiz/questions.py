"""As perguntas do curso, em data/questions.json: um arquivo para editar, que se confere ao ser lido.

Cada pergunta traz, para cada opção, o que dizer a quem a escolhe. A pergunta aberta traz, em vez de opções, os
critérios (`rubric`) e uma resposta-modelo. As regras de quem as escreve estão em tests/test_questions.py.
"""

from dataclasses import dataclass

from pydantic import TypeAdapter

from course_utils.model import artifacts

FILE = artifacts.DATA / "questions.json"
HOW_TO_RESTORE = "Para restaurar o original: git checkout -- data/questions.json (ou baixe o projeto de novo)."


class QuestionError(ValueError):
    """O arquivo das perguntas não serve; a mensagem diz onde, e como o restaurar."""


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


def load(file=FILE):
    """Lê o arquivo e devolve as perguntas na ordem dele (tuple de Question); `QuestionError` se ele não serve."""
    try:
        return TypeAdapter(tuple[Question, ...]).validate_json(file.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError) as error:
        raise QuestionError(f"{file.name} não serve. {HOW_TO_RESTORE}\n{error}") from None


def group(notebook, kind):
    """As perguntas de um notebook e de um tipo (lista de Question)."""
    return [question for question in load() if (question.notebook, question.kind) == (notebook, kind)]
