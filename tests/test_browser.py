"""Num Chromium de verdade: a página de desenho e o JupyterLab, como o aluno os vê.

Prova demorada. Usa o Chromium do sistema e o Playwright de .ci/requirements.txt; sem eles é pulada com uma
frase, menos na CI, onde falha. As telas ficam em artifacts/browser/.
"""

import contextlib
import json
import time
import urllib.parse
import warnings

import pytest
from browsing import PATIENCE_MS, SCREENS, STATE, close_notebook, draw_seven, open_notebook

from course_utils import lesson
from course_utils.classroom import servers

pytestmark = pytest.mark.slow
PATHS = lesson.find_notebooks()
LABS = lesson.find_notebooks([lesson.LABS])
BY_CELL = ["00_a_ponte", "08_quantizacao"]
# Com um controle, um exercício, uma página ou o progresso do aluno, que só se veem no navegador. Dos outros basta
# que abram sem um aviso: o que as células deles escrevem, compara-o o nbval.
WHOLE = ["01_salvar_e_carregar", "03_opcoes_de_deploy", "05_edge_ai", "10_consolidacao"]


@pytest.fixture(scope="module")
def server():
    with servers.start() as server:
        yield server


@pytest.mark.parametrize(
    ("name", "options"),
    [
        # As larguras que sobram para a página num JupyterLab de 1024, 1366 e 1920 pixels.
        ("claro", {"viewport": {"width": 600, "height": 680}}),
        ("escuro", {"viewport": {"width": 760, "height": 680}, "color_scheme": "dark"}),
        ("largo", {"viewport": {"width": 1200, "height": 680}}),
        ("telefone", {"viewport": {"width": 360, "height": 740}}),
    ],
)
def test_a_digit_drawn_with_the_mouse_is_read(browser, server, name, options):
    page, errors = browser.new_page(**options), []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(server.url)
    assert draw_seven(page, page).startswith("É um 7, com ")
    page.screenshot(path=SCREENS / f"pagina_{name}.png")
    size = page.evaluate(
        "(({scrollWidth, scrollHeight}) => [scrollWidth, scrollHeight])(document.documentElement)"
    )
    boxes = [page.locator(name).bounding_box() for name in ("#paper", "#answer")]
    page.close()
    assert errors == [] and size[0] <= options["viewport"]["width"]
    # A folha e a resposta cabem juntas; fora do telefone, a página inteira.
    assert all(box["y"] + box["height"] <= options["viewport"]["height"] for box in boxes)
    assert name == "telefone" or size[1] <= options["viewport"]["height"]


def test_a_click_leaves_a_dot_undo_takes_it_back_and_the_bars_stay_in_place(browser, server):
    page = browser.new_page(viewport={"width": 600, "height": 680})
    page.goto(server.url)
    top = page.locator("#bars").bounding_box()["y"]
    page.mouse.click(*[side + 140 for side in map(page.locator("#paper").bounding_box().get, ("x", "y"))])
    page.locator("#answer").filter(has_text="É um ").wait_for(timeout=PATIENCE_MS)
    assert page.locator("#bars").bounding_box()["y"] == top
    page.locator("#undo").click()
    page.locator("#answer").filter(has_text="Esperando um desenho.").wait_for(timeout=PATIENCE_MS)
    page.close()


def test_a_digit_drawn_with_the_finger_is_read(browser, server):
    page = browser.new_page(has_touch=True, viewport={"width": 360, "height": 740})
    page.goto(server.url)
    box = page.locator("#paper").bounding_box()
    session = page.context.new_cdp_session(page)

    def touch(kind, points):
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    points = [{"x": box["x"] + 140, "y": box["y"] + y} for y in range(50, 231, 20)]
    touch("touchStart", points[:1])
    for point in points[1:]:
        touch("touchMove", [point])
    touch("touchEnd", [])
    page.locator("#answer").filter(has_text="É um 1").wait_for(timeout=PATIENCE_MS)
    page.close()


