"""A casa é um prédio: cada arquivo só importa do seu andar para baixo, e nenhuma volta existe.

`__main__` · `lesson`, `bench`, `slides` · `serving` e `classroom` · `model` e `measure` · o chão. Ao lado,
`setup`, que roda antes de haver qualquer pacote: só o `__main__` o importa.
"""

import ast
import graphlib
import os
import subprocess
import sys

from course_utils.model import artifacts

FLOORS = (
    {"bars", "files", "processes", "settings"},
    {"model", "measure"},
    {"serving", "classroom"},
    {"lesson", "bench", "slides", "binder", "pocket_cloud"},
)
MODULES = {
    ".".join(path.relative_to(artifacts.ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for path in (artifacts.ROOT / "course_utils").rglob("*.py")
}


def imported_by(name):
    """Os módulos do pacote que `name` importa, em qualquer lugar dele: também dentro de uma função."""
    found = set()
    for node in ast.walk(ast.parse(MODULES[name].read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name}: os nossos import dizem o caminho inteiro"
            inside = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {one if one in MODULES else node.module for one in inside}
    return found & set(MODULES)


def wing(name):
    return name.split(".")[1] if "." in name else ""


GRAPH = {name: imported_by(name) for name in MODULES}
ARROWS = {(wing(name), wing(one)) for name, found in GRAPH.items() for one in found}
FLOOR = {name: level for level, wings in enumerate(FLOORS) for name in wings}


def test_no_arrow_goes_up_and_nothing_comes_round():
    inside = [arrow for arrow in ARROWS if not {"", "__main__", "setup"} & set(arrow)]
    assert [(start, end) for start, end in inside if FLOOR[end] > FLOOR[start]] == []
    list(graphlib.TopologicalSorter(GRAPH).static_order())  # levanta CycleError, que diz a volta


def test_set_up_stands_alone():
    assert {end for start, end in ARROWS if start == "setup"} <= {"setup", *FLOORS[0]}
    assert {start for start, end in ARROWS if end == "setup"} <= {"setup", "__main__"}


def test_set_up_imports_nothing_but_the_standard_library():
    names = [name for name in MODULES if wing(name) == "setup"]
    code = f"import sys; sys.path.insert(0, {str(artifacts.ROOT)!r}); before = set(sys.modules)\n"
    code += f"import {', '.join(names)}\n"
    code += "new = {name.split('.')[0] for name in set(sys.modules) - before if sys.modules[name]}\n"
    code += "print(*new - sys.stdlib_module_names)"
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code], capture_output=True, encoding="utf-8", env=os.environ, check=True
    )
    assert done.stdout.split() == ["course_utils"]
