"""As perguntas do curso, que se editam em data/questions.json, e as respostas do aluno, só na máquina dele.

Cada pergunta traz, para cada opção, o que dizer a quem a escolhe. A pergunta aberta traz, em vez de opções, os
critérios (`rubric`) e uma resposta-modelo. As regras de quem as escreve estão em tests/test_questions.py.

As respostas ficam em artifacts/answers.json: de cada pergunta de escolha, os textos escolhidos, do primeiro ao
último (`tried`); da aberta, o que se escreveu (`written`). No resultado só a primeira escolha conta.
"""

from dataclasses import dataclass
from typing import NamedTuple

from pydantic import TypeAdapter

from course_utils import files
from course_utils.classroom import state, tables

FILE = files.DATA / "questions.json"
ANSWERS = state.FOLDER / "answers.json"
HEADS = ("Assunto", "Certas de primeira", "Para reler")


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
        raise QuestionError(f"{file.name} não serve. {files.how_to_restore(file)}\n{error}") from None


def group(notebook, kind):
    """As perguntas de um notebook e de um tipo (lista de Question)."""
    return [question for question in load() if (question.notebook, question.kind) == (notebook, kind)]


def tried(question, saved):
    """As opções que o aluno já escolheu (list de Option), da primeira à última; uma que mudou não conta."""
    known = {option.text: option for option in question.options}
    return [known[text] for text in saved.get(question.id, {}).get("tried", []) if text in known]


class Result(NamedTuple):
    """`right` certas de primeira, entre `answered` respondidas, de `total`."""

    right: int = 0
    answered: int = 0
    total: int = 0

    def __str__(self):
        """Quantas certas de quantas respondidas: "3 de 5 (faltam 2)"."""
        missing = self.total - self.answered
        verb = "falta" if missing == 1 else "faltam"
        return f"{self.right} de {self.answered}" + (f" ({verb} {missing})" if missing else "")


@dataclass(frozen=True)
class Score(tables.Table):
    """A tabela por assunto; `by_topic` e `by_notebook`: `{nome: Result}`, na ordem do curso."""

    by_topic: dict
    by_notebook: dict


def score():
    """O resultado por assunto, que a célula mostra como tabela, e por notebook (`Score`)."""
    saved, by_topic, by_notebook, taught = state.read(ANSWERS), {}, {}, {}
    for question in load():
        if not question.options:
            continue
        first = tried(question, saved)[:1]
        right = sum(option.correct for option in first)
        for kept, name in (by_topic, question.topic), (by_notebook, question.notebook):
            old = kept.get(name, Result())
            kept[name] = Result(old.right + right, old.answered + len(first), old.total + 1)
        if question.kind == "closing":
            taught.setdefault(question.topic, {})[question.notebook] = None  # na ordem, sem repetir
    rows = [
        (topic, result, _to_read(taught.get(topic, ())) if result.right < result.answered else "–")
        for topic, result in by_topic.items()
    ]
    return Score("Por assunto", HEADS, rows, by_topic, by_notebook)


def _to_read(notebooks):
    """Os notebooks da aula, ou os laboratórios de um assunto que só eles ensinam (str)."""
    lessons = [name for name in notebooks if "/" not in name]
    return ", ".join(lessons or notebooks)
