"""Uma página servida por um processo do notebook, dentro da célula; se ele já não está no ar, ela o diz."""

from html import escape
from pathlib import Path
from string import Template

from IPython.display import display

# Roda dentro do quadro: só troca para a página se alguém responde nela. `no-cors`: basta saber se há resposta.
DOOR = Path(__file__).with_suffix(".html")


def show(server, path="", *, height=680, title="A página do servidor"):
    """Mostra a página `path` do `server` (de `servers.start`) num quadro de `height` pixels e um link para ela."""
    url = f"{server.page_url}{path}"
    door = escape(Template(DOOR.read_text(encoding="utf-8")).substitute(url=url))
    style = f"width: 100%; height: {height}px; border: 0"
    frame = f'<iframe srcdoc="{door}" title="{escape(title)}" style="{style}"></iframe>'
    link = f'<a href="{escape(url)}" target="_blank" rel="noopener">Abrir só esta página</a>'
    page = f"<p>{link}, numa aba dela.</p>{frame}"
    display({"text/html": page, "text/plain": f"{title}: abra-a no JupyterLab."}, raw=True)