def test_keyboard_alone_draws_reads_and_clears_and_a_stopped_server_is_told(browser):
    server = servers.start()
    page = browser.new_page()
    page.goto(server.url)
    page.keyboard.press("Tab")
    for key in ["ArrowUp"] * 8 + [" "] + ["ArrowDown"] * 16 + ["Enter"]:
        page.keyboard.press(key)
    page.locator("#answer").filter(has_text="É um 1").wait_for(timeout=PATIENCE_MS)
    server.stop()
    page.keyboard.press("Enter")
    page.locator("#answer").filter(has_text="O servidor não responde.").wait_for(timeout=PATIENCE_MS)
    page.keyboard.press("Escape")
    assert page.locator("#answer").inner_text() == "Esperando um desenho."
    page.close()


@pytest.mark.parametrize("proxied", [False, True], ids=["direto", "pelo proxy"])
def test_swagger_sends_the_example_as_it_is_and_shows_the_answer(browser, lab, server, proxied):
    page, asked = browser.new_page(viewport={"width": 1100, "height": 1000}), []
    page.on("request", lambda request: asked.append(request.url))
    address = through_the_proxy(page, lab, server) if proxied else server.url
    asked.clear()
    page.goto(f"{address}docs")
    page.get_by_role("button", name="POST /predict").first.click()
    page.get_by_role("button", name="Try it out").click()
    page.get_by_role("button", name="Execute").click()
    answer = page.locator(".live-responses-table .response")
    answer.filter(has_text='"digit": 1').wait_for(timeout=PATIENCE_MS)
    assert answer.locator(".response-col_status").first.inner_text().startswith("200")
    page.screenshot(path=SCREENS / f"swagger_{'proxy' if proxied else 'direto'}.png")
    page.close()
    strangers = [url for url in asked if not url.startswith(("http://127.0.0.1:", "data:", "blob:"))]
    assert not strangers


def test_the_page_works_behind_jupyter_server_proxy(browser, lab, server):
    page = browser.new_page()
    page.goto(through_the_proxy(page, lab, server))
    assert draw_seven(page, page).startswith("É um 7, com ")
    page.close()


def through_the_proxy(page, lab, server):
    """O endereço do servidor por trás do JupyterLab, com a página já autorizada a usá-lo."""
    page.goto(lab)
    return urllib.parse.urljoin(lab, f"/proxy/{server.port}/")


RUN_ALL = """async () => {
  const panel = window.jupyterapp.shell.currentWidget;
  await panel.sessionContext.ready;
  panel.content.model.sharedModel.cells.filter((cell) => cell.cell_type === "code")
    .forEach((cell) => { cell.setOutputs([]); cell.execution_count = null; });
  window.jupyterapp.commands.execute("notebook:run-all-cells");
}"""


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


FOCUS_FIRST = """async () => {
  const panel = window.jupyterapp.shell.currentWidget;
  await panel.sessionContext.ready;
  panel.content.activeCellIndex = 0;
  panel.content.mode = "command";
  panel.content.activeCell.node.focus();
}"""
FOCUS_ACTIVE = "() => window.jupyterapp.shell.currentWidget.content.activeCell.node.focus()"
COUNT_CELLS = "() => window.jupyterapp.shell.currentWidget.content.widgets.length"


@contextlib.contextmanager
def notebook_run(browser, lab, name):
    """O notebook aberto e executado inteiro numa página nova. Ao sair, fecha a página e encerra o kernel.

    Um Lab que trava com a máquina cheia ganha uma segunda chance, como lhe daria o aluno, e o aviso fica nos
    avisos do pytest; que as células rodam sem erro de primeira é o nbval quem cobra.
    """
    page = open_notebook(browser, lab, name)
    try:
        run_to_the_end(page)
    except AssertionError as failure:
        warnings.warn(f"{name} precisou de outra tentativa no JupyterLab: {failure}", stacklevel=2)
        close_notebook(page)
        page = open_notebook(browser, lab, name)
        run_to_the_end(page)
    page.screenshot(path=SCREENS / f"lab_{name}_executado.png")
    yield page
    close_notebook(page)


