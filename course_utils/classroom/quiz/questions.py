"""As perguntas do curso, em data/questions.json: um arquivo para editar, que se confere ao ser lido.

Cada pergunta traz, para cada opção, o que dizer a quem a escolhe. A pergunta aberta traz, em vez de opções, os
critérios (`rubric`) e uma resposta-modelo.
"""

import json
import re
from collections import Counter
from dataclasses import dataclass

from course_utils.model import artifacts

FILE = artifacts.DATA / "questions.json"
KINDS = ("recall", "closing", "lesson", "self")
ALL_OR_NONE = re.compile(
    r"\b(todas|nenhuma|ambas|as duas|n\.?d\.?a\.?)\b.*\b(anteriores|acima|alternativas|opções)\b", re.I
)
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
        raise QuestionError(f"Pergunta {repeated[0]}: esse id aparece mais de uma vez.")
    return questions


def group(notebook, kind, questions):
    """As perguntas de um notebook e de um tipo; levanta `QuestionError` se não há nenhuma."""
    chosen = tuple(item for item in questions if (item.notebook, item.kind) == (notebook, kind))
    if not chosen:
        known = ", ".join(sorted({f"{item.notebook} {item.kind}" for item in questions}))
        raise QuestionError(f"Não há perguntas “{kind}” de {notebook}. Há: {known}.")
    return chosen


def _parse(entry, number):
    """Uma entrada do arquivo, conferida, como `Question`."""
    name = entry.get("id") if isinstance(entry, dict) else None

    def demand(condition, expected):
        if not condition:
            raise QuestionError(f"Pergunta {name or f'número {number}'}: {expected}. {HOW_TO_RESTORE}")

    demand(isinstance(entry, dict) and _is_text(name), "cada uma é um objeto com um id")
    for field in ("notebook", "topic", "text"):
        demand(_is_text(entry.get(field)), f"falta o campo {field}, um texto")
    demand(entry.get("kind") in KINDS, f"kind deve ser um destes: {', '.join(KINDS)}")
    options, rubric = entry.get("options", []), entry.get("rubric", [])
    if rubric or not options:
        demand(not options, "ou tem opções, ou tem rubric, não os dois")
        demand(isinstance(rubric, list) and len(rubric) >= 3, "rubric deve ser uma lista de ao menos 3 critérios")
        demand(
            all(map(_is_text, rubric)) and len(set(rubric)) == len(rubric), "cada critério é um texto, sem repetir"
        )
        demand(_is_text(entry.get("model_answer")), "falta model_answer, a resposta-modelo")
    else:
        _check_options(options, demand)
    fields = {key: entry.get(key, "") for key in ("id", "notebook", "topic", "kind", "text", "model_answer")}
    return Question(**fields, options=tuple(Option(**option) for option in options), rubric=tuple(rubric))


def _check_options(options, demand):
    """De 3 a 5 opções diferentes, todas com um porquê, e exatamente uma certa."""
    demand(isinstance(options, list) and 3 <= len(options) <= 5, "deve ter de 3 a 5 opções")
    for option in options:
        whole = isinstance(option, dict) and set(option) == {"text", "correct", "feedback"}
        demand(whole, "cada opção tem text, correct e feedback, e só isso")
        demand(
            _is_text(option["text"]) and _is_text(option["feedback"]), "cada opção precisa de texto e de feedback"
        )
        demand(isinstance(option["correct"], bool), "correct é true ou false")
        demand(not ALL_OR_NONE.search(option["text"]), f"evite “{option['text']}”: cada opção diz uma coisa")
    for field in ("text", "feedback"):
        distinct = {option[field].strip().casefold() for option in options}
        demand(len(distinct) == len(options), f"há duas opções com o mesmo {field}")
    right = sum(option["correct"] for option in options)
    demand(right == 1, f"deve ter uma opção certa, e tem {right}")


def _is_text(value):
    return isinstance(value, str) and bool(value.strip())
