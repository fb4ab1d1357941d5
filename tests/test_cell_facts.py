"""O que uma célula pode exigir: só o que vale em toda máquina, com qualquer carga. A lista é asserts.txt.

Um `assert` novo, ou mudado, falha aqui até que alguém o leia e o ponha na lista. Se ele depende de um tempo, de
uma vazão, da memória, de um treino ou de uma corrida entre processos, é um veredito (`verdicts.check`).
"""

import ast
from pathlib import Path

from solved import cells

from course_utils import lesson


def asserted(path):
    """O que os `assert` das células exigem."""
    sources = [cell.source for cell in cells(path, "code") if not cell.source.startswith("%%")]
    nodes = [node for source in sources for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Assert)]
    return [ast.unparse(node.test) for node in nodes]


def test_a_cell_only_asserts_what_holds_on_every_machine():
    found = {f"[{lesson.name_of(path)}]": asserted(path) for path in lesson.find_notebooks([""])}
    lines = [line for name in sorted(found) if found[name] for line in (name, *found[name])]
    kept = Path(__file__).with_name("asserts.txt").read_text(encoding="utf-8").splitlines()
    assert lines == [line for line in kept if line and not line.startswith("# ")]
