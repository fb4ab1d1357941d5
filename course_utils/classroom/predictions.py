"""Preveja: o palpite que o aluno dá com um clique, antes de rodar a célula, e o que ela mediu ao lado dele.

Os palpites ficam em artifacts/predictions.json: `{notebook: {pergunta: {"guess": texto, "measured": texto}}}`.
"""

from html import escape
from pathlib import Path

import ipywidgets as widgets
from IPython.display import display

from course_utils.classroom import state, tables

FILE = state.FOLDER / "predictions.json"
STYLE = Path(__file__).with_name("predictions.css").read_text(encoding="utf-8")
CAPTION, HEADS = "O que você previu", ("Pergunta", "Você previu", "Mediu")
INVITATION = "Para dar o seu palpite, rode esta célula (Shift + Enter)."


class Prediction:
    """Um palpite. `guess`: o texto escolhido, ou None enquanto não houver."""

    def __init__(self, notebook, about, file=FILE):
        self.notebook, self.about, self.file = notebook, about, file

    @property
    def guess(self):
        """O palpite guardado (str), ou None."""
        return read(self.file).get(self.notebook, {}).get(self.about, {}).get("guess")

    def keep(self, **fields):
        """Guarda `guess` ou `measured`; sem espaço no disco, perde-se a anotação, não a aula."""

        def change(saved):
            kept = saved.get(self.notebook, {})
            return saved | {self.notebook: kept | {self.about: kept.get(self.about, {}) | fields}}

        state.note(self.file, change)

    def compare(self, measured):
        """Mostra o palpite ao lado de `measured` (str, com unidade, como em "7,4 MB") e guarda os dois."""
        self.keep(measured=measured)
        guess = self.guess
        told = f"Você previu: {guess}. Mediu: {measured}." if guess else f"Mediu: {measured} (sem palpite seu)."
        page = f'{tables.FOLDED}<p class="preveja-resultado"><strong>{escape(told)}</strong></p>'
        display({"text/html": page, "text/plain": told}, raw=True)


def ask(notebook, about, *, options=(), unit="", file=FILE):
    """Mostra as `options` (textos) como botões, ou um campo para um número em `unit`; devolve o `Prediction`.

    A pergunta em si está no texto acima da célula; `about` é o nome dela no passaporte ("Tamanho do ONNX"). Nada
    espera pela resposta: "Executar todas" segue.
    """
    prediction = Prediction(notebook, about, file)
    static = _static(options, unit)
    display({"text/html": static, "text/plain": _plain(options, unit)}, raw=True)
    live = _buttons(prediction, options) if options else _field(prediction, unit)
    view = live._repr_mimebundle_()
    view.pop("text/plain", None)  # só o widget: o texto já está na saída de cima
    display(view, raw=True)
    return prediction


def read(file=FILE):
    """`{notebook: {pergunta: {"guess": …, "measured": …}}}`; vazio se nada foi previsto ou o arquivo estragou."""
    return {name: kept for name, kept in state.read(file).items() if isinstance(kept, dict)}


def rows(notebook=None, file=FILE):
    """As linhas da tabela de cabeçalhos `HEADS`: o que se previu, em todos os notebooks ou só neste."""
    return [
        (about, kept["guess"], kept.get("measured", "–"))
        for name, answers in read(file).items()
        for about, kept in answers.items()
        if notebook in (None, name) and isinstance(kept, dict) and "guess" in kept
    ]


def show(notebook=None):
    """Mostra na célula o que o aluno previu e o que mediu; nada, se ele não previu."""
    if found := rows(notebook):
        tables.show(CAPTION, HEADS, found)


def _buttons(prediction, options):
    news = widgets.HTML(_told(prediction.guess))
    buttons = [
        widgets.Button(description=option, layout=widgets.Layout(width="auto", height="auto"))
        for option in options
    ]

    def choose(button):
        prediction.keep(guess=button.description)
        mark(button.description)
        news.value = _told(button.description)

    def mark(guess):
        for button in buttons:
            (button.add_class if button.description == guess else button.remove_class)("preveja-escolhido")

    for button in buttons:
        button.on_click(choose)
    mark(prediction.guess)
    return _board(widgets.HBox(buttons).add_class("preveja-opcoes"), news)


def _field(prediction, unit):
    news = widgets.HTML(_told(prediction.guess))
    text = widgets.Text(placeholder="um número", continuous_update=False, layout=widgets.Layout(width="9em"))
    button = widgets.Button(description="Prever", layout=widgets.Layout(width="auto"))

    def choose(_):
        guess = " ".join(text.value.split())[:40]
        if guess:
            prediction.keep(guess=f"{guess} {unit}".strip())
            news.value = _told(prediction.guess)

    text.observe(choose, "value")  # Enter, ou sair do campo
    button.on_click(choose)
    return _board(widgets.HBox([text, widgets.HTML(f"<span>{escape(unit)}</span>"), button]), news)


def _board(*parts):
    return widgets.VBox([widgets.HTML(f"<style>{STYLE}</style>"), *parts]).add_class("preveja")


def _told(guess):
    """O recado embaixo dos botões, numa região que o leitor de telas anuncia."""
    return f'<div role="status">Anotado: {escape(guess)}. Rode a célula seguinte.</div>' if guess else ""


def _static(options, unit):
    items = "".join(f"<li>{escape(option)}</li>" for option in options)
    body = f"<ul>{items}</ul>" if options else f"<p>Um número, em {escape(unit)}.</p>"
    return f'<div class="preveja-static">{body}<p><em>{INVITATION}</em></p></div>'


def _plain(options, unit):
    return " · ".join(options) if options else f"Um número, em {unit}."
