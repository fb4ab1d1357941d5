"""Corpos ruins e o que cada um merece: os mesmos para o contrato e para cada servidor."""

import base64
import io
import json

from PIL import Image

JSON, BYTES, PNG = "application/json", "application/octet-stream", "image/png"
JPEG, WEBP, FORM = "image/jpeg", "image/webp", "multipart/form-data; boundary=X"
GIF = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAAAAAAALAAAAAABAAEAAAIBRAA7")
HEIC = b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic"


def body(payload):
    return json.dumps(payload).encode()


def drawing(kind="PNG", *, frames=1, size=(40, 40), **options):
    """Um "1" riscado, como arquivo (bytes)."""
    file, picture = io.BytesIO(), Image.new("RGB", size, "white")
    picture.paste("black", (size[0] // 2 - 2, size[1] // 8, size[0] // 2 + 2, size[1] * 7 // 8))
    others = [Image.new("RGB", size, (number, 0, 0)) for number in range(1, frames)]
    picture.save(file, kind, **({"save_all": True, "append_images": others} if others else {}), **options)
    return file.getvalue()


def part(data, *, name="figura", file="7.png", kind=PNG, more=""):
    """Uma parte de formulário; `file=None`: um campo de texto; `kind=None`: sem Content-Type."""
    where = f'Content-Disposition: form-data; name="{name}"' + (f'; filename="{file}"' if file is not None else "")
    lines = [where] + ([f"Content-Type: {kind}"] if kind else []) + ([more] if more else [])
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + data


def form(*parts, end=b"--X--\r\n"):
    """O corpo de um formulário, com as partes dadas."""
    return b"".join(b"--X\r\n" + item + b"\r\n" for item in parts) + end


ONE = drawing()
TEXT = part(b"oi", name="nota", file=None, kind=None)
# Corpos bons: o mesmo "1" de todo jeito que um formulário ou um telefone o manda.
GOOD_PICTURES = [
    (PNG, ONE),
    *((PNG, drawing(size=size)) for size in ((28, 28), (33, 21), (90, 400))),
    (JPEG, drawing("JPEG")),
    (WEBP, drawing("WEBP")),
    (PNG, drawing(size=(1000, 1000), compress_level=0)),  # 3 MB: mais do que cabe em JSON
    ("image/jpg", drawing("JPEG")),
    ("Image/PNG; q=1", ONE),
    (FORM, form(part(ONE))),
    (FORM, form(TEXT, part(ONE), TEXT)),
    (FORM, form(part(ONE, kind=None))),
    (FORM, form(part(ONE, kind=BYTES, file="foto"))),
    (FORM, form(part(drawing("JPEG"), kind="image/jpg", file="../../x\\y;=.jpg"))),
    (FORM, form(part(ONE, file="ação é 1.png"))),
    (FORM, form(part(ONE), part(b"", name="outra", file=""))),
    (FORM.replace("X", '"X"'), form(part(ONE))),
    (FORM, form(part(ONE), end=b"--X--")),
    (FORM, form(part(base64.b64encode(ONE), more="Content-Transfer-Encoding: base64"))),
]

# (tipo de conteúdo, corpo, status esperado)
BAD_BODIES = [
    (PNG, drawing(size=(1, 1)), 422),
    (FORM, form(part(drawing(size=(2, 1)))), 422),
    (JSON, b"{", 400),
    (JSON, b"\xff\xfe", 400),
    (JSON, b"[" * 100_000, 400),
    (JSON, b"1" * 10_000, 400),
    (JSON, b"[]", 422),
    (JSON, body({}), 422),
    (JSON, body({"images": []}), 422),
    (JSON, body({"images": 7}), 422),
    (JSON, body({"images": [[0] * 784] * 33}), 422),
    (JSON, body({"images": [[0] * 783]}), 422),
    (JSON, body({"images": [[[0] * 28] * 28]}), 422),
    (JSON, body({"images": [[256] * 784]}), 422),
    (JSON, body({"images": [[0.5] * 784]}), 422),
    (JSON, body({"images": [["0"] * 784]}), 422),
    (JSON, body({"images": [[True] * 784]}), 422),
    (JSON, body({"images": [[None] * 784]}), 422),
    (JSON, body({"images": [[float("nan")] * 784]}), 422),
    (JSON, body({"images": [[float("inf")] * 784]}), 422),
    (JSON, body({"images": [[10**400] + [0] * 783]}), 422),
    (JSON, body({"images": ["não é base64"]}), 422),
    (JSON, body({"images": [base64.b64encode(b"x" * 783).decode()]}), 422),
    (BYTES, b"", 422),
    (BYTES, b"x" * 785, 422),
    (BYTES, b"x" * 784 * 33, 422),
    (BYTES, b"x" * (2**20 + 1), 413),
    (PNG, b"isto nao e um png", 422),
    (PNG, b"\x89PNG\r\n\x1a\n" + b"x" * 50, 422),
    (PNG, drawing("JPEG"), 422),
    (JPEG, ONE, 422),
    (PNG, ONE[: len(ONE) // 2], 422),
    (JPEG, drawing("JPEG")[:-200], 422),
    (WEBP, drawing("WEBP")[:40], 422),
    (PNG, drawing("PNG", frames=3), 422),
    (WEBP, drawing("WEBP", frames=3), 422),
    (PNG, b"x" * (10 * 2**20 + 1), 413),
    (JPEG, HEIC, 422),
    ("image/heic", HEIC, 415),
    ("image/gif", GIF, 415),
    (FORM, b"", 400),
    (FORM, form(), 422),
    (FORM, ONE, 400),
    (FORM, form(part(ONE), end=b""), 400),
    (FORM, form(part(ONE))[: len(ONE) // 2], 400),
    (FORM, form(b"\r\n" + ONE), 400),
    (FORM, form(b"Content-Type: image/png\r\n\r\n" + ONE), 400),
    (FORM, form(b"Content-Disposition: attachment; filename=x\r\n\r\n" + ONE), 400),
    (FORM, form(b'Content-Disposition: form-data; filename="x"\r\n\r\n' + ONE), 400),
    (FORM, form(b"Content-Disposition: form-data; " + b"x" * 20_000 + b"\r\n\r\n" + ONE), 400),
    (FORM, form(b"A: b\r\n" * 100 + part(ONE)), 400),
    (FORM, form(b"sem dois pontos\r\n\r\n" + ONE), 400),
    (FORM, form(b"\xff\x00\xfe: x\r\n\r\n" + ONE), 400),
    (FORM, form(*[TEXT] * 1000), 400),
    (FORM, form(TEXT), 422),
    (FORM, form(part(b"", file="")), 422),
    (FORM, form(part(b"")), 422),
    (FORM, form(part(ONE), part(ONE, name="outra")), 422),
    (FORM, form(part(ONE), part(ONE)), 422),
    (FORM, form(part(b"isto nao e um png")), 422),
    (FORM, form(part(ONE, kind=JPEG)), 422),
    (FORM, form(part(HEIC, kind=None)), 422),
    (FORM, form(part(GIF, kind=BYTES)), 422),
    (FORM, form(part(GIF, kind="image/gif")), 415),
    (FORM, form(part(HEIC, kind="image/heic")), 415),
    (FORM, form(part(form(part(ONE)), kind=FORM)), 415),
    (FORM, form(part(body({"images": [[0] * 784]}), kind=JSON)), 415),
    ("multipart/form-data", form(part(ONE)), 400),
    ("multipart/form-data; boundary=", form(part(ONE)), 400),
    ("multipart/form-data; boundary=" + "x" * 1000, form(part(ONE)), 400),
    ("multipart/form-data; boundary=Y", form(part(ONE)), 400),
    ("multipart/mixed; boundary=X", form(part(ONE)), 415),
    ("application/x-www-form-urlencoded", b"figura=1", 415),
    ("text/plain", b"7", 415),
    ("", b"7", 415),
]
