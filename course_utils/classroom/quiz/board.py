"""As perguntas numa célula: paradas, em HTML sem as respostas, e vivas: as de escolha e a aberta.

O HTML é o que se vê antes de rodar a célula e fora do JupyterLab.
"""

import html
import re

import ipywidgets as widgets

from course_utils.classroom import pages, state
from course_utils.classroom.quiz import questions
from course_utils.measure.numbers import count

LETTERS = "ABCDE"
ENOUGH = 40  # letras: com menos que uma frase curta não há o que conferir

INVITATION = "Para responder aqui mesmo, ou retomar de onde parou, rode esta célula (Shift + Enter)."
# O JupyterLab obedece ao estilo; o GitHub, que o apaga, ao atributo.
LETTERED = '<ol type="A" style="list-style-type: upper-alpha">'
# Na volta de quem salvou e fechou, o quiz vivo já não existe: sem isto, um erro em inglês aparece no lugar dele.
NO_GHOST = (
    "<style>.jp-OutputArea-child:has(.quiz-static) + * > .jp-OutputArea-output:not(:has(*)) "
    "{ display: none; }</style>"
)
OPEN_TASK = "Pergunta aberta: você escreve, confere pelos critérios e depois lê uma resposta-modelo."
TOO_SHORT = "Escreva antes ao menos uma frase inteira: os critérios aparecem em seguida."


def inline(text):
    """O texto escapado, com `código` entre crases virando <code>."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(text, quote=False))


def show(notebook, kind):
    """Mostra as perguntas de `notebook` do tipo `kind`.

    `kind`: "recall" (antes de começar), "closing" (no fim), "lesson" (as cinco da aula) ou "self" (autoavaliação).
    """
    group = questions.group(notebook, kind)
    pages.show_alive(group_html(group), group_text(group), build(group))


def group_html(group):
    """As perguntas e as opções em listas ordenadas, e um convite a responder; nenhuma resposta."""
    parts = [NO_GHOST, '<div class="quiz-static">']
    for question, place in _numbered(group):
        parts.append(_title(question, place))
        items = [f"<li>{inline(option.text)}</li>" for option in question.options]
        parts.append("\n".join([LETTERED, *items, "</ol>"]) if items else f"<p>{OPEN_TASK}</p>")
    return "\n".join([*parts, f"<p><em>{INVITATION}</em></p>", "</div>"])


def group_text(group):
    """Uma frase, para quem não mostra nem HTML."""
    return f"{count(len(group), 'pergunta')}. {INVITATION}"


def build(group):
    """O widget do grupo, já com o que o aluno respondeu antes (VBox)."""
    boxes = []
    for question, place in _numbered(group):
        parts = _choice(question, place) if question.options else _essay(question)
        boxes.append(widgets.VBox([widgets.HTML(_title(question, place)), *parts]).add_class("quiz-question"))
    return pages.board("quiz-board", *boxes)


def _numbered(group):
    """Cada pergunta com o seu lugar na série: "Pergunta 1 de 2"."""
    return [(question, f"Pergunta {n} de {len(group)}") for n, question in enumerate(group, start=1)]


def _title(question, place):
    return f"<p><strong>{place}.</strong> {inline(question.text)}</p>"


def _choice(question, place):
    """Um botão por opção, e o porquê de cada uma assim que ela é escolhida."""
    tried = questions.tried(question, state.read(questions.ANSWERS))
    why = widgets.HTML(_why(question, tried[-1], "status") if tried else "")

    def choose(option):
        tried.append(option)
        state.add(questions.ANSWERS, question.id, tried=[item.text for item in tried])
        why.value = _why(question, option, "alert")

    texts = [item.text.replace("`", "") for item in question.options]  # num botão não cabe HTML
    options = [(f"{letter}. {text}", item) for letter, text, item in zip(LETTERS, texts, question.options)]
    # O `title` do botão é lido depois do texto: diz a quem só ouve de que pergunta é a opção.
    return pages.choice(options, tried[-1] if tried else None, choose, tooltip=place), why


def _essay(question):
    """O aluno escreve, marca os critérios que cumpriu e só então abre uma resposta-modelo."""
    written = state.read(questions.ANSWERS).get(question.id, {}).get("written", "")
    text = widgets.Textarea(written, description="Sua resposta:", rows=6, continuous_update=False)
    text.observe(lambda change: state.add(questions.ANSWERS, question.id, written=change.new), "value")
    news = widgets.HTML()

    def check(_):
        news.value = _criteria(question) if len(text.value.strip()) >= ENOUGH else pages.spoken(TOO_SHORT)

    return text, pages.button("Conferir pelos critérios", check), news


def _criteria(question):
    """Os critérios para marcar e, dobrada, a resposta-modelo (HTML)."""
    told = f"Resposta guardada. Releia-a e marque o que ela faz: há {len(question.rubric)} critérios."
    ticks = [f'<p><label><input type="checkbox"> {inline(criterion)}</label></p>' for criterion in question.rubric]
    model = f"<details><summary>Ler uma resposta-modelo</summary><p>{inline(question.model_answer)}</p></details>"
    return "\n".join([pages.spoken(told), *ticks, model])


def _why(question, option, role):
    """O porquê da opção; a letra e o sinal dizem em texto o que a cor também diz."""
    letter, told = LETTERS[question.options.index(option)], inline(option.feedback)
    if option.correct:
        return pages.spoken(f"✔ {letter}. {told}", role, "quiz-right")
    return pages.spoken(f"✘ {letter}. Ainda não. {told} Tente outra opção.", role, "quiz-wrong")
