"""O quiz num JupyterLab de verdade: com o mouse, só com o teclado, depois de recarregar e de reiniciar o kernel.

Prova demorada (veja test_browser.py). As telas, nos temas claro e escuro, ficam em artifacts/browser/.
"""

import pytest
from browsing import PATIENCE_MS, SCREENS, close_notebook, open_notebook, run_quiz, violations

from course_utils.classroom.quiz import questions
from course_utils.classroom.quiz.board import plain

pytestmark = pytest.mark.slow

FIRST, SECOND = questions.group("00_a_ponte", "closing")
ESSAY = questions.group("10_consolidacao", "lesson")[-1]
# Quem roda o notebook inteiro o torna confiável; aqui roda-se uma célula só, e diz-se isso das outras.
TRUST = """() => { for (const cell of window.jupyterapp.shell.currentWidget.content.model.cells) {
  if (cell.type === "code") cell.trusted = true;
} }"""
RESTART = "window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart()"
SAVE = "window.jupyterapp.commands.execute('docmanager:save')"
THEME = "(name) => window.jupyterapp.commands.execute('apputils:change-theme', { theme: name })"
CUT = """(board) => [...board.querySelectorAll("button, p, .aula-told, label, textarea")].filter((part) =>
  part.offsetParent && (part.scrollWidth > part.clientWidth + 1 || part.scrollHeight > part.clientHeight + 1
    || part.getBoundingClientRect().right > board.getBoundingClientRect().right + 1))
  .map((part) => part.outerHTML)"""


@pytest.fixture(autouse=True)
def nothing_answered():
    questions.ANSWERS.unlink(missing_ok=True)


def option(question, correct):
    return next(option for option in question.options if option.correct == correct)


def button(board, question, correct):
    return board.get_by_role("button", name=plain(option(question, correct).text))


def wait_for_why(board, role, question, correct):
    """Espera o porquê da opção, com o sinal dela, numa região anunciada."""
    chosen = option(question, correct)
    region = board.get_by_role(role).filter(has_text=plain(chosen.feedback))
    region.wait_for(timeout=PATIENCE_MS)
    assert region.inner_text().startswith("✔" if correct else "✘")


def tab_to(tab, wanted, key):
    """Anda de Tab em Tab, só para a frente, até o foco chegar ao elemento; ali aperta `key`."""
    for _ in range(30):
        tab.keyboard.press("Tab")
        if wanted.evaluate("(element) => element === document.activeElement"):
            return tab.keyboard.press(key)
    raise AssertionError("o Tab não chega lá")


def shoot(tab, board, name):
    """A tela do quiz nos dois temas e estreita como num telefone, com nada cortado; o axe não acha nada."""
    assert violations(tab, inside=".quiz-board") == []
    tab.set_viewport_size({"width": 1200, "height": 2400})
    for theme, suffix in (("JupyterLab Dark", "escuro"), ("JupyterLab Light", "claro")):
        tab.evaluate(THEME, theme)
        tab.locator(f"body[data-jp-theme-name='{theme}']").wait_for(state="attached")
        board.screenshot(path=SCREENS / f"quiz_{name}_{suffix}.png")
        assert board.evaluate(CUT) == []
    board.evaluate("(board) => board.style.width = '260px'")
    assert board.evaluate(CUT) == []
    board.screenshot(path=SCREENS / f"quiz_{name}_estreito.png")


def test_a_question_by_mouse_another_by_keyboard_and_both_come_back(browser, lab):
    tab = open_notebook(browser, lab, "00_a_ponte")
    static = tab.locator(".jp-OutputArea ol").first
    static.wait_for(timeout=PATIENCE_MS)
    board = run_quiz(tab, "00_a_ponte", "closing")
    static.wait_for(state="hidden")
    for correct in (False, True):
        button(board, FIRST, correct).click()
        wait_for_why(board, "alert", FIRST, correct)
    for correct, key in ((False, "Space"), (True, "Enter")):
        tab_to(tab, button(board, SECOND, correct), key)
        wait_for_why(board, "alert", SECOND, correct)
    assert button(board, SECOND, True).get_attribute("title") == "Pergunta 2 de 2"
    shoot(tab, board, "respondido")

    tab.evaluate(TRUST)
    tab.evaluate(SAVE)
    tab.reload()
    button(board, FIRST, True).wait_for(timeout=PATIENCE_MS)
    button(board, FIRST, False).click()  # o kernel é o mesmo: o quiz segue vivo
    wait_for_why(board, "alert", FIRST, False)

    tab.evaluate(RESTART)
    tab.reload()  # e agora não há mais quiz vivo: ficam as perguntas, e nenhum erro em inglês
    static.wait_for(timeout=PATIENCE_MS)
    ghosts = tab.get_by_text("Error displaying")
    ghosts.first.wait_for(state="attached", timeout=PATIENCE_MS)
    assert not any(ghost.is_visible() for ghost in ghosts.all())
    tab.screenshot(path=SCREENS / "quiz_na_volta.png")
    run_quiz(tab, "00_a_ponte", "closing")
    wait_for_why(board, "status", FIRST, False)
    wait_for_why(board, "status", SECOND, True)
    close_notebook(tab)


def test_the_open_question_is_written_ticked_and_compared_by_keyboard(browser, lab):
    tab = open_notebook(browser, lab, "10_consolidacao")
    board = run_quiz(tab, "10_consolidacao", "lesson")
    board.get_by_label("Sua resposta").focus()
    tab.keyboard.type("Sem deploy o modelo fica no notebook; com ele, a esteira pergunta e o envelope segue.")
    tab_to(tab, board.get_by_role("button", name="Conferir pelos critérios"), "Enter")
    board.get_by_role("alert").filter(has_text="5 critérios").wait_for(timeout=PATIENCE_MS)
    tick = board.get_by_role("checkbox", name=ESSAY.rubric[1])
    tab_to(tab, tick, "Space")
    assert tick.is_checked()
    tab_to(tab, board.locator("summary"), "Enter")
    board.get_by_text(ESSAY.model_answer[:60]).wait_for(timeout=PATIENCE_MS)
    shoot(tab, board, "aberta")
    close_notebook(tab)
