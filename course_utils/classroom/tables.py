"""Tabelas que um leitor de tela lê bem: legenda, e cabeçalhos de linha e de coluna."""

from dataclasses import dataclass
from html import escape

from IPython.display import display

# A primeira linha de uma saída, que é a que o JupyterLab deixa à vista quando a recolhe.
FOLDED = "<!-- a resposta aparece quando a célula roda -->\n"


@dataclass(frozen=True)
class Table:
    """`rows`: uma tupla por linha, do tamanho de `heads`; a primeira célula é o cabeçalho da linha."""

    caption: str
    heads: tuple
    rows: list

    def html(self):
        """A tabela em HTML (str), com todo texto escapado."""
        head = "".join(f'<th scope="col">{escape(name)}</th>' for name in self.heads)
        lines = [f"<table><caption>{escape(self.caption)}</caption><thead><tr>{head}</tr></thead>", "<tbody>"]
        for first, *others in self.rows:
            cells = "".join(f"<td>{escape(str(cell))}</td>" for cell in others)
            lines.append(f'<tr><th scope="row">{escape(str(first))}</th>{cells}</tr>')
        return "\n".join([*lines, "</tbody></table>"])

    def text(self):
        """A tabela em texto (str), uma linha por linha."""
        return "\n".join([self.caption, *(" · ".join(map(str, row)) for row in (self.heads, *self.rows))])

    def _repr_mimebundle_(self, **_):
        return {"text/html": FOLDED + self.html(), "text/plain": self.text()}


def show(caption, heads, rows):
    """Mostra na célula a `Table` com esta legenda, estes cabeçalhos e estas linhas; sem HTML, em texto."""
    display(Table(caption, heads, list(rows)))
