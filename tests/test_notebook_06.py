"""O `app.py` que o aluno leva do notebook 06: o que as suas células gravam, só com bibliotecas públicas."""

import io
import re
import runpy
import shutil

import numpy as np
import pictures_by_kind as kinds
import pytest
from notebook_cells import cells
from PIL import Image, ImageOps

from course_utils.model import digits
from course_utils.model.predictor import MODEL

IMAGES, LABELS = digits.load("test")
GOOD = (IMAGES[0] / 255).tolist()


@pytest.fixture
def client(tmp_path, monkeypatch):
    """O corpo das células `%%writefile app.py` e `%%addto app.py`, em ordem, e o modelo ao lado."""
    file = re.compile(r"\A%%(?:writefile|addto) app\.py\n(.*)", re.S)
    code = "\n\n\n".join(body for cell in cells("06", "code") for body in file.findall(cell.source))
    names = set(re.findall(r"^(?:from|import) (\w+)", code, flags=re.M))
    assert names == {"numpy", "onnxruntime", "flask", "werkzeug", "PIL"}, "nada do curso"
    shutil.copy(MODEL, tmp_path / "leitor.onnx")
    (tmp_path / "app.py").write_text(code, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return runpy.run_path("app.py", run_name="app")["app"].test_client()


def send_photo(client, body, field="image"):
    return client.post("/photo", data={field: (io.BytesIO(body), "foto.png")})


def test_it_reads_a_batch_and_a_photo(client):
    answer = client.post("/predict", json={"input": (IMAGES[:32] / 255).tolist()})
    assert answer.status_code == 200
    assert (np.argmax(answer.json["result"], axis=1) == LABELS[:32]).mean() > 0.9
    page = ImageOps.invert(Image.fromarray(IMAGES[1])).resize((280, 280))
    for kind in ("PNG", "JPEG", "BMP"):
        assert send_photo(client, kinds.save(page, kind)[1]).json == {"digit": LABELS[1]}


def test_a_bad_input_is_refused_with_the_reason(client):
    for value in (
        None, {}, [], [[]], [None], [GOOD[:9]], [GOOD, GOOD[:9]], [GOOD] * 33, [[["0.5"] * 28] * 28],
        [[[True] * 28] * 28], [[[10**400] * 28] * 28], [[[-0.1] * 28] * 28], [[[1e999] * 28] * 28],
        [[[float("nan")] * 28] * 28], (IMAGES[:1] + 2.0).tolist(), [[[{}] * 28] * 28],
    ):  # fmt: skip
        answer = client.post("/predict", json={"input": value})
        assert answer.status_code == 422 and answer.mimetype == "application/problem+json", str(value)[:80]
        assert answer.json["detail"].endswith(".") and answer.json["status"] == 422


def test_a_bad_body_is_refused(client):
    bodies = {b"": 400, b"\xff\xfe": 400, b"null": 422, b"[1]": 422, b"[" * 50_000: 422, b" " * 2**21: 413}
    for body, status in bodies.items():
        answer = client.post("/predict", data=body, content_type="application/json")
        assert (answer.status_code, answer.mimetype) == (status, "application/problem+json"), body[:9]


def test_a_bad_photo_is_refused(client):
    photo = kinds.save(Image.fromarray(IMAGES[0]))[1]
    bomb = kinds.save(Image.new("1", (6000, 6000)))[1]
    for body in (b"", b"nada", b"\x89PNG\r\n\x1a\n" + bytes(40), photo[:60], photo[:-40], bomb):
        assert send_photo(client, body).status_code == 422
    for place in range(8, 60):  # um byte trocado pode ainda servir
        spoiled = photo[:place] + bytes([255 - photo[place]]) + photo[place + 1 :]
        assert send_photo(client, spoiled).status_code in (200, 422)
    assert send_photo(client, photo, field="outro").status_code == 400
    assert send_photo(client, bytes(2**21)).status_code == 413
