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

    right: int
    answered: int
    total: int

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
    choices, saved = [question for question in questions.load() if question.options], read()
    topics, rows = _groups(choices, "topic"), []
    by_topic = {topic: _result(own, saved) for topic, own in topics.items()}
    for topic, result in by_topic.items():
        # Do assunto, os notebooks da aula que fecham com ele.
        lessons = [item.notebook for item in topics[topic] if item.kind == "closing" and "/" not in item.notebook]
        rows.append((topic, result, ", ".join(dict.fromkeys(lessons)) if result.right < result.answered else "–"))
    by_notebook = {name: _result(own, saved) for name, own in _groups(choices, "notebook").items()}
    return Score("Por assunto", HEADS, rows, by_topic, by_notebook)


def _groups(choices, field):
    """`{valor do campo: as perguntas que o têm}`, na ordem em que aparecem."""
    names = dict.fromkeys(getattr(question, field) for question in choices)
    return {name: [item for item in choices if getattr(item, field) == name] for name in names}


def _result(choices, saved):
    first = [chosen[0] for question in choices if (chosen := tried(question, saved))]
    return Result(sum(option.correct for option in first), len(first), len(choices))
