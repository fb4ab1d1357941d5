"""O JupyterLab num Chromium de verdade, como o aluno o vê.

Prova demorada. Usa o Chromium do sistema e o Playwright de .ci/requirements.txt; sem eles é pulada com uma
frase, menos na CI, onde falha. As telas ficam em artifacts/browser/.
"""

import json

import pytest
from browsing import PATIENCE_MS, SCREENS, STATE, close_notebook, draw_seven, open_notebook

from course_utils import lesson

pytestmark = pytest.mark.slow
# Com um controle, um exercício, uma página ou o progresso do aluno, que só se veem no navegador. Dos outros basta
# que abram sem um aviso: o que as células deles escrevem, compara-o o nbval.
BY_CELL = (
    "00_a_ponte", "01_salvar_e_carregar", "03_opcoes_de_deploy", "05_edge_ai", "08_quantizacao", "10_consolidacao",
)  # fmt: skip
OPENED = [name for name in map(lesson.name_of, lesson.find_notebooks([""])) if name not in BY_CELL]

SHOW_CELL = """async (text) => {
  const notebook = window.jupyterapp.shell.currentWidget.content;
  const place = notebook.widgets.findIndex((cell) => cell.model.sharedModel.source.includes(text));
  notebook.activeCellIndex = place;
  await notebook.scrollToItem(place, "start");
}"""
KERNEL_IS_IDLE = """() =>
  window.jupyterapp?.shell.currentWidget?.sessionContext?.session?.kernel?.status === "idle"
"""
FIGURE_IS_NEW = """([label, before]) => {
  const boards = [...document.querySelectorAll(".widget-interact")];
  const picture = boards.find((board) => board.textContent.includes(label))?.querySelector("img");
  return picture && picture.src !== before;
}"""
FOCUS_CELL = """async (place) => {
  const panel = window.jupyterapp.shell.currentWidget;
  await panel.sessionContext.ready;
  panel.content.activeCellIndex = place;
  await panel.content.scrollToItem(place);
  panel.content.mode = "command";
  panel.content.activeCell.node.focus();
}"""
# Uma célula que veio no arquivo só passa a ser de confiança quando alguém a executa.
HAS_RUN = """(place) => {
  const panel = window.jupyterapp.shell.currentWidget;
  const cell = panel.content.model.cells.get(place);
  const busy = cell.executionState === "running" || panel.sessionContext.session.kernel.status !== "idle";
  return cell.type !== "code" || (cell.trusted && !busy);
}"""
SOURCES = (
    "() => [...window.jupyterapp.shell.currentWidget.content.model.cells].map((cell) => cell.sharedModel.source)"
)


@pytest.mark.parametrize("name", OPENED)
def test_a_notebook_opens_in_jupyterlab_without_a_complaint(browser, lab, name):
    close_notebook(open_notebook(browser, lab, name))


@pytest.mark.parametrize("name", BY_CELL)
def test_a_learner_goes_cell_by_cell_and_sees_the_guess_beside_the_measure(browser, lab, name):
    """Shift + Enter até o fim, com um palpite em cada Preveja: a resposta só aparece depois, ao lado dele."""
    page = open_notebook(browser, lab, name)
    page.wait_for_function(KERNEL_IS_IDLE, timeout=PATIENCE_MS)
    sources = page.evaluate(SOURCES)
    for place, source in enumerate(sources):
        page.evaluate(FOCUS_CELL, place)
        page.keyboard.press("Shift+Enter")
        page.wait_for_function(HAS_RUN, arg=place, timeout=PATIENCE_MS)
        for _ in range(source.count("predictions.ask(")):
            give_a_guess(page)
    outputs = [output for cell in page.evaluate(STATE)["cells"] for output in cell["outputs"]]
    assert not [output["traceback"] for output in outputs if output["output_type"] == "error"]
    told = json.dumps(outputs, ensure_ascii=False)
    guesses = "".join(sources).count("predictions.ask(")
    assert guesses and told.count("Você previu: ") >= 2 * guesses  # em HTML e em texto
    page.screenshot(path=SCREENS / f"lab_{name}_passo_a_passo.png")
    if name in AFTERWARDS:
        AFTERWARDS[name](page)
    close_notebook(page)


