"""Notebooks de uma ou duas células, para os testes de quem executa notebooks."""

import nbformat


def write(path, *sources, tags=()):
    """Grava em `path` um notebook com uma célula de código por texto; `tags`: as etiquetas da primeira."""
    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    if tags:
        cells[0].metadata["tags"] = list(tags)
    path.parent.mkdir(exist_ok=True)
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
    return path
