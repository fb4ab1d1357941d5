"""O progresso do aluno: que notebooks rodou, em quantos minutos, que exercícios resolveu e perguntas respondeu.

Os notebooks e os minutos vêm do passaporte; os exercícios, de artifacts/exercises.json; as perguntas, do quiz.
Nada sai daqui.
"""

import json
import re
from typing import NamedTuple

from course_utils.classroom import passport, quiz, state, tables
from course_utils.classroom.exercises import NOTEBOOKS, engine
from course_utils.measure.numbers import br
from course_utils.model import artifacts

HEADS = ("Notebook", "Rodado", "Minutos: previstos", "usados", "Exercícios", "Perguntas", "Certas de primeira")


class Stage(NamedTuple):
    """Um notebook: `run` se foi carimbado; minutos `planned` (os do título) e `taken` (None se não se sabe);
    exercícios `solved` de `exercises`; perguntas `answered` de `questions` (`right`, as certas de primeira)."""

    notebook: str
    run: bool
    planned: int
    taken: float | None
    solved: int
    exercises: int
    right: int
    answered: int
    questions: int


def stages():
    """Um `Stage` por notebook da aula, em ordem."""
    stamps, solved, quizzes = passport.read(), state.read(engine.FILE), quiz.score().by_notebook
    found = []
    for path in sorted((artifacts.ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb")):
        names = [name for name, notebook in NOTEBOOKS.items() if notebook == path.stem]
        right, answered, total, _ = quizzes[path.stem]
        done = sum(name in solved for name in names)
        taken = passport.number(path.stem, passport.MINUTES, stamps)
        run = path.stem in stamps
        found.append(Stage(path.stem, run, _planned(path), taken, done, len(names), right, answered, total))
    return found


def line(found):
    """O progresso em uma frase, com o notebook em que continuar."""
    parts = (
        f"{sum(stage.run for stage in found)} de {len(found)} notebooks",
        f"{sum(stage.solved for stage in found)} de {sum(stage.exercises for stage in found)} exercícios",
        f"{sum(stage.answered for stage in found)} de {sum(stage.questions for stage in found)} perguntas",
    )
    left = next((stage.notebook for stage in found if not stage.run), None)
    return f"Seu progresso: {', '.join(parts)}. " + (f"Continue em {left}." if left else "Todos rodados!")


def table(found):
    """O mesmo, notebook por notebook (`Table`)."""
    rows = [
        (
            stage.notebook,
            "sim" if stage.run else "não",
            stage.planned,
            br(stage.taken, 0),
            f"{stage.solved} de {stage.exercises}",
            f"{stage.answered} de {stage.questions}",
            stage.right,
        )
        for stage in found
    ]
    return tables.Table("O seu caminho", HEADS, rows)


def show():
    """Mostra na célula a tabela do progresso e, embaixo, a frase que o resume."""
    found = stages()
    table(found).show()
    print(line(found))


def _planned(path):
    """Os minutos do título do notebook (int; 0 se ele não os diz)."""
    title = "".join(json.loads(path.read_text(encoding="utf-8"))["cells"][0]["source"])
    found = re.search(r"\*\*(\d+) minutos\*\*", title)
    return int(found[1]) if found else 0
