"""Preveja: o palpite que o aluno dá com um clique, antes de rodar a célula, e o que ela mediu ao lado dele.

Os palpites ficam em artifacts/predictions.json: `{notebook: {pergunta: {"guess": texto, "measured": texto}}}`.
"""

from html import escape

import ipywidgets as widgets
from IPython.display import display

from course_utils.classroom import pages, state, tables

FILE = state.FOLDER / "predictions.json"
INVITATION = "Para dar o seu palpite, rode esta célula (Shift + Enter)."


class Prediction:
    """Um palpite. `guess`: o texto escolhido, ou None enquanto não houver."""

    def __init__(self, notebook, about):
        self.notebook, self.about = notebook, about

    @property
    def guess(self):
        """O palpite guardado (str), ou None."""
        return state.read(FILE).get(self.notebook, {}).get(self.about, {}).get("guess")

    def keep(self, **fields):
        """Guarda `guess` ou `measured`; sem espaço no disco, perde-se a anotação, não a aula."""

        def change(saved):
            kept = saved.get(self.notebook, {})
            return saved | {self.notebook: kept | {self.about: kept.get(self.about, {}) | fields}}

        state.note(FILE, change)

    def compare(self, measured):
        """Mostra o palpite ao lado de `measured` (str, com unidade, como em "7,4 MB") e guarda os dois."""
        self.keep(measured=measured)
        guess = self.guess
        told = f"Você previu: {guess}. Mediu: {measured}." if guess else f"Mediu: {measured} (sem palpite seu)."
        page = f'{tables.FOLDED}<p class="preveja-resultado"><strong>{escape(told)}</strong></p>'
        display({"text/html": page, "text/plain": told}, raw=True)


def ask(notebook, about, *, options=(), unit=""):
    """Mostra as `options` (textos) como botões, ou um campo para um número em `unit`; devolve o `Prediction`.

    A pergunta em si está no texto acima da célula; `about` é o nome dela no passaporte ("Tamanho do ONNX"). Nada
    espera pela resposta: "Executar todas" segue.
    """
    prediction = Prediction(notebook, about)
    text = " · ".join(options) if options else f"Um número, em {unit}."
    items = "".join(f"<li>{escape(option)}</li>" for option in options)
    body = f"<ul>{items}</ul>" if options else f"<p>{escape(text)}</p>"
    static = f'<div class="preveja-static">{body}<p><em>{INVITATION}</em></p></div>'
    pages.show_alive(static, text, _buttons(prediction, options) if options else _field(prediction, unit))
    return prediction


def table(notebook=None):
    """O que o aluno previu e o que mediu (`Table`), em todos os notebooks ou só neste; None, se ele não previu."""
    saved = state.read(FILE)
    rows = [
        (about, kept["guess"], kept.get("measured", "–"))
        for name in ([notebook] if notebook else saved)
        for about, kept in saved.get(name, {}).items()
        if "guess" in kept
    ]
    return tables.Table("O que você previu", ("Pergunta", "Você previu", "Mediu"), rows) if rows else None


def show(notebook=None):
    """Mostra na célula a tabela dos palpites; nada, se não houve nenhum."""
    if found := table(notebook):
        found.show()


def _buttons(prediction, options):
    news = widgets.HTML(_told(prediction.guess))

    def choose(button):
        prediction.keep(guess=button.description)
        mark(button.description)
        news.value = _told(button.description)

    def mark(guess):
        for button in buttons:
            (button.add_class if button.description == guess else button.remove_class)("preveja-escolhido")

    buttons = [pages.button(option, choose) for option in options]
    mark(prediction.guess)
    return pages.board("preveja", widgets.HBox(buttons).add_class("preveja-opcoes"), news)


def _field(prediction, unit):
    news = widgets.HTML(_told(prediction.guess))
    text = widgets.Text(placeholder="um número", continuous_update=False, layout=widgets.Layout(width="9em"))

    def choose(_):
        guess = " ".join(text.value.split())[:40]
        if guess:
            prediction.keep(guess=f"{guess} {unit}".strip())
            news.value = _told(prediction.guess)

    text.observe(choose, "value")  # Enter, ou sair do campo
    line = [text, widgets.HTML(f"<span>{escape(unit)}</span>"), pages.button("Prever", choose)]
    return pages.board("preveja", widgets.HBox(line), news)


def _told(guess):
    """O recado embaixo dos botões."""
    return pages.spoken(f"Anotado: {escape(guess)}. Rode a célula seguinte.", "status") if guess else ""
