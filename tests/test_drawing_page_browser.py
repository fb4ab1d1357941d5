"""A página de desenho num Chromium de verdade: mouse, dedo, teclado, tamanhos, temas; e a documentação da API.

Prova demorada (veja test_browser.py). As telas ficam em artifacts/browser/.
"""

import urllib.parse

import pytest
from browsing import PATIENCE_MS, SCREENS, draw_seven, text, violations

from course_utils.classroom import servers

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def server():
    with servers.start() as server:
        yield server


@pytest.fixture(params=[False, True], ids=["direto", "pelo proxy"])
def address(request, lab, server):
    """O endereço do servidor, direto e por trás do JupyterLab."""
    return urllib.parse.urljoin(lab, f"/proxy/{server.port}/") if request.param else server.url


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
def test_a_digit_drawn_with_the_mouse_is_read_seen_whole_and_accessible(browser, server, name, options):
    page = browser.new_page(**options)
    page.goto(server.url)
    assert draw_seven(page, page).startswith("É um 7, com ")
    page.screenshot(path=SCREENS / f"pagina_{name}.png")
    width, height = page.evaluate(
        "(({scrollWidth, scrollHeight}) => [scrollWidth, scrollHeight])(document.documentElement)"
    )
    boxes = [page.locator(name).bounding_box() for name in ("#paper", "#answer")]
    assert violations(page) == []
    page.close()
    # A folha e a resposta cabem juntas; fora do telefone, a página inteira.
    assert width <= options["viewport"]["width"]
    assert all(box["y"] + box["height"] <= options["viewport"]["height"] for box in boxes)
    assert name == "telefone" or height <= options["viewport"]["height"]


def test_a_click_leaves_a_dot_undo_takes_it_back_and_the_bars_stay_in_place(page, server):
    page.goto(server.url)
    top = page.locator("#bars").bounding_box()["y"]
    page.mouse.click(*[side + 140 for side in map(page.locator("#paper").bounding_box().get, ("x", "y"))])
    text(page, "#answer", "É um ")
    assert page.locator("#bars").bounding_box()["y"] == top
    page.locator("#undo").click()
    text(page, "#answer", "Esperando um desenho.")


def test_a_digit_drawn_with_the_finger_is_read(browser, server):
    page = browser.new_page(has_touch=True, viewport={"width": 360, "height": 740})
    page.goto(server.url)
    box = page.locator("#paper").bounding_box()
    session = page.context.new_cdp_session(page)
    points = [{"x": box["x"] + 140, "y": box["y"] + y} for y in range(50, 231, 20)]
    for kind, touched in (
        ("touchStart", points[:1]),
        *[("touchMove", [point]) for point in points],
        ("touchEnd", []),
    ):
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": touched})
    text(page, "#answer", "É um 1")
    page.close()


def test_keyboard_alone_draws_reads_and_clears_and_a_stopped_server_is_told(page):
    server = servers.start()
    page.goto(server.url)
    page.keyboard.press("Tab")
    for key in ["ArrowUp"] * 8 + [" "] + ["ArrowDown"] * 16 + ["Enter"]:
        page.keyboard.press(key)
    text(page, "#answer", "É um 1")
    server.stop()
    page.keyboard.press("Enter")
    text(page, "#answer", "O servidor não responde.")
    page.keyboard.press("Escape")
    assert page.locator("#answer").inner_text() == "Esperando um desenho."


def test_it_draws_and_swagger_answers_also_behind_the_proxy_with_nothing_from_elsewhere(page, address, lab):
    page.goto(lab)  # a senha do JupyterLab, para quem passa pelo proxy
    page.asked.clear()
    page.goto(address)
    assert draw_seven(page, page).startswith("É um 7, com ")
    page.goto(f"{address}docs")
    page.get_by_role("button", name="POST /predict").first.click()
    page.get_by_role("button", name="Try it out").click()
    page.get_by_role("button", name="Execute").click()
    told = page.locator(".live-responses-table .response")
    told.filter(has_text='"digit": 1').wait_for(timeout=PATIENCE_MS)
    assert told.locator(".response-col_status").first.inner_text().startswith("200")
    asked = [request.url for request in page.asked]
    assert not [url for url in asked if not url.startswith(("http://127.0.0.1:", "data:", "blob:"))]
