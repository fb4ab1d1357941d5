"""As perguntas numa célula: paradas, em HTML sem as respostas, e vivas: as de escolha, a aberta, o recomeço.

O HTML é o que se vê antes de rodar a célula e fora do JupyterLab.

Botões, e não os `RadioButtons` do ipywidgets: os dele não formam um grupo (as setas não andam entre eles) e cortam
o texto longo. Com botões bastam o mouse ou, no teclado, Tab e Enter.
"""

import html
import re

import ipywidgets as widgets

from course_utils.classroom import pages
from course_utils.classroom.quiz import answers

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


def inline(text):
    """O texto escapado, com `código` entre crases virando <code>."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(text, quote=False))


def plain(text):
    """O texto sem as crases, para onde não cabe HTML (um botão, por exemplo)."""
    return text.replace("`", "")


def heading(question, number, total):
    """O enunciado, com o seu lugar na série, em HTML."""
    return f"<strong>Pergunta {number} de {total}.</strong> {inline(question.text)}"


def group_html(questions):
    """As perguntas e as opções em listas ordenadas, e um convite a responder; nenhuma resposta."""
    parts = [NO_GHOST, '<div class="quiz-static">']
    for number, question in enumerate(questions, start=1):
        parts.append(f"<p>{heading(question, number, len(questions))}</p>")
        items = [f"<li>{inline(option.text)}</li>" for option in question.options]
        parts.append(f"<p>{OPEN_TASK}</p>" if question.is_open else "\n".join([LETTERED, *items, "</ol>"]))
    return "\n".join([*parts, f"<p><em>{INVITATION}</em></p>", "</div>"])


def group_text(questions):
    """Uma frase, para quem não mostra nem HTML."""
    total = len(questions)
    return f"{total} {'pergunta' if total == 1 else 'perguntas'}. {INVITATION}"


def build(questions):
    """O widget do grupo, já com o que o aluno respondeu antes (VBox)."""
    parts = [
        (Written if question.is_open else Choice)(question, number, len(questions))
        for number, question in enumerate(questions, start=1)
    ]
    news = widgets.HTML()

    def forget(_):
        answers.forget([question.id for question in questions])
        for part in parts:
            part.reset()
        news.value = _spoken("Respostas apagadas: pode recomeçar.")

    restart = pages.button("Recomeçar estas perguntas", forget, tooltip="Apaga as suas respostas a este grupo")
    return pages.board("quiz-board", *(part.box for part in parts), restart, news)


class Choice:
    """Uma pergunta de escolha: um botão por opção, e o porquê de cada uma assim que ela é escolhida.

    `box` é o widget da pergunta; `reset()` a deixa como antes da primeira resposta.
    """

    def __init__(self, question, number, total):
        self.question, self.feedback = question, widgets.HTML()
        # O `title` do botão é lido depois do texto: diz a quem só ouve de que pergunta é a opção.
        where = f"Pergunta {number} de {total}"
        self.buttons = [
            pages.button("", lambda _, chosen=option: self._choose(chosen), width="auto", tooltip=where)
            for option in question.options
        ]
        text = widgets.HTML(f"<p>{heading(question, number, total)}</p>")
        self.box = widgets.VBox([text, *self.buttons, self.feedback]).add_class("quiz-question")
        self.reset()

    def reset(self):
        """Mostra o que está guardado: nada, se ainda não houve resposta."""
        tried = answers.tried(self.question, answers.read())
        self._mark(tried)
        self.feedback.value = _why(tried[-1], "status") if tried else ""

    def _choose(self, option):
        tried = answers.tried(self.question, answers.read())
        if not tried or tried[-1] != option:
            tried.append(option)
            answers.update(self.question.id, tried=[item.text for item in tried])
        self._mark([*tried, option])
        self.feedback.value = _why(option, "alert")

    def _mark(self, tried):
        """Em cada botão, a letra e o texto; nos já escolhidos, também o sinal e a classe do acerto ou do erro."""
        for letter, option, button in zip(LETTERS, self.question.options, self.buttons):
            sign, style = _verdict(option) if option in tried else ("", "")
            button.description = f"{sign}{letter}. {plain(option.text)}"
            for name in ("quiz-right", "quiz-wrong"):
                (button.add_class if name == style else button.remove_class)(name)


class Written:
    """A pergunta aberta: o aluno escreve, marca os critérios que cumpriu e só então lê uma resposta-modelo.

    `box` é o widget da pergunta; `reset()` o refaz com o que está guardado.
    """

    def __init__(self, question, number, total):
        self.question = question
        self.statement = widgets.HTML(f"<p>{heading(question, number, total)}</p>")
        self.box = widgets.VBox().add_class("quiz-question")
        self.reset()

    def reset(self):
        """Mostra o que está guardado: nada, se ainda não houve resposta."""
        text, ticked = answers.written(self.question, answers.read())
        self.text = widgets.Textarea(
            text, description="Sua resposta:", rows=6, continuous_update=False, layout=_whole_line()
        )
        self.text.observe(lambda change: answers.update(self.question.id, written=change.new), "value")
        self.ticks = [self._tick(criterion, criterion in ticked) for criterion in self.question.rubric]
        self.news, self.criteria, self.model = widgets.HTML(), widgets.VBox(), widgets.HTML()
        if len(text.strip()) >= ENOUGH:
            self._reveal()
        check = pages.button("Conferir pelos critérios", self._check)
        self.box.children = (self.statement, self.text, check, self.news, self.criteria)

    def _tick(self, criterion, ticked):
        tick = widgets.Checkbox(ticked, description=plain(criterion), indent=False, layout=_whole_line())
        tick.observe(self._save_ticks, "value")
        return tick

    def _save_ticks(self, _):
        ticked = [criterion for criterion, tick in zip(self.question.rubric, self.ticks) if tick.value]
        answers.update(self.question.id, criteria=ticked)

    def _check(self, _):
        if len(self.text.value.strip()) < ENOUGH:
            self.news.value = _spoken(
                "Escreva antes ao menos uma frase inteira: os critérios aparecem em seguida."
            )
            return
        self._reveal()
        count = len(self.ticks)
        self.news.value = _spoken(f"Resposta guardada. Logo abaixo há {count} critérios para marcar.")

    def _reveal(self):
        title = widgets.HTML("<p><strong>Critérios.</strong> Releia a sua resposta e marque o que ela faz:</p>")
        read = pages.button("Ler uma resposta-modelo", self._show_model)
        self.criteria.children = (title, *self.ticks, read, self.model)

    def _show_model(self, _):
        met = sum(tick.value for tick in self.ticks)
        opening = f"<strong>Você marcou {met} de {len(self.ticks)}. Uma resposta-modelo:</strong> "
        self.model.value = _spoken(opening + inline(self.question.model_answer))


def _whole_line():
    return widgets.Layout(width="auto", height="auto")


def _verdict(option):
    """O sinal em texto, para que a cor nunca fale sozinha, e a classe de estilo do acerto ou do erro."""
    return ("✔ ", "quiz-right") if option.correct else ("✘ ", "quiz-wrong")


def _why(option, role):
    """O porquê da opção."""
    sign, style = _verdict(option)
    told = inline(option.feedback)
    return _spoken(
        f"{sign}{told}" if option.correct else f"{sign}Ainda não. {told} Tente outra opção.", role, style
    )


def _spoken(html, role="alert", style=""):
    return pages.spoken(html, role, f"quiz-feedback {style}".strip())
