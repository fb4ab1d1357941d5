"""Preveja: o palpite que o aluno dá com um clique, antes de rodar a célula, e o que ela mediu ao lado dele.

Os palpites ficam em artifacts/predictions.json: `{"notebook: pergunta": {"guess": texto, "measured": texto}}`.
"""

from html import escape

import ipywidgets as widgets
from IPython.display import display

from course_utils.classroom import pages, state, tables

FILE = state.FOLDER / "predictions.json"
INVITATION = "Para dar o seu palpite, rode esta célula (Shift + Enter)."


class Prediction:
    """Um palpite."""

    def __init__(self, notebook, about):
        self.name = f"{notebook}: {about}"

    @property
    def guess(self):
        """O palpite guardado (str), ou None enquanto não houver."""
        return state.read(FILE).get(self.name, {}).get("guess")

    def compare(self, measured):
        """Mostra o palpite ao lado de `measured` (str, com unidade, como em "7,4 MB") e guarda os dois."""
        state.add(FILE, self.name, measured=measured)
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
    text = " · ".join(options) if options else f"Um número ({unit})."
    items = "".join(f"<li>{escape(option)}</li>" for option in options)
    body = f"<ul>{items}</ul>" if options else f"<p>{escape(text)}</p>"
    static = f'<div class="preveja-static">{body}<p><em>{INVITATION}</em></p></div>'
    pages.show_alive(static, text, _board(prediction, options, unit))
    return prediction


def table(notebook=""):
    """O que o aluno previu e o que mediu (`Table`), neste notebook ou em todos; None, se ele não previu nada."""
    rows = []
    for name, kept in state.read(FILE).items():
        home, _, about = name.partition(": ")
        if "guess" in kept and notebook in ("", home):
            rows.append((about, kept["guess"], kept.get("measured", "–")))
    return tables.Table("O que você previu", ("Pergunta", "Você previu", "Mediu"), rows) if rows else None


def show(notebook=""):
    """Mostra na célula a tabela dos palpites; nada, se não houve nenhum."""
    if found := table(notebook):
        display(found)


def _board(prediction, options, unit):
    """O widget que recebe o palpite, já com o que o aluno deu antes (VBox)."""
    guess = prediction.guess
    news = widgets.HTML(_told(guess) if guess else "")

    def keep(guess):
        state.add(FILE, prediction.name, guess=guess)
        news.value = _told(guess)

    def keep_number(_):
        if number := " ".join(text.value.split())[:40]:
            keep(f"{number} {unit}".strip())

    if options:
        return pages.board("preveja", pages.choice(options, guess if guess in options else None, keep), news)
    text = widgets.Text(placeholder="um número", continuous_update=False, layout=widgets.Layout(width="9em"))
    text.observe(keep_number, "value")  # Enter, ou sair do campo
    line = [text, widgets.HTML(f"<span>{escape(unit)}</span>"), pages.button("Prever", keep_number)]
    return pages.board("preveja", widgets.HBox(line), news)


def _told(guess):
    return pages.spoken(f"Anotado: {escape(guess)}. Rode a célula seguinte.", "status")
