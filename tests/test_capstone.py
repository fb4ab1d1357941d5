"""O desafio do notebook 10: a entrega certa, as erradas, e servidores hostis que só podem virar laudo."""

import json
import re

import pytest
from faults import raw_server
from notebook_cells import cells, feedback

from course_utils import lesson
from course_utils.classroom import capstone, capstone_proofs, servers
from course_utils.model import artifacts, digits

RIGHT = {
    "modelo": artifacts.DATA / "small.onnx",
    "formato": "ONNX",
    "casa": "Borda",
    "api": "FastAPI",
    "otimizacao": "poda + int8",
}
OK = b"HTTP/1.1 200 OK\r\n"


@pytest.fixture(autouse=True)
def calm(monkeypatch):
    """A pressa da máquina dos testes não está em prova."""
    monkeypatch.setattr(capstone_proofs, "DEADLINE_MS", 10_000)


def marks(report):
    return {item.what: item.ok for item in report.items}


def test_a_right_delivery_passes_every_item_but_the_memory_of_a_process_that_is_not_ours():
    with servers.start(model=RIGHT["modelo"]) as server:
        whole, by_address = (capstone.inspect(RIGHT | {"servidor": given}) for given in (server, server.url))
    assert list(marks(whole).values()) == [True] * 13 and "→" not in str(whole), str(whole)
    assert {what for what, ok in marks(by_address).items() if ok is not True} == {"Memória"}, str(by_address)


def said(content, more=b""):
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    return OK + more + b"Content-Length: %d\r\nConnection: close\r\n\r\n" % len(body) + body


def test_each_fault_has_its_line_and_its_next_step():
    choices = {"formato": "keras", "casa": "nuvem", "api": "?", "otimizacao": "int8"}
    # Aceita tudo, num servidor de desenvolvimento, e lê sempre zeros.
    careless = said({"predictions": [{"digit": 0}] * 8}, b"Server: SimpleHTTP/0.6\r\n")
    with raw_server(careless) as url:
        report = capstone.inspect(choices | {"servidor": url, "modelo": artifacts.DATA / "reference.onnx"})
    expected = {"Acurácia", "Entradas ruins", "Servidor", "Tamanho do modelo"} | {
        f"Escolha: {name}" for name in ("formato", "casa", "API", "otimização")
    }
    assert {what for what, ok in marks(report).items() if ok is False} == expected
    text = str(report)
    assert text.count("\n  → ") == 8 and "785 bytes: status 200" in text and "recebi 7,40 MB" in text


@pytest.mark.parametrize(
    ("said", "item", "told"),
    [
        ({"formato": "litert"}, "Escolha: formato", "o arquivo entregue é .onnx"),
        ({"modelo": "small.tflite"}, "Escolha: formato", "o arquivo entregue é .tflite"),
        ({"otimizacao": "poda"}, "Escolha: otimização", "o arquivo entregue tem pesos em int8"),
        ({"modelo": "float.onnx"}, "Escolha: otimização", "o arquivo entregue não tem pesos em int8"),
        ({"modelo": "float.onnx", "otimizacao": "poda"}, None, None),
        ({"modelo": "small.tflite", "formato": "litert"}, None, None),
        ({"modelo": "lixo.onnx"}, None, None),
    ],
)
def test_a_choice_that_the_delivered_file_contradicts_is_told(tmp_path, monkeypatch, said, item, told):
    monkeypatch.chdir(tmp_path)
    whole = (artifacts.DATA / "reference.onnx").read_bytes()
    for name, content in {"small.tflite": b"TFL3", "float.onnx": whole, "lixo.onnx": b"lixo"}.items():
        (tmp_path / name).write_bytes(content)
    report = capstone.inspect(RIGHT | {"servidor": None} | said)
    choices = [found for found in report.items if found.what.startswith("Escolha")]
    assert [(found.what, told in found.next_step) for found in choices if not found.ok] == [(item, True)][
        : bool(item)
    ]


