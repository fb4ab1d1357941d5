"""O que o quiz e o Preveja têm em comum: um HTML parado, que fica guardado, e o widget vivo que o esconde."""

from html import escape
from pathlib import Path

import ipywidgets as widgets
from IPython.display import display

STYLE = Path(__file__).with_name("live.css")


def show(static, text, view):
    """Mostra na célula `static` (HTML; `text`, onde não há HTML) e, embaixo dele, o widget `view`."""
    display({"text/html": static, "text/plain": text}, raw=True)
    data = view._repr_mimebundle_()
    data.pop("text/plain", None)  # só o widget: o texto já está na saída de cima
    display(data, raw=True)


def board(name, *parts):
    """Os widgets `parts`, um embaixo do outro, com o estilo do curso e a classe de estilo `name` (VBox)."""
    style = widgets.HTML(f"<style>{STYLE.read_text(encoding='utf-8')}</style>")
    return widgets.VBox([style, *parts]).add_class("aula-live").add_class(name)


def button(description, action, *, width="fit-content", tooltip=""):
    """Um botão do tamanho do seu texto, que ao ser clicado chama `action(botão)`."""
    layout = widgets.Layout(width=width, height="auto")
    made = widgets.Button(description=description, tooltip=tooltip, layout=layout)
    made.on_click(action)
    return made


def spoken(html, role="alert", style=""):
    """Um recado em HTML que o leitor de telas anuncia.

    O ipywidgets troca o HTML inteiro, e a região com ele: um `alert` recém-chegado é anunciado, um `status` não.
    Por isso o que responde a um gesto é `alert`, e o que foi só recuperado, `status`, que não interrompe ninguém.
    """
    return f'<div role="{role}" class="{escape(style)}">{html}</div>'
