"""A pergunta aberta: o aluno escreve, depois marca os critérios que cumpriu, depois lê uma resposta-modelo."""

import ipywidgets as widgets

from course_utils.classroom.quiz import answers, page

ENOUGH = 40  # letras: com menos que uma frase curta não há o que conferir


class Written:
    """`box` é o widget da pergunta; `reset()` o refaz com o que está guardado."""

    def __init__(self, question, number, total, file):
        self.question, self.file = question, file
        self.statement = widgets.HTML(f"<p>{page.heading(question, number, total)}</p>")
        self.box = widgets.VBox().add_class("quiz-question")
        self.reset()

    def reset(self):
        """Mostra o que está guardado: nada, se ainda não houve resposta."""
        text, ticked = answers.written(self.question, answers.read(self.file))
        self.text = widgets.Textarea(
            text, description="Sua resposta:", rows=6, continuous_update=False, layout=_auto()
        )
        self.text.observe(self._save_text, "value")
        self.ticks = [self._tick(criterion, criterion in ticked) for criterion in self.question.rubric]
        self.news, self.criteria, self.model = widgets.HTML(), widgets.VBox(), widgets.HTML()
        if len(text.strip()) >= ENOUGH:
            self._reveal()
        check = _button("Conferir pelos critérios", self._check)
        self.box.children = (self.statement, self.text, check, self.news, self.criteria)

    def _tick(self, criterion, ticked):
        tick = widgets.Checkbox(ticked, description=page.plain(criterion), indent=False, layout=_auto())
        tick.observe(self._save_ticks, "value")
        return tick

    def _save_text(self, change):
        answers.update(self.question.id, self.file, written=change.new)

    def _save_ticks(self, _):
        ticked = [criterion for criterion, tick in zip(self.question.rubric, self.ticks) if tick.value]
        answers.update(self.question.id, self.file, criteria=ticked)

    def _check(self, _):
        if len(self.text.value.strip()) < ENOUGH:
            warning = "Escreva antes ao menos uma frase inteira: os critérios aparecem em seguida."
            self.news.value = page.spoken(warning)
            return
        self._reveal()
        news = f"Resposta guardada. Logo abaixo há {len(self.ticks)} critérios para marcar."
        self.news.value = page.spoken(news)

    def _reveal(self):
        title = widgets.HTML("<p><strong>Critérios.</strong> Releia a sua resposta e marque o que ela faz:</p>")
        self.criteria.children = (
            title,
            *self.ticks,
            _button("Ler uma resposta-modelo", self._show_model),
            self.model,
        )

    def _show_model(self, _):
        met = sum(tick.value for tick in self.ticks)
        opening = f"<strong>Você marcou {met} de {len(self.ticks)}. Uma resposta-modelo:</strong> "
        self.model.value = page.spoken(opening + page.inline(self.question.model_answer))


def _auto():
    return widgets.Layout(width="auto", height="auto")


def _button(description, action):
    layout = widgets.Layout(width="fit-content", height="auto")
    button = widgets.Button(description=description, layout=layout)
    button.on_click(action)
    return button
