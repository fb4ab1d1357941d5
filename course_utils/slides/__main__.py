"""Os slides da aula, um arquivo HTML por notebook em artifacts/slides/: abrem com dois cliques e sem internet.

`python -m course_utils slides` faz todos; `slides 03`, só o do notebook 03.
"""

import argparse
import re
import sys
from pathlib import Path

import nbformat
from nbconvert import SlidesExporter
from nbconvert.preprocessors import TagRemovePreprocessor

from course_utils import files, lesson, slides

DESCRIPTION = re.compile(r"<summary>Descrição da figura</summary>(.*?)</details>", re.S)
LINK = re.compile(r"\[([^\]]+)\]\(([\w/.]+)\.(?:ipynb|md)\)")  # para outro arquivo do projeto
TARGET = files.ARTIFACTS / "slides"


def export(path, folder):
    """Escreve em `folder` os slides do notebook `path`; devolve o caminho do HTML (Path).

    Um link para outro notebook da aula leva aos slides dele; o texto alternativo de uma figura é a descrição que a
    segue.
    """
    notebook = slides.mark(nbformat.read(path, as_version=4))
    for cell, following in zip(notebook.cells, [*notebook.cells[1:], None]):
        if cell.cell_type == "markdown":
            cell.source = LINK.sub(_lead, cell.source)
        found = DESCRIPTION.search(following.source) if following else None
        for output in cell.get("outputs", []):
            if "image/png" in output.get("data", {}):
                output.metadata["alt"] = found[1].strip() if found else "Figura sem descrição."
    exporter = SlidesExporter(extra_template_basedirs=[str(Path(__file__).parent)], template_name="deck")
    exporter.register_preprocessor(TagRemovePreprocessor(remove_input_tags={"plumbing"}), enabled=True)
    html, _ = exporter.from_notebook_node(notebook, {"metadata": {"name": path.stem}})
    target = folder / f"{path.stem}.html"
    files.write_text(target, html)
    return target


def _lead(link):
    """O link para os slides de um notebook da aula; só o texto dele, se leva a outra coisa (um laboratório)."""
    text, stem = link[1], Path(link[2]).name
    return f"[{text}]({stem}.html)" if (lesson.FOLDER / f"{stem}.ipynb").exists() else text


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
