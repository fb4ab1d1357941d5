"""Tabelas em HTML que um leitor de tela lê bem: legenda, e cabeçalhos de linha e de coluna."""

from html import escape

from IPython.display import display

# A primeira linha de uma saída, que é a que o JupyterLab deixa à vista quando a recolhe.
FOLDED = "<!-- a resposta aparece quando a célula roda -->\n"


def html(caption, heads, rows):
    """A tabela (str), com todo texto escapado; `rows`: uma tupla por linha, cuja primeira célula é o cabeçalho."""
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in heads)
    body = "\n".join(
        f'<tr><th scope="row">{escape(str(first))}</th>'
        + "".join(f"<td>{escape(str(cell))}</td>" for cell in cells)
        + "</tr>"
        for first, *cells in rows
    )
    top = f"<caption>{escape(caption)}</caption><thead><tr>{head}</tr></thead>"
    return f"<table>{top}\n<tbody>\n{body}\n</tbody></table>"


def show(caption, heads, rows):
    """Mostra a tabela na célula; onde não há HTML, o mesmo em texto."""
    text = "\n".join(" · ".join(map(str, row)) for row in (heads, *rows))
    display({"text/html": FOLDED + html(caption, heads, rows), "text/plain": f"{caption}\n{text}"}, raw=True)
