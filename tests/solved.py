"""Um notebook como os testes o leem: as células, o texto, as soluções, e o que o aluno lê ao conferir uma."""

import ast
import re
from math import ceil

import nbformat
import numpy as np

from course_utils import lesson
from course_utils.classroom import exercises

CHECK, TOLD = "exercises.check(", "what_the_check_said"
RIGHT, WRONG, BLANK = "✔ Certo!\n", "✘ Ainda não.", "Ainda sem resposta"


def cells(path, kind):
    return [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == kind]


def prose(path):
    return "\n\n".join(cell.source for cell in cells(path, "markdown"))


def solutions(path):
    """Os blocos de código das soluções dobradas, em ordem."""
    return re.findall(r"<summary>Solução</summary>.*?```python\n(.*?)```", prose(path), flags=re.S)


def solution(name):
    """A resposta da solução recolhida no notebook do exercício."""
    (path,) = lesson.find_notebooks([exercises.NOTEBOOKS[name]])
    scope = {"np": np, "ceil": ceil}  # o que as células de cima já importaram
    exec(solutions(path)[0], scope)
    return scope["resposta"]


def feedback(capsys, name, answer):
    """O texto que `exercises.check` imprime."""
    exercises.check(name, answer)
    return capsys.readouterr().out


def solve(path):
    """As células de código, cada exercício com a sua solução e, depois dele, uma que exige o acerto."""
    found, answers = [], iter(solutions(path))
    for cell in cells(path, "code"):
        found.append(cell)
        if CHECK in cell.source:
            kept = [line for line in cell.source.splitlines() if line.startswith(("from ", "import ", CHECK))]
            cell.source = "\n".join([f"%%capture {TOLD}", *kept[:-1], next(answers), kept[-1]])
            cell.outputs = []
            found.append(nbformat.v4.new_code_cell(f"assert {TOLD}.stdout.endswith({RIGHT!r}), {TOLD}.stdout"))
    return found


def defined(notebook, wanted, **scope):
    """As funções, classes e constantes `wanted` das células de um notebook, sem rodar o resto dele.

    `scope`: o que as células já teriam importado. Devolve-o com o que elas definem.
    """
    (path,) = lesson.find_notebooks([notebook])
    for source in [cell.source for cell in cells(path, "code") if not cell.source.startswith("%%")]:
        for node in ast.parse(source).body:
            targets = [getattr(item, "id", None) for item in getattr(node, "targets", [])]
            if wanted & {getattr(node, "name", None), *targets}:
                exec(compile(ast.Module([node], []), path.name, "exec"), scope)
    return scope
