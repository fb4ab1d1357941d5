"""Os slides: o arquivo que abre sem rede nenhuma, e que se percorre pelo teclado.

Que slide cada célula é está guardado nos notebooks: confere-o test_notebooks.py.
"""

import re

import nbformat
import pytest
from bs4 import BeautifulSoup
from nbformat.v4 import new_code_cell, new_markdown_cell, new_output

from course_utils import lesson
from course_utils.slides import __main__ as command

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


@pytest.mark.parametrize("path", lesson.find_notebooks(["00", "03", "09"]), ids=lambda path: path.stem)
def test_a_deck_asks_the_network_for_nothing_and_shows_and_describes_each_picture(path, tmp_path):
    html = command.export(path, tmp_path).read_text(encoding="utf-8")
    assert "@import" not in html and not re.search(r"url\((?!['\"]?data:|#)", html)
    deck = BeautifulSoup(html, "html.parser")
    loaded = [part.get("src") or part.get("href") for part in deck(["script", "img", "link", "iframe"])]
    assert all(address is None or address.startswith("data:") for address in loaded)
    cells = nbformat.read(path, as_version=4).cells
    drawn = ["image/png" in output.get("data", {}) for cell in cells for output in cell.get("outputs", [])]
    assert len(deck("img")) == sum(drawn) > 0
    for picture in deck("img"):
        assert len(picture["alt"]) > 30 and "No description" not in picture["alt"]


def test_a_deck_leads_only_to_another_one_describes_its_picture_and_leaves_the_notebook_alone(
    tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(lesson, "FOLDER", tmp_path)
    monkeypatch.setattr(command, "TARGET", tmp_path / "slides")
    picture = new_output("display_data", {"image/png": PIXEL})
    cells = [new_markdown_cell("# Um"), new_code_cell("print(1)", outputs=[picture])]
    cells += [
        new_markdown_cell('<details><summary>Descrição da figura</summary>\n\num "ponto".\n\n</details>'),
        new_markdown_cell("[Próximo: 01](01_b.ipynb), [a fundo](laboratorios/00_c.ipynb), [o mapa](../README.md)"),
    ]
    path = tmp_path / "00_a.ipynb"
    nbformat.write(nbformat.v4.new_notebook(), tmp_path / "01_b.ipynb")
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
    before = path.read_bytes()
    assert command.main(["00"]) == 0 and "00_a.html" in capsys.readouterr().out
    deck = BeautifulSoup((tmp_path / "slides/00_a.html").read_text(encoding="utf-8"), "html.parser")
    links = [link["href"] for link in deck("a", href=True)]
    assert [target for target in links if not target.startswith("#")] == ["01_b.html"]
    assert "a fundo, o mapa" in deck.get_text() and deck.img["alt"] == 'um "ponto".'
    assert path.read_bytes() == before


@pytest.mark.slow
def test_the_keyboard_alone_walks_through_a_deck(browser, tmp_path):
    path = lesson.find_notebooks(["00"])[0]
    page, asked, errors = browser.new_page(viewport={"width": 1280, "height": 720}), [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(command.export(path, tmp_path).as_uri())
    visible = page.locator("main > section > section:visible")
    assert page.locator("h1:visible").inner_text().startswith("00 · A ponte") and visible.count() == 1
    texts, before = [], ""
    while page.content() != before:
        before = page.content()
        page.keyboard.press("ArrowRight")
        assert visible.count() == 1 and page.evaluate("document.documentElement.scrollWidth") <= 1280
        texts.append(visible.inner_text())
    page.keyboard.press("n")
    page.keyboard.press("Home")
    assert page.locator("#counter").inner_text().startswith("1 de ")
    shown = "\n".join(texts)
    assert "992 acertos" in shown and "A aula, conferida" in shown
    guess = next(number for number, text in enumerate(texts) if "quantos ela acerta" in text)
    assert "992 acertos" not in texts[guess] and "992 acertos" in texts[guess + 1]
    page.close()
    assert errors == [] and all(url.startswith(("file:", "data:")) for url in asked)