def run_to_the_end(page, seconds=900):
    """Apaga as saídas guardadas, executa tudo e espera; mostra a célula que erra, ou a que não acaba."""
    page.evaluate(RUN_ALL)
    limit = time.monotonic() + seconds
    while True:
        state = page.evaluate(STATE)
        outputs = [output for cell in state["cells"] for output in cell["outputs"]]
        errors = ["\n".join(output["traceback"]) for output in outputs if output["output_type"] == "error"]
        assert not errors, errors[0]
        waiting = [cell["source"] for cell in state["cells"] if not cell["execution_count"]]
        if state["kernel"] == "idle" and not waiting:
            return
        assert time.monotonic() < limit, f"kernel {state['kernel']}; sem terminar: {waiting[:1]}"
        page.wait_for_timeout(1_000)


def sliders_move_the_figure_even_after_a_reload(page):
    """No 03: a seta do teclado anda no controle e refaz a figura; salvo e recarregado, o widget continua vivo."""
    move_the_slider(page, "71")
    page.evaluate("window.jupyterapp.commands.execute('docmanager:save')")
    page.reload()
    page.locator(".jp-Notebook").wait_for(timeout=PATIENCE_MS)
    move_the_slider(page, "72")
    page.screenshot(path=SCREENS / "lab_03_controles.png")


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


@pytest.mark.parametrize(
    "path", LABS + [path for path in PATHS if path.stem not in BY_CELL + WHOLE], ids=lesson.name_of
)
def test_a_notebook_opens_in_jupyterlab_without_a_complaint(browser, lab, path):
    close_notebook(open_notebook(browser, lab, lesson.name_of(path)))


@pytest.mark.parametrize("name", WHOLE)
def test_a_lesson_notebook_runs_from_top_to_bottom_in_jupyterlab(browser, lab, name):
    with notebook_run(browser, lab, name) as page:
        assert [output for cell in page.evaluate(STATE)["cells"] for output in cell["outputs"]]
        afterwards(name, page)


@pytest.mark.parametrize("name", BY_CELL)
def test_a_learner_goes_cell_by_cell_and_sees_the_guess_beside_the_measure(browser, lab, name):
    """Shift + Enter até o fim, com um palpite em cada Preveja: a resposta só aparece depois, ao lado dele."""
    page = open_notebook(browser, lab, name)
    page.evaluate(FOCUS_FIRST)
    given = 0
    for _ in range(page.evaluate(COUNT_CELLS)):
        page.keyboard.press("Shift+Enter")
        page.wait_for_function(KERNEL_IS_IDLE, timeout=PATIENCE_MS)
        page.wait_for_timeout(300)
        given += give_a_guess(page)
        page.evaluate(FOCUS_ACTIVE)
    outputs = [output for cell in page.evaluate(STATE)["cells"] for output in cell["outputs"]]
    assert not [output for output in outputs if output["output_type"] == "error"]
    told = json.dumps(outputs, ensure_ascii=False)
    assert given >= 2 and told.count("Você previu: ") >= 2 * given  # em HTML e em texto
    page.screenshot(path=SCREENS / f"lab_{name}_passo_a_passo.png")
    afterwards(name, page)
    close_notebook(page)


def give_a_guess(page):
    """Dá o palpite no primeiro Preveja ainda sem resposta que está à vista; devolve quantos deu (0 ou 1)."""
    board = page.locator(".preveja:visible").filter(has_not=page.locator("[role=status]"))
    if not board.count():
        return 0
    board = board.first
    field = board.locator("input[type=text]")
    if field.count():
        field.fill("5")
        field.press("Enter")
    else:
        board.locator("button").first.click()
    board.filter(has_text="Anotado: ").or_(page.locator(".preveja", has_text="Anotado: ")).first.wait_for()
    return 1


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


def afterwards(name, page):
    """O que só neste notebook se faz com a mão, depois que ele rodou."""
    if name == "00_a_ponte":
        a_digit_drawn_is_read_and_kept_for_the_card(page)
    elif name == "01_salvar_e_carregar":
        an_exercise_is_solved_by_typing(page)
    elif name == "03_opcoes_de_deploy":
        sliders_move_the_figure_even_after_a_reload(page)
