"""Corpos ruins e o que cada um merece: os mesmos para o contrato e para cada servidor."""

import base64
import json

JSON, BYTES, PNG = "application/json", "application/octet-stream", "image/png"


def body(payload):
    return json.dumps(payload).encode()


# (tipo de conteúdo, corpo, status esperado)
BAD_BODIES = [
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
    ("text/plain", b"7", 415),
    ("", b"7", 415),
]
