"""Os slides: a regra que dá a cada célula o seu tipo, e o arquivo que abre sem rede nenhuma."""

import copy
import re

import nbformat
import pytest
from bs4 import BeautifulSoup
from nbformat.v4 import new_code_cell, new_markdown_cell, new_output

from course_utils import lesson, slides
from course_utils.slides import __main__ as command

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        ("# 09 · Poda", "slide"),
        ("<details><summary>Descrição da figura</summary>Curva.</details>\n\n## Outra seção (2 min)", "slide"),
        ("### Um passo", "subslide"),
        ("**O que aconteceu:** mudou.", "subslide"),
        ("```python\n# um comentário\n```", "subslide"),
        ("<details><summary>Descrição da figura</summary>\n\nUma curva.\n\n</details>", ""),
        ("[Próximo: 01 · Salvar](01_salvar.ipynb)", ""),
        ("<details><summary>Dica</summary>\n\nUma.\n</details>\n\n<details>Outra</details>", "notes"),
        ("Pense.\n\n<details><summary>Resposta</summary>Sim.</details>", "subslide"),
    ],
)
def test_the_type_of_a_text_comes_from_how_it_begins(source, kind):
    assert slides.text_slide(source) == kind


@pytest.mark.parametrize(
    ("source", "before", "kind"),
    [
        ("import numpy\nfrom os import path", "**Preveja:** quanto?", "skip"),
        ("from course_utils.classroom import quiet\n\nquiet.divert_native_logs()\nimport keras", "", "skip"),
        ('passport.stamp("00", {})', "", "skip"),
        ("print(1)", "**Preveja:** quanto?", "fragment"),
        ("print(1)", "Outra frase.", ""),
        ("print(1)", None, "subslide"),
        ("%%writefile servidor.py\nprint(1)", "**Preveja:** quanto?", "fragment"),
    ],
)
def test_code_waits_for_the_guess_and_plumbing_is_not_shown(source, before, kind):
    assert slides.code_slide(source, before) == kind


def test_marking_twice_changes_nothing_and_touches_only_the_slides():
    cells = [new_markdown_cell("# Um"), new_code_cell("x = 1", metadata={"tags": ["a"]})]
    cells[1].metadata["slideshow"] = {"slide_type": "notes"}
    once = slides.mark(nbformat.v4.new_notebook(cells=cells))
    assert slides.mark(copy.deepcopy(once)) == once
    metadata = [dict(cell.metadata) for cell in once.cells]
    assert metadata == [{"slideshow": {"slide_type": "slide"}}, {"tags": ["a"]}]


@pytest.mark.parametrize("path", lesson.find_notebooks(["00", "03", "09"]), ids=lambda path: path.stem)
def test_a_deck_asks_the_network_for_nothing_and_describes_each_picture(path, tmp_path):
    html = command.export(path, tmp_path).read_text(encoding="utf-8")
    assert "@import" not in html and not re.search(r"url\((?!['\"]?data:|#)", html)
    deck = BeautifulSoup(html, "html.parser")
    loaded = [part.get("src") or part.get("href") for part in deck(["script", "img", "link", "iframe"])]
    assert all(address is None or address.startswith("data:") for address in loaded)
    for picture in deck("img"):
        assert len(picture["alt"]) > 30 and "No description" not in picture["alt"]


def test_a_deck_leads_to_the_next_one_and_the_command_marks_the_notebook(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(lesson, "FOLDER", tmp_path)
    monkeypatch.setattr(command, "TARGET", tmp_path / "slides")
    picture = new_output("display_data", {"image/png": PIXEL})
    cells = [new_markdown_cell("# Um"), new_code_cell("print(1)", outputs=[picture])]
    cells += [
        new_markdown_cell('<details><summary>Descrição da figura</summary>\n\num "ponto".\n\n</details>'),
        new_markdown_cell("[Próximo: 01](01_b.ipynb)"),
    ]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), tmp_path / "00_a.ipynb")
    assert command.main(["00", "--save"]) == 0 and "00_a.html" in capsys.readouterr().out
    html = (tmp_path / "slides/00_a.html").read_text(encoding="utf-8")
    deck = BeautifulSoup(html, "html.parser")
    assert deck.find("a", href="01_b.html") and deck.img["alt"] == 'um "ponto".'
    stored = nbformat.read(tmp_path / "00_a.ipynb", as_version=4)
    assert stored.cells[0].metadata == {"slideshow": {"slide_type": "slide"}}
    assert stored.cells[3].source.endswith("(01_b.ipynb)") and stored.cells[1].outputs[0].metadata == {}


def test_an_unknown_notebook_is_a_usage_error(capsys):
    with pytest.raises(SystemExit):
        command.main(["99"])
    assert "nenhum notebook começa por 99" in capsys.readouterr().err


@pytest.mark.slow
def test_the_keyboard_alone_walks_through_a_deck(browser, tmp_path):
    path = lesson.find_notebooks(["00"])[0]
    page, asked, errors = browser.new_page(viewport={"width": 1280, "height": 720}), [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(command.export(path, tmp_path).as_uri())
    visible = page.locator("main > section > section:visible")
    assert page.locator("h1:visible").inner_text().startswith("00 · A ponte") and visible.count() == 1
    texts = []
    while True:
        before = page.content()
        page.keyboard.press("ArrowRight")
        if page.content() == before:
            break
        assert visible.count() == 1
        assert page.evaluate("document.documentElement.scrollWidth") <= 1280
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
