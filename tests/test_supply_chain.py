"""De onde vem o que o curso usa: licenças, falhas conhecidas, arquivos de modelo sem código escondido."""

import http.server
import json
import threading

import nbformat
import pytest
from needs import miss, need

from course_utils.model import artifacts
from course_utils.setup import audit, licenses


def test_every_package_has_a_license_that_a_course_may_use():
    rows = licenses.packages()
    assert licenses.problems(rows) == []
    names = {name.split()[0] for name, _, _ in rows}
    assert {"torch", "tensorflow", "onnxruntime-web"} <= names


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Apache-2.0 OR BSD-3-Clause", "Apache 2.0 e BSD"),
        ("GNU General Public License v3", licenses.OTHER),
        ("MIT AND LGPL-2.1", licenses.OTHER),
        ("Free for non-commercial use", licenses.OTHER),
        ("veja o site", licenses.UNKNOWN),
        ("", licenses.UNKNOWN),
    ],
)
def test_a_license_out_of_the_rule_is_named(text, kind):
    assert licenses.judge(text) == kind
    named = licenses.problems([("pacote 1.0", licenses.judge(text), text)])
    assert bool(named) == (kind in (licenses.OTHER, licenses.UNKNOWN))
    assert licenses.problems([("nvidia-cublas 1.0", licenses.OTHER, text)]) == []


def test_the_report_lists_packages_and_data(capsys):
    assert licenses.main() == 0
    text = (artifacts.ROOT / "artifacts" / "licenses.md").read_text(encoding="utf-8")
    assert "| Apache 2.0 |" in text and "| digits.npz |" in text and "CC BY-SA 3.0" in text
    assert "Fora da regra do curso: nenhum." in capsys.readouterr().out


def test_every_data_file_tells_where_it_comes_from():
    told = (artifacts.ROOT / "data" / "README.md").read_text(encoding="utf-8")
    for path in (artifacts.ROOT / "data").glob("[a-z]*[!y]"):
        assert f"`{path.name}`" in told, path.name
    assert all("CC BY-SA" in origin or origin == "idem" for _, origin in licenses.data_rows())


# ---------------------------------------------------------------- falhas conhecidas


class Advisories(http.server.BaseHTTPRequestHandler):
    """Uma base OSV de mentira, que conhece uma falha do flask e anota o que lhe perguntam."""

    asked: set

    def do_POST(self):
        queries = json.loads(self.rfile.read(int(self.headers["content-length"])))["queries"]
        names = [query["package"]["name"] for query in queries]
        self.asked.update(names)
        self.answer({"results": [{"vulns": [self.flaw()]} if name == "flask" else {} for name in names]})

    def do_GET(self):
        self.answer({**self.flaw(), "summary": "uma falha de mentira", "affected": []})

    def flaw(self):
        return {"id": "GHSA-mentira", "modified": "2026-01-01T00:00:00Z"}

    def answer(self, content):
        body = json.dumps(content).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def test_an_audit_without_its_tool_says_so(monkeypatch, capsys):
    monkeypatch.setattr(audit, "find_spec", lambda name: None)
    assert audit.main([]) == 1
    assert capsys.readouterr().err.startswith("A auditoria usa o uv, que não está aqui: instale-o com ")


@pytest.mark.slow
def test_the_audit_asks_about_every_pin_and_names_a_flaw(capsys):
    need("uv")
    handler = type("Handler", (Advisories,), {"asked": set()})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        code = audit.main(["--service", f"http://127.0.0.1:{server.server_port}/"])
        server.shutdown()
    said = capsys.readouterr()
    if "https://pypi.org" in said.err or "simple" in said.err:
        miss("sem rede até o índice de pacotes o uv não resolve as versões")
    assert code == 1 and "GHSA-mentira" in said.out and "flask" in said.out, said.err
    assert {pin.split("==")[0] for pin in audit.pins()} <= handler.asked


@pytest.mark.slow
def test_an_audit_without_network_is_one_sentence_and_never_a_clean_bill(capsys):
    need("uv")
    assert audit.main(["--service", "http://127.0.0.1:9/"]) == 1
    said = capsys.readouterr()
    assert said.out == "" and said.err.startswith("Nada foi conferido: ") and said.err.count("\n") == 1


# ---------------------------------------------------------------- código escondido em arquivos de modelo


# Os formatos que são, ou podem trazer dentro, um pickle. ONNX, safetensors, HDF5 e SavedModel não o são.
PICKLED = {".pt", ".pt2", ".pth", ".pkl", ".bin", ".joblib", ".npy", ".npz", ".keras", ".zip"}


def suspects(folder):
    """`{nome do arquivo: o que ele chamaria}`: tudo o que um pickle importa e o scanner não sabe ser inocente."""
    need("picklescan")
    from picklescan.scanner import SafetyLevel, scan_file_path

    found = {}
    for path in sorted(path for path in folder.rglob("*") if path.suffix in PICKLED):
        result = scan_file_path(str(path))
        names = {f"{item.module}.{item.name}" for item in result.globals if item.safety != SafetyLevel.Innocuous}
        if names:
            found[path.name] = names
    return found


@pytest.mark.slow
def test_no_model_file_of_the_course_hides_code():
    assert suspects(artifacts.ROOT / "data") == {}
    folders = sorted(artifacts.ARTIFACTS.glob("[0-9][0-9]_*"))
    assert folders, "rode antes os notebooks: python -m course_utils run"
    for folder in folders:
        assert set(suspects(folder)) <= {"veneno.pt"}, folder.name  # o que o notebook 01 envenena de propósito


@pytest.mark.slow
def test_the_poisoned_pickle_of_notebook_01_is_caught(tmp_path):
    import torch

    cells = nbformat.read(artifacts.ROOT / "notebooks" / "01_salvar_e_carregar.ipynb", as_version=4).cells
    poison = next(cell.source for cell in cells if cell.source.startswith("class Poison"))
    exec(poison.split('\nprint("torch.load')[0], {"torch": torch, "folder": tmp_path})
    torch.save({"pesos": torch.zeros(2)}, tmp_path / "limpo.pt")
    assert {name: len(calls) for name, calls in suspects(tmp_path).items()} == {"veneno.pt": 1}
