"""O axe, o conferidor de acessibilidade mais usado, num Chromium de verdade: a página, os slides, um notebook.

Prova demorada: precisa do Chromium do sistema, do Playwright e do axe-playwright-python (.ci/requirements.txt);
sem eles é pulada com uma frase, menos na CI, onde falha. O axe acha só parte dos problemas: o resto é com gente.
"""

import pytest
from browsing import PATIENCE_MS, SCREENS, close_notebook, draw_seven, open_notebook, run_quiz
from nbconvert import HTMLExporter
from needs import miss

from course_utils import lesson
from course_utils.classroom import servers
from course_utils.slides.__main__ import export

pytestmark = pytest.mark.slow

PHONE = {"viewport": {"width": 360, "height": 740}}
SCENES = {
    "claro": {"color_scheme": "light"},
    "escuro": {"color_scheme": "dark"},
    "telefone": PHONE,
}
# O que escrevemos num notebook: o Markdown e as saídas. As cores do código e dos números são do tema.
OUR_CONTENT = {"include": [[".jp-RenderedMarkdown"], [".jp-OutputArea-output"]]}


@pytest.fixture(scope="module")
def server():
    with servers.start() as server:
        yield server


def violations(page, known=(), inside=None):
    """O que o axe acha em `page` (ou no seletor `inside`), uma linha por elemento, menos as regras `known`."""
    try:
        from axe_playwright_python.sync_playwright import Axe
    except ImportError:
        reason = "falta o pacote axe-playwright-python (.ci/requirements.txt)"
        miss(reason)
    found = Axe().run(page, inside).response
    assert found["passes"], "o axe não conferiu quase nada: a página abriu?"
    return [
        f"{rule['id']}: {node['target']} {node['failureSummary']}"
        for rule in found["violations"]
        if rule["id"] not in known
        for node in rule["nodes"]
    ]


@pytest.mark.parametrize("comparing", [False, True], ids=["servidor", "comparando"])
@pytest.mark.parametrize("scene", SCENES)
def test_the_drawing_page(browser, server, scene, comparing):
    page = browser.new_page(**SCENES[scene])
    page.goto(server.url + ("?motor=onnx&comparar=1" if comparing else ""))
    if comparing and page.locator("#missing").is_visible():
        pytest.skip("os motores não estão instalados: python -m course_utils")
    page.locator("input[name=motor]:checked").and_(page.locator(":enabled")).wait_for()
    if comparing:
        page.locator("#engine-state").filter(has_text="ONNX Runtime Web pronto").wait_for(timeout=PATIENCE_MS)
        page.locator("#engine-state").filter(has_text="TF.js pronto").wait_for(timeout=PATIENCE_MS)
    assert draw_seven(page, page).startswith("É um 7, com ")
    if comparing:
        page.locator("#difference").filter(has_text="Maior diferença").wait_for(timeout=PATIENCE_MS)
        page.locator("#compare").scroll_into_view_if_needed()
    page.screenshot(path=SCREENS / f"axe_{scene}_{'comparando' if comparing else 'servidor'}.png", full_page=True)
    wrong = violations(page)
    wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    table = page.evaluate("compare.scrollWidth - compare.clientWidth")
    page.close()
    assert wrong == [] and wide <= 0 and table <= 0


@pytest.mark.parametrize("number", ["00", "03", "10"])
def test_an_exported_notebook(browser, tmp_path, number):
    path = lesson.find_notebooks([number])[0]
    html, _ = HTMLExporter(language_code="pt-BR").from_filename(path)
    (tmp_path / "notebook.html").write_text(html, encoding="utf-8")
    page = browser.new_page()
    page.route("http*://**/*", lambda route: route.abort())  # o MathJax e o Mermaid que o nbconvert buscaria
    page.goto((tmp_path / "notebook.html").as_uri())
    wrong = violations(page, inside=OUR_CONTENT)
    page.close()
    assert wrong == []


def test_the_quiz_in_jupyterlab(browser, lab):
    page = open_notebook(browser, lab, "00_a_ponte")
    board = run_quiz(page, "00_a_ponte", "closing")
    board.get_by_role("button").first.click()
    board.get_by_role("alert").first.wait_for(timeout=PATIENCE_MS)
    wrong = violations(page, inside=".quiz-board")
    close_notebook(page)
    assert wrong == []


@pytest.mark.parametrize("number", ["00", "09"])
def test_the_slides(browser, tmp_path, number):
    page = browser.new_page()
    page.goto(export(lesson.find_notebooks([number])[0], tmp_path).as_uri())
    wrong = violations(page)
    page.keyboard.press("End")
    wrong += violations(page, ["page-has-heading-one"])  # o título de nível 1 está no primeiro slide
    page.close()
    assert wrong == []
