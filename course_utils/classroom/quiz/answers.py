"""As respostas do aluno, em artifacts/answers.json, e o resultado delas: ficam só na máquina dele.

De cada pergunta de escolha guarda-se a lista dos textos escolhidos, do primeiro ao último (`tried`); da aberta, o
texto (`written`) e os critérios marcados (`criteria`). No resultado só a primeira escolha conta.
"""

from typing import NamedTuple

from course_utils.classroom import state, tables

FILE = state.FOLDER / "answers.json"


def read():
    """`{id da pergunta: {campo: valor}}`; vazio se nada foi respondido."""
    return state.read(FILE)


def update(name, **fields):
    """Troca estes campos da resposta à pergunta `name` e deixa os outros como estavam."""
    state.note(FILE, lambda saved: saved | {name: saved.get(name, {}) | fields})


def forget(names):
    """Apaga as respostas às perguntas `names`."""
    state.note(FILE, lambda saved: {name: entry for name, entry in saved.items() if name not in names})


def tried(question, saved):
    """As opções que o aluno já escolheu (list de Option), da primeira à última; vazia se nenhuma."""
    texts = saved.get(question.id, {}).get("tried", [])
    return [option for option in map(question.option, texts) if option]


def written(question, saved):
    """`(texto, critérios marcados)` da pergunta aberta."""
    entry = saved.get(question.id, {})
    ticked = entry.get("criteria", [])
    return entry.get("written", ""), [criterion for criterion in question.rubric if criterion in ticked]


class Result(NamedTuple):
    """`right` certas de primeira, entre `answered` respondidas, de `total`; `notebook` é o que convém reler."""

    right: int
    answered: int
    total: int
    notebook: str

    def __str__(self):
        """Quantas certas de quantas respondidas: "3 de 5 (faltam 2)"."""
        missing = self.total - self.answered
        return f"{self.right} de {self.answered}" + (f" (faltam {missing})" if missing else "")


class Score:
    """`by_topic` e `by_notebook`: `{nome: Result}`, na ordem do curso; a célula mostra o primeiro."""

    def __init__(self, questions, saved):
        choices = [question for question in questions if not question.is_open]
        self.by_topic = {
            topic: _result(own, saved, _weakest(own, saved)) for topic, own in _groups(choices, "topic")
        }
        self.by_notebook = {name: _result(own, saved, name) for name, own in _groups(choices, "notebook")}

    def _table(self):
        rows = [
            (topic, result, result.notebook if result.right < result.answered else "–")
            for topic, result in self.by_topic.items()
        ]
        return tables.Table("Por assunto", ("Assunto", "Certas de primeira", "Para reler"), rows)

    def _repr_html_(self):
        return self._table().html()

    def __repr__(self):
        return self._table().text()


def _groups(questions, field):
    """Pares `(valor do campo, as perguntas que o têm)`, na ordem em que aparecem."""
    for value in dict.fromkeys(getattr(question, field) for question in questions):
        yield value, [question for question in questions if getattr(question, field) == value]


def _weakest(questions, saved):
    """Dos notebooks da aula que fecham com o assunto, o de menos acertos; no empate, o primeiro."""
    closing = [item for item in questions if item.kind == "closing" and "/" not in item.notebook] or questions
    shares = {name: _result(own, saved, name).right / len(own) for name, own in _groups(closing, "notebook")}
    return min(shares, key=shares.get)


def _result(questions, saved, notebook):
    first = [chosen[0] for question in questions if (chosen := tried(question, saved))]
    return Result(sum(option.correct for option in first), len(first), len(questions), notebook)
