"""O grupo de perguntas numa célula: o widget, vivo, e o mesmo grupo em HTML parado, que é o que fica guardado."""

import ipywidgets as widgets
from IPython.display import display

from course_utils.classroom.quiz import answers, page
from course_utils.classroom.quiz.choice import Choice
from course_utils.classroom.quiz.written import Written

# As cores são as do tema do JupyterLab, claro ou escuro; o texto quebra, nunca é cortado.
STYLE = """<style>
.quiz-board { max-width: 46em; padding: 2px; }
.quiz-board .quiz-question { margin-bottom: 1em; overflow: visible; }
.quiz-board .widget-html, .quiz-board .widget-html-content { width: 100%; }
.quiz-board .widget-html-content, .quiz-board .widget-html-content p { line-height: 1.5;
  font-size: var(--jp-content-font-size1, 14px); color: var(--jp-content-font-color1, inherit); white-space: normal; }
.quiz-board button.widget-button { white-space: normal; overflow: visible; text-overflow: clip; text-align: left;
  line-height: 1.4; padding: 6px 10px; font-size: var(--jp-content-font-size1, 14px); box-shadow: none;
  color: var(--jp-content-font-color1, inherit); background: var(--jp-layout-color1, transparent);
  border: 1px solid var(--jp-border-color0, #757575); border-radius: 4px; }
.quiz-board button.widget-button:hover { background: var(--jp-layout-color2, transparent); }
.quiz-board button.widget-button:focus-visible { outline: 3px solid var(--jp-brand-color1, #1976d2);
  outline-offset: 1px; }
.quiz-board .quiz-feedback { border-left: 4px solid var(--jp-border-color0, #757575); padding: 4px 10px; }
.quiz-board .quiz-right, .quiz-board button.quiz-right { border-color: var(--jp-success-color1, #2e7d32); }
.quiz-board .quiz-wrong, .quiz-board button.quiz-wrong { border-color: var(--jp-error-color1, #c62828); }
.quiz-board button.quiz-right, .quiz-board button.quiz-wrong { border-width: 2px; }
.quiz-board .widget-textarea { flex-direction: column; align-items: stretch; }
.quiz-board .widget-textarea > label { width: auto; text-align: left; }
.quiz-board .widget-checkbox label { white-space: normal; line-height: 1.4; height: auto; align-items: baseline;
  font-size: var(--jp-content-font-size1, 14px); color: var(--jp-content-font-color1, inherit); }
</style>"""


def build(questions, file=answers.FILE):
    """O widget do grupo, já com o que o aluno respondeu antes (VBox)."""
    total = len(questions)
    parts = [
        (Written if question.is_open else Choice)(question, number, total, file)
        for number, question in enumerate(questions, start=1)
    ]
    news = widgets.HTML()
    restart = widgets.Button(
        description="Recomeçar estas perguntas",
        tooltip="Apaga as suas respostas a este grupo",
        layout=widgets.Layout(width="auto", height="auto"),
    )

    def forget(_):
        answers.forget([question.id for question in questions], file)
        for part in parts:
            part.reset()
        news.value = '<div role="alert" class="quiz-feedback">Respostas apagadas: pode recomeçar.</div>'

    restart.on_click(forget)
    return widgets.VBox([widgets.HTML(STYLE), *(part.box for part in parts), restart, news]).add_class(
        "quiz-board"
    )


def show(questions, file=answers.FILE):
    """Mostra o grupo na célula: o widget onde há quem o execute, o HTML parado em todo o resto."""
    live = build(questions, file)._repr_mimebundle_()
    display(live | {"text/html": page.group_html(questions), "text/plain": page.group_text(questions)}, raw=True)
