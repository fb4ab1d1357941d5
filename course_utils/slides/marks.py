"""Que slide cada célula é: uma regra para todos os notebooks, que se guarda neles."""

import ast
import re

import nbformat


def mark(notebook):
    """Põe em cada célula o tipo de slide que a regra lhe dá, e nada mais; devolve o próprio notebook.

    O nbconvert chama de `slide` o que abre um assunto, de `subslide` o que o continua noutra tela, de `fragment` o
    que só aparece no toque seguinte, de `notes` o que só o professor vê e de `skip` o que não se mostra.
    """
    text_before = None
    for cell in notebook.cells:
        if "plumbing" in cell.metadata.get("tags", []):
            cell.metadata["slideshow"] = nbformat.from_dict({"slide_type": "skip"})
            continue
        kind = text_slide(cell.source) if cell.cell_type == "markdown" else code_slide(cell.source, text_before)
        cell.metadata.pop("slideshow", None)
        if kind:
            cell.metadata["slideshow"] = nbformat.from_dict({"slide_type": kind})
        text_before = cell.source if cell.cell_type == "markdown" else None
    return notebook


def text_slide(source):
    """Um título abre um slide; a descrição fica com a sua figura; dica e solução são notas de quem dá a aula."""
    prose = re.sub(r"```.*?```", "", source, flags=re.S)
    if re.search(r"^##? ", prose, flags=re.M):
        return "slide"
    if source.startswith(("<details><summary>Descrição", "[Próximo")):
        return ""
    only_folded = not re.sub(r"<details>.*?</details>", "", source, flags=re.S).strip()
    return "notes" if only_folded else "subslide"


def code_slide(source, text_before):
    """O código depois de um "Preveja" espera o palpite da turma; depois de outro código, ganha a sua tela.

    Importações e carimbos não se mostram. `text_before` é None se a célula anterior não é de texto.
    """
    only_imports = all(isinstance(node, (ast.Import, ast.ImportFrom)) for node in _statements(source))
    if only_imports or "passport.stamp(" in source:
        return "skip"
    if text_before is None:
        return "subslide"
    return "fragment" if "**Preveja" in text_before else ""


def _statements(source):
    """As instruções da célula; uma que não é Python puro (`%%writefile`) conta como uma instrução qualquer."""
    try:
        return [node for node in ast.parse(source).body if "divert_native_logs" not in ast.unparse(node)]
    except SyntaxError:
        return [ast.Pass()]
