"""As perguntas do curso, em data/questions.json: um arquivo para editar, que se confere ao ser lido.

Cada pergunta traz, para cada opção, o que dizer a quem a escolhe. A pergunta aberta traz, em vez de opções, os
critérios (`rubric`) e uma resposta-modelo. As regras de quem as escreve estão em tests/test_questions.py.
"""

import json
from dataclasses import dataclass

from course_utils.model import artifacts

FILE = artifacts.DATA / "questions.json"
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
    """Lê o arquivo e devolve as perguntas na ordem dele (tuple de Question); `QuestionError` se ele não serve."""
    questions = []
    try:
        for entry in json.loads(file.read_text(encoding="utf-8-sig")):
            options = tuple(Option(**option) for option in entry.get("options", ()))
            questions.append(Question(**entry | {"options": options, "rubric": tuple(entry.get("rubric", ()))}))
    except (OSError, ValueError, TypeError, AttributeError) as error:
        place = f" a partir da {len(questions) + 1}.ª pergunta"
        raise QuestionError(f"{file.name} não serve{place} ({error}). {HOW_TO_RESTORE}") from None
    return tuple(questions)


def group(notebook, kind, questions):
    """As perguntas de um notebook e de um tipo; levanta `QuestionError` se não há nenhuma."""
    chosen = tuple(item for item in questions if (item.notebook, item.kind) == (notebook, kind))
    if not chosen:
        raise QuestionError(f"Não há perguntas “{kind}” de {notebook} em {FILE.name}.")
    return chosen
