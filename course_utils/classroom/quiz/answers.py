"""As respostas do aluno, em artifacts/answers.json: ficam só na máquina dele, e um arquivo estragado não é erro.

De cada pergunta de escolha guarda-se a lista dos textos escolhidos, do primeiro ao último (`tried`); da aberta, o
texto (`written`) e os critérios marcados (`criteria`).
"""

from course_utils.classroom import state

FILE = state.FOLDER / "answers.json"


def read(file=FILE):
    """`{id da pergunta: {campo: valor}}`; vazio se nada foi respondido, e sem as entradas que estragaram."""
    return _entries(state.read(file))


def _entries(saved):
    return {name: entry for name, entry in saved.items() if isinstance(entry, dict)}


def update(name, file=FILE, **fields):
    """Troca estes campos da resposta à pergunta `name` e deixa os outros como estavam."""
    state.note(file, lambda saved: _entries(saved) | {name: _entries(saved).get(name, {}) | fields})


def forget(names, file=FILE):
    """Apaga as respostas às perguntas `names`."""
    state.note(file, lambda saved: {name: entry for name, entry in saved.items() if name not in names})


def tried(question, saved):
    """As opções que o aluno já escolheu (list de Option), da primeira à última; vazia se nenhuma."""
    texts = _texts(saved.get(question.id, {}).get("tried"))
    return [option for option in map(question.option, texts) if option]


def written(question, saved):
    """`(texto, critérios marcados)` da pergunta aberta."""
    entry = saved.get(question.id, {})
    text = entry.get("written")
    ticked = [criterion for criterion in question.rubric if criterion in _texts(entry.get("criteria"))]
    return text if isinstance(text, str) else "", ticked


def _texts(value):
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []
