"""O progresso do aluno: que notebooks rodou, que exercícios resolveu, quantas perguntas respondeu.

Os notebooks vêm do passaporte; os exercícios, de artifacts/exercises.json; as perguntas, do quiz. Nada sai daqui.
"""

from dataclasses import dataclass
from datetime import date

from course_utils.classroom import passport, state
from course_utils.model import artifacts

FILE = state.FOLDER / "exercises.json"


@dataclass(frozen=True)
class Stage:
    """Um notebook: `run` se foi carimbado; exercícios `solved` de `exercises`; perguntas `answered` de `questions`
    (`right`, as certas de primeira)."""

    notebook: str
    run: bool
    solved: int
    exercises: int
    right: int
    answered: int
    questions: int


def record(name, file=FILE):
    """Anota que o exercício `name` foi resolvido, com a data da primeira vez."""
    state.note(file, lambda solved: {name: date.today().isoformat()} | solved)


def stages():
    """Um `Stage` por notebook da aula, em ordem."""
    from course_utils.classroom.exercises import NOTEBOOKS

    stamps, solved, quizzes = passport.read(), state.read(FILE), _quizzes()
    found = []
    for path in sorted((artifacts.ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb")):
        names = [name for name, notebook in NOTEBOOKS.items() if notebook == path.stem]
        counts = quizzes.get(path.stem, (0, 0, 0))
        done = sum(name in solved for name in names)
        found.append(Stage(path.stem, path.stem in stamps, done, len(names), *counts))
    return found


def line(found=None):
    """O progresso em uma frase, com o notebook em que continuar."""
    found = stages() if found is None else found
    parts = (
        f"{sum(stage.run for stage in found)} de {len(found)} notebooks",
        f"{sum(stage.solved for stage in found)} de {sum(stage.exercises for stage in found)} exercícios",
        f"{sum(stage.answered for stage in found)} de {sum(stage.questions for stage in found)} perguntas",
    )
    left = next((stage.notebook for stage in found if not stage.run), None)
    return f"Seu progresso: {', '.join(parts)}. " + (f"Continue em {left}." if left else "Todos rodados!")


def table(found=None):
    """O progresso como tabela em Markdown, com um link para cada notebook."""
    rows = ["| Notebook | Rodado | Exercícios | Perguntas | Certas de primeira |", "|---|---|---|---|---|"]
    for stage in stages() if found is None else found:
        link = f"[{stage.notebook}]({stage.notebook}.ipynb)"
        counts = f"{stage.solved} de {stage.exercises} | {stage.answered} de {stage.questions} | {stage.right}"
        rows.append(f"| {link} | {'✔ sim' if stage.run else '– não'} | {counts} |")
    return "\n".join(rows)


def _quizzes():
    """`{notebook: (certas de primeira, respondidas, total)}`; vazio se o arquivo de perguntas não serve."""
    from course_utils.classroom.quiz import answers, questions
    from course_utils.classroom.quiz.tally import by_notebook

    try:
        results = by_notebook(questions.load(), answers.read())
    except questions.QuestionError:
        return {}
    return {name: (result.right, result.answered, result.total) for name, result in results.items()}