HOSTILE = {
    "some": b"",
    "lixo": b"\x00\xff\xfe" * 100,
    "desvia": b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n",
    "mente o tamanho": OK + b"Content-Length: 999\r\nConnection: close\r\n\r\n{}",
    "corpo enorme": said(b"x" * 10**7),
    "não é JSON": said(b"<html>"),
    "faltam": said({"predictions": [{"digit": 1}]}),
    "fora da faixa": said({"predictions": [{"digit": 10}] * 8}),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_server_becomes_a_report(name, monkeypatch):
    monkeypatch.setattr(capstone_proofs, "REQUEST_S", 0.3)
    with raw_server(HOSTILE[name]) as url:
        report = capstone.inspect(RIGHT | {"servidor": url})
    assert marks(report)["Contrato"] is False, str(report)


@pytest.mark.parametrize("server", ["", "http://[", "https://127.0.0.1:1/", "http://exemplo.com:80/", None, print])
def test_an_address_that_is_not_this_machine_is_never_called(server):
    assert marks(capstone.inspect(RIGHT | {"servidor": server}))["No ar"] is False


@pytest.mark.parametrize("model", [None, "", "não/existe.onnx", "\0"])
def test_a_missing_model_is_a_line_of_the_report(model):
    report = capstone.inspect(RIGHT | {"servidor": None, "modelo": model})
    assert marks(report)["Tamanho do modelo"] is False


def test_the_exercise_shows_the_report_and_then_the_first_fault(capsys):
    told = feedback(capsys, "central_no_ar", RIGHT | {"servidor": "http://127.0.0.1:1/"})
    report, verdict = told.split("\n\n✘ Ainda não.")
    assert report.startswith("LAUDO DA CENTRAL") and "nenhuma resposta" in report
    assert "Prontidão" in verdict and "Próximo passo" in verdict
    assert "KeyError: 'servidor'" in feedback(capsys, "central_no_ar", RIGHT)


def test_the_stored_report_is_written_as_today():
    (path,) = lesson.find_notebooks(["laboratorios/10"])
    (cell,) = [cell for cell in cells(path, "code") if "capstone.inspect(" in cell.source]
    first, *lines = cell.outputs[0].text.splitlines()
    items = [line for line in lines if not line.startswith("  → ")]
    assert re.fullmatch(r"LAUDO DA CENTRAL: \d+ de 13 itens atendidos", first) and len(items) == 13
    assert all(re.fullmatch(r"[✔✘–] .+: esperava .+; recebi .+", line) for line in items)
    assert all(after.startswith("  → ") for line, after in zip(lines, lines[1:]) if line[0] == "✘")


def test_the_hidden_set_is_always_the_same_and_comes_from_the_validation_split(monkeypatch):
    load, asked = digits.load, []
    monkeypatch.setattr(digits, "load", lambda split: asked.append(split) or load(split))
    (images, labels), (again, _) = capstone_proofs.envelopes(), capstone_proofs.envelopes()
    assert asked == ["validation"] * 2 and labels.shape == (50, 8) and (images == again).all()


@pytest.mark.slow
def test_a_flask_file_is_started_measured_and_stopped(tmp_path, monkeypatch):
    started, start = [], servers.start
    monkeypatch.setattr(servers, "start", lambda *a, **k: started.append(start(*a, **k)) or started[-1])
    file = tmp_path / "central é minha.py"
    code = "from course_utils.serving.flask_app import create_app\n\napp = create_app()\n"
    file.write_text(code, encoding="utf-8")
    report = capstone.inspect(RIGHT | {"servidor": f"{file}:app", "api": "flask"})
    assert list(marks(report).values()) == [True] * 13, str(report)
    assert started[0].process.poll() is not None
    file.write_text("raise RuntimeError('bum')")
    report = capstone.inspect(RIGHT | {"servidor": f"{file}:app"})
    (item,) = [item for item in report.items if item.what == "No ar"]
    assert item.ok is False and "bum" in item.received and "\n" not in item.received
