"""O que uma célula mostra além de tabelas e figuras: a página de um servidor; um HTML parado e o widget vivo.

A página pergunta se o servidor, que é um processo do notebook, ainda está no ar, e diz se não está. O quiz e o
Preveja são um HTML, que fica guardado, e o widget que o esconde.
"""

from html import escape
from pathlib import Path
from string import Template

import ipywidgets as widgets
from IPython.display import display

# Roda dentro do quadro: só troca para a página se alguém responde nela. `no-cors`: basta saber se há resposta.
DOOR = Path(__file__).with_suffix(".html")
STYLE = Path(__file__).with_suffix(".css")


def show(server, path="", *, height=680, title="A página do servidor"):
    """Mostra a página `path` do `server` (de `servers.start`) num quadro de `height` pixels e um link para ela."""
    url = f"{server.page_url}{path}"
    door = escape(Template(DOOR.read_text(encoding="utf-8")).substitute(url=url))
    style = f"width: 100%; height: {height}px; border: 0"
    frame = f'<iframe srcdoc="{door}" title="{escape(title)}" style="{style}"></iframe>'
    link = f'<a href="{escape(url)}" target="_blank" rel="noopener">Abrir só esta página</a>'
    page = f"<p>{link}, numa aba dela.</p>{frame}"
    display({"text/html": page, "text/plain": f"{title}: abra-a no JupyterLab."}, raw=True)


def show_alive(static, text, view):
    """Mostra na célula `static` (HTML; `text`, onde não há HTML) e, embaixo dele, o widget `view`."""
    display({"text/html": static, "text/plain": text}, raw=True)
    data = view._repr_mimebundle_()
    data.pop("text/plain", None)  # só o widget: o texto já está na saída de cima
    display(data, raw=True)


def board(name, *parts):
    """Os widgets `parts`, um embaixo do outro, com o estilo do curso e a classe de estilo `name` (VBox)."""
    style = widgets.HTML(f"<style>{STYLE.read_text(encoding='utf-8')}</style>")
    return widgets.VBox([style, *parts]).add_class("aula-live").add_class(name)


def button(description, action):
    """Um botão que ao ser clicado chama `action(botão)`."""
    made = widgets.Button(description=description)
    made.on_click(action)
    return made


def choice(options, chosen, action, *, tooltip=""):
    """Um botão por opção (texto, ou par `(texto, valor)`); a escolhida fica marcada, e chama `action(valor)`.

    Botões, e não os `RadioButtons` do ipywidgets: os dele não formam um grupo (as setas não andam entre eles) e
    cortam o texto longo. Com botões bastam o mouse ou, no teclado, Tab e Enter.
    """
    made = widgets.ToggleButtons(
        options=options, value=chosen, tooltips=[tooltip] * len(options), style={"button_width": "auto"}
    )
    made.observe(lambda change: action(change.new), "value")
    return made


def spoken(html, role="alert", style=""):
    """Um recado em HTML que o leitor de telas anuncia.

    O ipywidgets troca o HTML inteiro, e a região com ele: um `alert` recém-chegado é anunciado, um `status` não.
    Por isso o que responde a um gesto é `alert`, e o que foi só recuperado, `status`, que não interrompe ninguém.
    """
    return f'<div role="{role}" class="aula-told {style}">{html}</div>'
