"""Que slide cada célula é: uma regra para todos os notebooks, que se guarda neles.

O nbconvert chama de `slide` o que abre um assunto, de `subslide` o que o continua noutra tela, de `fragment` o
que só aparece no toque seguinte, de `notes` o que só o professor vê e de `skip` o que não se mostra.
"""

import re

import nbformat


def mark(notebook):
    """Põe em cada célula o tipo de slide que a regra lhe dá, e nada mais; devolve o próprio notebook."""
    before = None
    for cell in notebook.cells:
        kind = slide_type(cell, before)
        cell.metadata.pop("slideshow", None)
        if kind:
            cell.metadata["slideshow"] = nbformat.from_dict({"slide_type": kind})
        if "plumbing" not in cell.metadata.get("tags", []):
            before = cell
    return notebook


def slide_type(cell, before):
    """O tipo de slide da célula que vem depois de `before` (None se ela é a primeira); "" se fica na mesma tela.

    Um título abre um slide; a descrição fica com a sua figura; dica e solução são notas de quem dá a aula. O
    código depois de um "Preveja" espera o palpite da turma, cujas opções já estão à vista; depois de outro código,
    ganha a sua tela, como as perguntas do fim. De uma célula de encanamento só se mostra a saída.
    """
    if cell.cell_type == "markdown":
        if re.search(r"^##? ", cell.source, flags=re.M):
            return "slide"
        if cell.source.startswith(("<details><summary>Descrição", "[Próximo")):
            return ""
        shown = re.sub(r"<details>.*?</details>", "", cell.source, flags=re.S).strip()
        return "subslide" if shown else "notes"
    if "quiz.show(" in cell.source:
        return "subslide"
    tags = cell.metadata.get("tags", [])
    if "passport.stamp(" in cell.source or "personal" in tags or ("plumbing" in tags and not cell.outputs):
        return "skip"
    if "predictions.ask(" in cell.source:
        return ""
    if before is None or before.cell_type != "markdown":
        return "subslide"
    return "fragment" if "**Preveja" in before.source else ""