def give_a_guess(page):
    """Dá o palpite no primeiro Preveja que está à vista e ainda não o tem."""
    boards = page.locator(".preveja:visible").filter(has_not=page.locator("[role=status]"))
    board = boards.first.element_handle(timeout=PATIENCE_MS)
    board.wait_for_selector("button", timeout=PATIENCE_MS)
    if field := board.query_selector("input[type=text]"):
        field.fill("5")
        field.press("Enter")
    else:
        board.query_selector("button").click()
    board.wait_for_selector("text=Anotado: ", timeout=PATIENCE_MS)


def a_digit_drawn_is_read_and_kept_for_the_card(page):
    """No 00: desenha-se na folha que está dentro do notebook, e o cartão do passaporte conta o que se leu."""
    page.evaluate(SHOW_CELL, "pages.show(server, title=")
    read = draw_seven(page, page.frame_locator("iframe[title='A folha de desenho']"))
    assert read.startswith("É um 7, com ")
    page.screenshot(path=SCREENS / "lab_00_desenho.png")
    page.evaluate(SHOW_CELL, "web/cartao.html")
    page.evaluate("window.jupyterapp.commands.execute('notebook:run-cell')")
    card = page.frame_locator("iframe[title='O cartão do passaporte']")
    card.locator("#text").filter(has_text="O leitor de CEP leu um 7").wait_for(timeout=PATIENCE_MS)


def an_exercise_is_solved_by_typing(page):
    """No 01: a resposta escrita na célula do exercício, como a escreve o aluno, e rodada com Shift + Enter."""
    page.evaluate(SHOW_CELL, "salvar_formato_certo")
    cell = page.locator(".jp-CodeCell", has_text="salvar_formato_certo")
    cell.locator(".jp-OutputArea-output", has_text="Ainda sem resposta").wait_for(timeout=PATIENCE_MS)
    cell.get_by_text("resposta = ...").click()
    page.keyboard.press("Home")
    page.keyboard.press("Shift+End")
    page.keyboard.insert_text('resposta = {"A": ".keras", "B": "SavedModel", "C": "safetensors"}')
    page.keyboard.press("Shift+Enter")
    cell.locator(".jp-OutputArea-output", has_text="✔ Certo!").wait_for(timeout=PATIENCE_MS)


def sliders_move_the_figure_even_after_a_reload(page):
    """No 03: a seta do teclado anda no controle e refaz a figura; salvo e recarregado, o widget continua vivo."""
    move_the_slider(page, "71")
    page.evaluate("window.jupyterapp.commands.execute('docmanager:save')")
    page.reload()
    page.locator(".jp-Notebook").wait_for(timeout=PATIENCE_MS)
    move_the_slider(page, "72")


def move_the_slider(page, value):
    page.wait_for_function(KERNEL_IS_IDLE, timeout=PATIENCE_MS)
    page.evaluate(SHOW_CELL, "interactive(draw_budget")
    label = "uso da capacidade"
    board = page.locator(".widget-interact", has_text=label)
    slider = board.locator(".widget-slider", has_text=label).get_by_role("slider")
    slider.wait_for(timeout=PATIENCE_MS)
    before = board.locator("img").get_attribute("src")
    slider.press("ArrowRight")
    board.locator(".widget-readout", has_text=value).first.wait_for(timeout=PATIENCE_MS)
    page.wait_for_function(FIGURE_IS_NEW, arg=[label, before], timeout=PATIENCE_MS)


# O que só num notebook se faz com a mão, depois que ele rodou.
AFTERWARDS = {
    "00_a_ponte": a_digit_drawn_is_read_and_kept_for_the_card,
    "01_salvar_e_carregar": an_exercise_is_solved_by_typing,
    "03_opcoes_de_deploy": sliders_move_the_figure_even_after_a_reload,
}
