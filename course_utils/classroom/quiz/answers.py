"""As respostas do aluno, em artifacts/answers.json, e o resultado delas: ficam só na máquina dele.

De cada pergunta de escolha guardam-se os textos escolhidos, do primeiro ao último (`tried`); da aberta, o que se
escreveu (`written`). No resultado só a primeira escolha conta.
"""

from dataclasses import dataclass
from typing import NamedTuple

from course_utils.classroom import state, tables
from course_utils.classroom.quiz import questions

FILE = state.FOLDER / "answers.json"
HEADS = ("Assunto", "Certas de primeira", "Para reler")


def read():
    """`{id da pergunta: {campo: valor}}`; vazio se nada foi respondido."""
    return state.read(FILE)


def update(name, **fields):
    """Troca estes campos da resposta à pergunta `name` e deixa os outros como estavam."""
    state.add(FILE, name, **fields)


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
        return f"{self.right} de {self.answered}" + (f" (faltam {missing})" if missing else "")


@dataclass(frozen=True)
class Score(tables.Table):
    """A tabela por assunto; `by_topic` e `by_notebook`: `{nome: Result}`, na ordem do curso."""

    by_topic: dict
    by_notebook: dict


def score():
    """O resultado por assunto, que a célula mostra como tabela, e por notebook (`Score`)."""
    saved, by_topic, by_notebook, lessons = read(), {}, {}, {}
    for question in questions.load():
        if not question.options:
            continue
        first = tried(question, saved)[:1]
        right = sum(option.correct for option in first)
        for kept, name in (by_topic, question.topic), (by_notebook, question.notebook):
            old = kept.get(name, Result())
            kept[name] = Result(old.right + right, old.answered + len(first), old.total + 1)
        if question.kind == "closing" and "/" not in question.notebook:
            lessons.setdefault(question.topic, {})[question.notebook] = None  # na ordem, sem repetir
    rows = [
        (topic, result, ", ".join(lessons.get(topic, "–")) if result.right < result.answered else "–")
        for topic, result in by_topic.items()
    ]
    return Score("Por assunto", HEADS, rows, by_topic, by_notebook)
