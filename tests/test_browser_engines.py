"""O modelo dentro de um Chromium de verdade: os três motores concordam, e sem o servidor dois continuam lendo.

Prova demorada, como a de test_browser.py.
"""

import base64
import re
import urllib.parse

import numpy as np
import pytest
from browsing import PATIENCE_MS, draw_seven, text, violations

from course_utils.classroom import servers
from course_utils.model import digits
from course_utils.model.predictor import Predictor

pytestmark = pytest.mark.slow
TITLES = {"tfjs": "TF.js", "onnx": "ONNX Runtime Web"}
INFER = """async ([name, text]) => {
  const { ENGINES, load, toPixels } = await import(new URL("web/engines.js", document.baseURI));
  await load(name);
  const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  const logits = [];
  for (let start = 0; start < bytes.length; start += 784) {
    const pixels = toPixels(bytes.subarray(start, start + 784));
    logits.push(Array.from(await ENGINES[name].infer(pixels)));
  }
  return logits;
}"""


@pytest.fixture(scope="module")
def server():
    with servers.start() as server:
        yield server


def total_sent(page):
    return int(re.sub(r"\D", "", page.locator("#traffic").inner_text()))


def bodies(requests):
    """Bytes de corpo que o navegador, e não a página, diz ter mandado."""
    return sum(len(request.post_data_buffer or b"") for request in requests)


@pytest.fixture(scope="module")
def reference():
    """As 1.000 imagens de teste e os logits do ONNX Runtime."""
    images = digits.load("test")[0]
    predictor = Predictor()
    parts = [predictor.infer(predictor.preprocess(part)) for part in np.split(images, 10)]
    return images, np.concatenate(parts)


@pytest.mark.parametrize("name", TITLES)
def test_it_agrees_with_onnx_runtime_on_all_test_images(page, server, reference, name):
    images, expected = reference
    page.goto(server.url)
    logits = np.float32(page.evaluate(INFER, [name, base64.b64encode(images.tobytes()).decode()]))
    assert logits.shape == (1000, 10)
    assert (logits.argmax(1) == expected.argmax(1)).all()
    assert np.abs(logits - expected).max() <= 1e-4


def test_the_three_agree_on_a_drawing_and_only_the_server_gets_bytes(page, server):
    page.goto(f"{server.url}?motor=onnx&comparar=1")
    text(page, "#engine-state", "TF.js pronto: .*ONNX Runtime Web pronto: ")
    assert draw_seven(page, page).startswith("É um 7, com ")
    exponent = re.search(r"(\d),\de-(\d+)\.", text(page, "#difference", "Maior diferença"))
    assert float(f"{exponent[1]}e-{exponent[2]}") <= 1e-4
    rows = [row.inner_text().split("\t") for row in page.locator("#engines-table tr").all()]
    assert [row[0] for row in rows] == ["Servidor", *TITLES.values()]
    assert {row[1] for row in rows} == {"7"} and [row[4] for row in rows] == ["784", "0", "0"]
    cost = page.inner_text("#cost")
    assert re.fullmatch(r"0 bytes enviados; inferência em [\d,]+ ms, aqui no navegador\.", cost)
    assert total_sent(page) == bodies(page.asked) == 784
    here = (server.url, "data:", "blob:")
    assert not [request.url for request in page.asked if not request.url.startswith(here)]


def test_the_engine_is_chosen_by_mouse_and_by_keyboard(page, server):
    page.goto(server.url)
    draw_seven(page, page)
    assert total_sent(page) == 784
    page.get_by_label("TF.js").check()
    text(page, "#cost", "^0 bytes enviados")
    page.get_by_label("TF.js").focus()
    page.keyboard.press("ArrowDown")
    text(page, "#engine-state", "ONNX Runtime Web pronto: ")
    assert page.get_by_label("ONNX Runtime Web").is_checked()
    text(page, "#cost", "^0 bytes enviados")
    assert total_sent(page) == bodies(page.asked) == 784
    page.get_by_label("Servidor").check()
    text(page, "#cost", "^784 bytes enviados")
    assert total_sent(page) == bodies(page.asked) == 2 * 784


