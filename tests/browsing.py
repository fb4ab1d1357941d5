"""O Chromium e o JupyterLab dos testes de navegador, a mão que desenha, e o axe, que confere a acessibilidade."""

import contextlib
import re
import shutil
import subprocess
import sys
import urllib.parse
import urllib.request

from needs import miss, need
from waiting import PATIENCE_S, wait_for

from course_utils.model import artifacts

PATIENCE_MS = 1000 * PATIENCE_S  # o Playwright conta em milésimos
SCREENS = artifacts.ARTIFACTS / "browser"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
FLAGS += ["--disable-component-update", "--disable-sync"]
SEVEN = [(80, 70), (200, 70), (180, 130), (150, 180), (130, 240)]
STATE = """() => {
  const panel = window.jupyterapp.shell.currentWidget;
  const cells = panel.content.model.sharedModel.toJSON().cells.filter((cell) => cell.cell_type === "code");
  return { path: panel.context.path, kernel: panel.sessionContext.session?.kernel?.status, cells };
}"""
RUN_QUIZ = """async (call) => {
  const panel = window.jupyterapp.shell.currentWidget;
  await panel.sessionContext.ready;
  const notebook = panel.content;
  const place = notebook.widgets.findIndex((cell) => cell.model.sharedModel.source.includes(call));
  notebook.activeCellIndex = place;
  await window.jupyterapp.commands.execute("notebook:run-all-above"); // lá estão os imports
  notebook.activeCellIndex = place;
  await notebook.scrollToItem(place, "start");
  await window.jupyterapp.commands.execute("notebook:run-cell");
}"""


@contextlib.contextmanager
def chromium():
    """O Chromium do sistema, guiado pelo Playwright; sem eles o teste é pulado, menos na CI, onde falha."""
    need("playwright")
    from playwright.sync_api import sync_playwright

    names = ("chromium", "chromium-browser", "google-chrome")
    program = next(filter(None, map(shutil.which, names)), None) or miss("falta o Chromium do sistema")
    SCREENS.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=FLAGS)
        yield browser
        browser.close()


@contextlib.contextmanager
def jupyterlab(folder, *options):
    """O JupyterLab aberto pelo comando do README em `folder`, com as `options`: dá o endereço com a senha."""
    command = [sys.executable, "-m", "course_utils", "--no-browser", "--expose-app-in-browser", *options]
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True, encoding="utf-8")
    try:
        found = next(filter(None, (re.search(r"http://\S+", line) for line in process.stdout)), None)
        assert found, "o JupyterLab acabou antes de dizer o endereço"
        wait_for(lambda: _answers(urllib.parse.urljoin(found[0], "/login")))
        yield found[0]
    finally:
        process.terminate()
        process.wait(timeout=PATIENCE_S)


def _answers(url):
    try:
        with urllib.request.urlopen(url, timeout=PATIENCE_S) as response:
            return response.status == 200
    except OSError:
        return False


def draw_seven(page, frame, answer="É um"):
    """Desenha um 7 com o mouse na folha que está em `frame`; espera a frase que tem `answer` e a devolve."""
    frame.locator("#paper").scroll_into_view_if_needed(timeout=PATIENCE_MS)
    box = frame.locator("#paper").bounding_box()
    (x, y), *others = [(box["x"] + x, box["y"] + y) for x, y in SEVEN]
    page.mouse.move(x, y)
    page.mouse.down()
    for x, y in others:
        page.mouse.move(x, y, steps=8)
    page.mouse.up()
    return text(frame, "#answer", answer)


def text(page, selector, pattern):
    """Espera que `selector` case com `pattern` e devolve o texto dele."""
    place = page.locator(selector)
    place.filter(has_text=re.compile(pattern)).wait_for(timeout=PATIENCE_MS)
    return place.inner_text()


def violations(page, known=(), inside=None):
    """O que o axe acha em `page` (ou no seletor `inside`), uma linha por elemento, menos as regras `known`.

    Ele acha só parte dos problemas: o resto é com gente.
    """
    need("axe_playwright_python")
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page, inside).response
    assert found["passes"], "o axe não conferiu quase nada: a página abriu?"
    return [
        f"{rule['id']}: {node['target']} {node['failureSummary']}"
        for rule in found["violations"]
        if rule["id"] not in known
        for node in rule["nodes"]
    ]


def open_notebook(browser, lab, name):
    page = browser.new_page(viewport={"width": 1200, "height": 900})
    page.goto(lab.replace("00_a_ponte", name) + "&reset")
    page.locator(".jp-Notebook").wait_for(timeout=PATIENCE_MS)
    page.get_by_role("menuitem", name="Arquivo").wait_for(timeout=PATIENCE_MS)
    assert page.evaluate(STATE)["path"] == f"notebooks/{name}.ipynb"
    assert page.locator(".Toastify__toast").count() == 0, "apareceu um aviso que ninguém pediu"
    page.screenshot(path=SCREENS / f"lab_{name}_aberto.png")
    return page


def run_quiz(tab, notebook, kind):
    """Roda a célula desse grupo e devolve o quiz vivo, já com todos os botões."""
    tab.evaluate(RUN_QUIZ, f'quiz.show("{notebook}", "{kind}")')
    board = tab.locator(".jp-Cell").filter(has_text=f'quiz.show("{notebook}", "{kind}")').locator(".quiz-board")
    board.get_by_role("button").last.wait_for(timeout=PATIENCE_MS)
    return board


def close_notebook(page):
    page.evaluate("window.jupyterapp.shell.currentWidget.sessionContext.shutdown()")
    page.close()
