"""Uma página servida por um processo do notebook, dentro da célula; se ele já não está no ar, ela o diz."""

from html import escape

from IPython.display import display

# Roda dentro do quadro: só troca para a página se alguém responde nela. `no-cors`: basta saber se há resposta.
DOOR = """<!DOCTYPE html><html lang="pt-BR"><meta charset="utf-8"><title>Página do notebook</title>
<style>:root {{ color-scheme: light dark }} p {{ font: 16px/1.5 system-ui, sans-serif; margin: 1em }}</style>
<p id="recado" role="status">Abrindo a página…</p><script>
fetch("{url}", {{ mode: "no-cors" }}).then(() => location.replace("{url}"), () => {{
  document.getElementById("recado").textContent =
    "Esta página não está mais no ar: o servidor dela acabou. Rode de novo a célula que o inicia e, depois, esta.";
}});
</script></html>"""


def show(server, path="", *, height=680, title="A página do servidor"):
    """Mostra a página `path` do `server` (de `servers.start`) num quadro de `height` pixels e um link para ela."""
    door = escape(DOOR.format(url=f"{server.page_url}{path}"), quote=True)
    style = f"width: 100%; height: {height}px; border: 0"
    frame = f'<iframe srcdoc="{door}" title="{escape(title)}" style="{style}"></iframe>'
    url = escape(f"{server.page_url}{path}", quote=True)
    alone = f'<p><a href="{url}" target="_blank" rel="noopener">Abrir só esta página</a>, numa aba dela.</p>'
    display({"text/html": alone + frame, "text/plain": f"{title}: abra-a no JupyterLab."}, raw=True)