@pytest.mark.parametrize("proxied", [False, True], ids=["direto", "pelo proxy"])
@pytest.mark.parametrize("name", TITLES)
def test_with_the_cable_pulled_it_goes_on_reading(page, lab, name, proxied):
    server = servers.start()
    address = server.url
    if proxied:
        page.goto(lab)
        address = urllib.parse.urljoin(lab, f"/proxy/{server.port}/")
    page.goto(f"{address}?motor={name}")
    text(page, "#engine-state", f"{TITLES[name]} pronto: ")
    assert text(page, "#link", ".") == "Servidor no ar."
    server.process.kill()
    text(page, "#link", "Cabo arrancado")
    page.asked.clear()
    assert draw_seven(page, page).startswith("É um 7, com ")
    assert page.inner_text("#cost").startswith("0 bytes enviados; inferência em ")
    page.get_by_text("Comparar os três").click()
    row = page.locator("#engines-table tr").first
    row.filter(has_text="sem resposta").wait_for(timeout=PATIENCE_MS)
    assert total_sent(page) == bodies(page.asked) == 0
    # Só se perguntou se ele voltou e, ao comparar, pelo outro motor, que já não vem.
    files = {urllib.parse.urlparse(request.url).path.rpartition("/")[2] for request in page.asked}
    assert files <= {"live", "tf.min.js", "ort.wasm.min.mjs"}
    # Com o servidor escolhido, a página diz que ele não responde e aponta a saída.
    page.get_by_label("Servidor").check()
    text(page, "#answer", "O servidor não responde.")
    assert page.inner_text("#cost") == "Escolha um motor do navegador: ele não precisa do servidor."
    assert total_sent(page) == 0, "ninguém recebeu o desenho"
    page.get_by_label(TITLES[name]).check()
    text(page, "#answer", "É um 7, com ")
    # O motor que não foi carregado a tempo não pode mais vir: a página diz por quê e fica no que tinha.
    other = next(key for key in TITLES if key != name)
    page.get_by_label(TITLES[other]).click()  # a página volta logo ao que tinha
    text(page, "#engine-state", f"Não deu para carregar o {TITLES[other]}: o servidor")
    assert page.get_by_label(TITLES[name]).is_checked()
    server.stop()


def test_without_engines_the_page_says_so_and_the_server_still_reads(page, server):
    page.route("**/engines/manifest.json", lambda route: route.fulfill(status=500))
    page.goto(f"{server.url}?motor=onnx&comparar=1")
    assert "O servidor não entregou os motores do navegador" in text(page, "#missing", "motores")
    assert page.get_by_label("Servidor").is_checked()
    assert page.get_by_label("TF.js").is_disabled() and page.get_by_label("ONNX Runtime Web").is_disabled()
    assert draw_seven(page, page).startswith("É um 7, com ")
    rows = [row.inner_text().split("\t")[1] for row in page.locator("#engines-table tr").all()]
    assert rows == ["7", "não carregado", "não carregado"]


@pytest.mark.parametrize(("width", "height"), [(620, 680), (360, 740)], ids=["JupyterLab", "telefone"])
def test_the_comparison_fits_where_it_is_seen(browser, server, width, height):
    """No JupyterLab, numa tela de 1024 × 768, o quadro tem uns 620 pixels de largura e, à vista, de altura."""
    page = browser.new_page(viewport={"width": width, "height": height})
    page.goto(f"{server.url}?motor=onnx&comparar=1")
    text(page, "#engine-state", "TF.js pronto: .*ONNX Runtime Web pronto: ")
    draw_seven(page, page)
    text(page, "#difference", "Maior diferença")
    assert page.evaluate("document.documentElement.scrollWidth") <= width and violations(page) == []
    assert width == 360 or page.evaluate("document.documentElement.scrollHeight") <= height
    page.close()


def test_two_strokes_in_a_hurry_end_in_the_answer_to_the_last(page, server):
    page.goto(f"{server.url}?motor=onnx&comparar=1")
    text(page, "#engine-state", "TF.js pronto: .*ONNX Runtime Web pronto: ")
    first = draw_seven(page, page)
    page.evaluate("""() => { for (let turn = 0; turn < 5; turn++)
      document.getElementById("paper").dispatchEvent(new KeyboardEvent("keydown", { key: "Enter" })); }""")
    text(page, "#difference", "Maior diferença")
    assert page.inner_text("#answer") == first
    page.get_by_role("button", name="Limpar").click()
    assert page.inner_text("#answer") == "Esperando um desenho." and page.inner_text("#difference") == ""
