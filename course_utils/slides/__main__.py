"""Os slides da aula, um arquivo HTML por notebook em artifacts/slides/: abrem com dois cliques e sem internet.

`python -m course_utils slides` faz todos; `slides 03`, só o do notebook 03. Que célula vira que slide o diz
`slides.marks`.
"""

import argparse
import re
import sys
from pathlib import Path

import nbformat
from nbconvert import SlidesExporter

from course_utils import files, lesson
from course_utils.slides import marks

DESCRIPTION = re.compile(r"<summary>Descrição da figura</summary>(.*?)</details>", re.S)
TARGET = files.ARTIFACTS / "slides"


def export(path, folder):
    """Escreve em `folder` os slides do notebook `path`; devolve o caminho do HTML (Path)."""
    notebook = describe(marks.mark(nbformat.read(path, as_version=4)))
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = re.sub(r"\]\((\d\d_\w+)\.ipynb\)", r"](\1.html)", cell.source)
    exporter = SlidesExporter(extra_template_basedirs=[str(Path(__file__).parent)], template_name="deck")
    html, _ = exporter.from_notebook_node(notebook, {"metadata": {"name": path.stem}})
    target = folder / f"{path.stem}.html"
    files.write_text(target, html)
    return target


def describe(notebook):
    """Dá a cada figura, como texto alternativo, a descrição dobrada que a segue; devolve o próprio notebook."""
    for cell, following in zip(notebook.cells, notebook.cells[1:]):
        found = DESCRIPTION.search(following.source)
        for output in cell.get("outputs", []):
            if "image/png" in output.get("data", {}):
                output.metadata["alt"] = found[1].strip() if found else "Figura sem descrição."
    return notebook


def main(arguments=None):
    """Faz os slides pedidos; devolve 0."""
    parser = argparse.ArgumentParser(prog="python -m course_utils slides", description=__doc__.splitlines()[0])
    paths, _ = lesson.choose(parser, arguments)
    for path in paths:
        print(export(path, TARGET))
    print("Abra um deles no navegador. As setas passam os slides; a tecla N mostra as notas de quem dá a aula.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
