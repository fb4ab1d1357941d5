"""O grupo de perguntas numa célula: o widget, vivo, e o mesmo grupo em HTML parado, que é o que fica guardado."""

from pathlib import Path

import ipywidgets as widgets
from IPython.display import display

from course_utils.classroom.quiz import answers, page
from course_utils.classroom.quiz.choice import Choice
from course_utils.classroom.quiz.written import Written

STYLE = Path(__file__).with_name("board.css")


def build(questions, file=answers.FILE):
    """O widget do grupo, já com o que o aluno respondeu antes (VBox)."""
    total = len(questions)
    parts = [
        (Written if question.is_open else Choice)(question, number, total, file)
        for number, question in enumerate(questions, start=1)
    ]
    style = widgets.HTML(f"<style>{STYLE.read_text(encoding='utf-8')}</style>")
    news = widgets.HTML()
    restart = widgets.Button(
        description="Recomeçar estas perguntas",
        tooltip="Apaga as suas respostas a este grupo",
        layout=widgets.Layout(width="fit-content", height="auto"),
    )

    def forget(_):
        answers.forget([question.id for question in questions], file)
        for part in parts:
            part.reset()
        news.value = page.spoken("Respostas apagadas: pode recomeçar.")

    restart.on_click(forget)
    return widgets.VBox([style, *(part.box for part in parts), restart, news]).add_class("quiz-board")


def show(questions, file=answers.FILE):
    """Mostra o grupo na célula: o HTML parado, que fica guardado, e o quiz vivo, que o esconde enquanto vive."""
    display({"text/html": page.group_html(questions), "text/plain": page.group_text(questions)}, raw=True)
    display(build(questions, file)._repr_mimebundle_() | {"text/plain": ""}, raw=True)
