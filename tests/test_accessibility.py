"""O axe, o conferidor de acessibilidade mais usado, num Chromium de verdade: os slides e um notebook exportado.

Prova demorada (veja test_browser.py). A página de desenho e o quiz, conferem-nos as provas deles.
"""

import pytest
from browsing import violations
from nbconvert import HTMLExporter

from course_utils import lesson
from course_utils.slides.__main__ import export

pytestmark = pytest.mark.slow
# O que escrevemos num notebook: o Markdown e as saídas. As cores do código e dos números são do tema.
OUR_CONTENT = {"include": [[".jp-RenderedMarkdown"], [".jp-OutputArea-output"]]}


@pytest.mark.parametrize("number", ["00", "03", "10"])
def test_an_exported_notebook(browser, tmp_path, number):
    html, _ = HTMLExporter(language_code="pt-BR").from_filename(lesson.find_notebooks([number])[0])
    (tmp_path / "notebook.html").write_text(html, encoding="utf-8")
    page = browser.new_page()
    page.route("http*://**/*", lambda route: route.abort())  # o MathJax e o Mermaid que o nbconvert buscaria
    page.goto((tmp_path / "notebook.html").as_uri())
    assert violations(page, inside=OUR_CONTENT) == []
    page.close()


@pytest.mark.parametrize("number", ["00", "09"])
def test_the_slides(browser, tmp_path, number):
    page = browser.new_page()
    page.goto(export(lesson.find_notebooks([number])[0], tmp_path).as_uri())
    assert violations(page) == []
    page.keyboard.press("End")
    assert violations(page, ["page-has-heading-one"]) == []  # o título de nível 1 está no primeiro slide
    page.close()
