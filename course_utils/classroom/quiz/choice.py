"""Uma pergunta de escolha: um botão por opção, e o porquê de cada uma assim que ela é escolhida.

Botões, e não os `RadioButtons` do ipywidgets: os dele não formam um grupo (as setas não andam entre eles) e cortam
o texto longo. Com botões bastam o mouse ou, no teclado, Tab e Enter.
"""

import ipywidgets as widgets

from course_utils.classroom.quiz import answers, page

LETTERS = "ABCDE"


class Choice:
    """`box` é o widget da pergunta; `reset()` a deixa como antes da primeira resposta."""

    def __init__(self, question, number, total, file):
        self.question, self.file = question, file
        self.buttons = [self._button(option, number, total) for option in question.options]
        self.feedback = widgets.HTML()
        text = widgets.HTML(f"<p>{page.heading(question, number, total)}</p>")
        self.box = widgets.VBox([text, *self.buttons, self.feedback]).add_class("quiz-question")
        self.reset()

    def reset(self):
        """Mostra o que está guardado: nada, se ainda não houve resposta."""
        tried = answers.tried(self.question, answers.read(self.file))
        self._mark(tried)
        self.feedback.value = _feedback(tried[-1], "status") if tried else ""

    def _button(self, option, number, total):
        layout = widgets.Layout(width="auto", height="auto")
        # O `title` do botão é lido depois do texto: diz a quem só ouve de que pergunta é a opção.
        button = widgets.Button(tooltip=f"Pergunta {number} de {total}", layout=layout)
        button.on_click(lambda _: self._choose(option))
        return button

    def _choose(self, option):
        tried = answers.tried(self.question, answers.read(self.file))
        if not tried or tried[-1] != option:
            tried.append(option)
            answers.update(self.question.id, self.file, tried=[item.text for item in tried])
        self._mark(tried)
        self.feedback.value = _feedback(option, "alert")

    def _mark(self, tried):
        """Em cada botão, a letra e o texto; nos já escolhidos, também o sinal e a classe do acerto ou do erro."""
        for letter, option, button in zip(LETTERS, self.question.options, self.buttons):
            sign, style = (sign_of(option), style_of(option)) if option in tried else ("", "")
            button.description = f"{sign}{letter}. {page.plain(option.text)}"
            for name in ("quiz-right", "quiz-wrong"):
                button.add_class(name) if name == style else button.remove_class(name)


def sign_of(option):
    """O sinal em texto, para que a cor nunca fale sozinha."""
    return "✔ " if option.correct else "✘ "


def style_of(option):
    """A classe CSS do acerto ou do erro."""
    return "quiz-right" if option.correct else "quiz-wrong"


def _feedback(option, role):
    """O porquê da opção, numa região que o leitor de telas anuncia.

    O ipywidgets troca o HTML inteiro, e a região com ele: um `alert` recém-chegado é anunciado, um `status` não.
    Por isso a resposta de agora é `alert`, e a que foi só recuperada, `status`, que não interrompe ninguém.
    """
    opening = sign_of(option) if option.correct else f"{sign_of(option)}Ainda não. "
    closing = "" if option.correct else " Tente outra opção."
    return page.spoken(f"{opening}{page.inline(option.feedback)}{closing}", role, style_of(option))
