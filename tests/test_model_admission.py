"""Quem vai para o ar cumpre o contrato, provado antes: senão, uma frase diz o que ele tem e o que se queria."""

import os
import shutil
import subprocess
import sys

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from course_utils.classroom import servers
from course_utils.model import admission, artifacts, digits
from course_utils.model.predictor import MODEL, Predictor
from course_utils.serving.store import ModelStore, find_versions

FLOAT = TensorProto.FLOAT
IMAGES = ["n", 1, 28, 28]


def build(
    path, *, entry=(FLOAT, IMAGES), exit=(FLOAT, ["n", 10]), tail=(), rows=-1, weights=None, ir=10, opset=20
):
    """Grava e sela um classificador linear, com o que se pedir de diferente do contrato."""
    if weights is None:
        weights = np.random.default_rng(0).standard_normal((784, 10), np.float32) / 5
    nodes = [
        helper.make_node("Cast", ["images"], ["cast"], to=FLOAT),
        helper.make_node("Reshape", ["cast", "shape"], ["flat"]),
        helper.make_node("MatMul", ["flat", "weights"], ["step0"]),
    ]
    for number, (operation, attributes) in enumerate(tail):
        nodes.append(helper.make_node(operation, [f"step{number}"], [f"step{number + 1}"], **attributes))
    nodes.append(helper.make_node("Identity", [f"step{len(tail)}"], ["scores"]))
    constants = [
        numpy_helper.from_array(np.array([rows, 784]), "shape"),
        numpy_helper.from_array(weights, "weights"),
    ]
    values = [helper.make_tensor_value_info(*item) for item in (("images", *entry), ("scores", *exit))]
    graph = helper.make_graph(nodes, "linear", values[:1], values[1:], constants)
    path.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=ir), path)
    return artifacts.seal(path)


def pixels(kind, shape=IMAGES):
    return {"entry": (kind, shape)}


ANSWER = [("ArgMax", {"axis": 1, "keepdims": 0})]
UNFIT = {  # o que há de errado: (como fazê-lo, o que a frase tem de dizer)
    "lote fixo em 1": ({"entry": (FLOAT, [1, 1, 28, 28]), "exit": (FLOAT, [1, 10])}, "lote fixo em 1"),
    "lote fixo em 32": ({"entry": (FLOAT, [32, 1, 28, 28]), "exit": (FLOAT, [32, 10])}, "lote fixo em 32"),
    "lote que só parece livre": ({"rows": 1}, "lote"),
    "três saídas": ({"exit": (FLOAT, ["n", 3]), "weights": np.ones((784, 3), "f")}, r"\(n, 3\)"),
    "três, sem declarar": ({"exit": (FLOAT, ["n", "k"]), "weights": np.ones((784, 3), "f")}, r"\(n, 3\)|\(1, 3\)"),
    "uint8": (pixels(TensorProto.UINT8), "recebe uint8"),
    "float16": (pixels(TensorProto.FLOAT16), "recebe float16"),
    "float64": (pixels(TensorProto.DOUBLE), "recebe float64"),
    "int64": (pixels(TensorProto.INT64), "recebe int64"),
    "NHWC": (pixels(FLOAT, ["n", 28, 28, 1]), "canais no fim"),
    "em fila": (pixels(FLOAT, ["n", 784]), r"recebe a forma \(n, 784\)"),
    "três canais": (pixels(FLOAT, ["n", 3, 28, 28]), r"\(n, 3, 28, 28\)"),
    "a resposta pronta": ({"tail": ANSWER, "exit": (TensorProto.INT64, ["n"])}, "devolve int64"),
    "saída float16": ({"tail": [("Cast", {"to": 10})], "exit": (TensorProto.FLOAT16, ["n", 10])}, "float16"),
    "NaN": ({"weights": np.full((784, 10), np.nan, "f")}, "NaN"),
    "infinito": ({"weights": np.full((784, 10), np.inf, "f")}, "NaN ou infinito"),
    "sigmoide": ({"tail": [("Sigmoid", {})]}, "não são logits nem probabilidades"),
    "softmax no eixo do lote": ({"tail": [("Softmax", {"axis": 0})]}, "conforme as outras do lote"),
    "IR do futuro": ({"ir": 99}, "IR"),
    "opset do futuro": ({"opset": 99}, "opset 99"),
    "operação desconhecida": ({"tail": [("Inventada", {})]}, "operação Inventada"),
}  # fmt: skip


@pytest.mark.parametrize("what", UNFIT)
def test_a_model_outside_the_contract_is_refused_with_the_reason(tmp_path, what):
    options, words = UNFIT[what]
    path = build(tmp_path / "m.onnx", **options)
    with pytest.raises(admission.UnfitModelError, match=words) as error:
        admission.admit(path)
    assert str(error.value).startswith("m.onnx ") and "\n" not in str(error.value)


@pytest.mark.parametrize(
    "content", [b"", b"nada", b"\x08", MODEL.read_bytes()[:1000], MODEL.read_bytes()[:-1], b"PK\x03\x04" * 9]
)
def test_what_is_not_a_whole_onnx_is_refused_even_if_it_is_sealed(tmp_path, content):
    (tmp_path / "m.onnx").write_bytes(content)
    with pytest.raises(admission.UnfitModelError, match="não é um arquivo ONNX|nenhum grafo"):
        admission.admit(artifacts.seal(tmp_path / "m.onnx"))


def test_two_inputs_or_two_outputs_are_refused(tmp_path):
    model = onnx.load(MODEL)
    model.graph.output.append(helper.make_tensor_value_info("images", FLOAT, IMAGES))
    onnx.save(model, tmp_path / "m.onnx")
    with pytest.raises(admission.UnfitModelError, match="1 entrada.* 2 saída"):
        admission.admit(artifacts.seal(tmp_path / "m.onnx"))


@pytest.mark.parametrize("shape", [IMAGES, ["n", "c", "h", "w"], [None] * 4, None])
def test_what_is_not_declared_is_proved_by_running(tmp_path, shape):
    assert not admission.admit(build(tmp_path / "m.onnx", entry=(FLOAT, shape))).gives_probabilities


@pytest.mark.parametrize("name", ["reference", "small", "mxnet_gluon"])
def test_the_models_of_the_course_fit_and_give_logits(name):
    assert not admission.admit(artifacts.DATA / f"{name}.onnx").gives_probabilities


@pytest.mark.parametrize("tail", [[], [("Softmax", {"axis": 1})], [("LogSoftmax", {"axis": 1})]])
def test_logits_probabilities_and_their_logarithm_give_the_same_answer(tmp_path, tail):
    images = digits.load("test")[0][:32]
    expected = Predictor(build(tmp_path / "logits.onnx")).predict(images)
    predictor = admission.admit(build(tmp_path / "m.onnx", tail=tail))
    assert predictor.gives_probabilities == (tail[:1] == [("Softmax", {"axis": 1})])
    for mine, theirs in zip(predictor.predict(images), expected, strict=True):
        assert mine.digit == theirs.digit
        assert mine.probabilities == pytest.approx(theirs.probabilities, abs=1e-5)


# ------------------------------------------------------------------ pesos à parte


def external(path, location):
    path.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(onnx.load(MODEL), path, save_as_external_data=True, location=location, size_threshold=1024)
    return path


def test_external_weights_are_sealed_with_the_model_and_read_from_any_folder(tmp_path, monkeypatch):
    path = artifacts.seal(external(tmp_path / "m.onnx", "m.onnx.data"))
    assert set(artifacts.read_sums(tmp_path)) == {"m.onnx", "m.onnx.data"}
    (tmp_path / "outra").mkdir()
    monkeypatch.chdir(tmp_path / "outra")
    images = digits.load("test")[0][:8]
    assert [item.digit for item in admission.admit(path).predict(images)] == [
        item.digit for item in Predictor().predict(images)
    ]
    weights = tmp_path / "m.onnx.data"
    weights.write_bytes(b"\0" + weights.read_bytes()[1:])
    with pytest.raises(artifacts.CorruptedFileError, match="m.onnx.data está corrompido"):
        admission.admit(path)


@pytest.mark.parametrize("location", ["pesos.bin", "m.onnx.data"])
def test_external_weights_without_a_seal_are_refused_even_if_they_are_where_the_process_started(
    tmp_path, monkeypatch, location
):
    path = external(tmp_path / "m.onnx", location)
    line = f"{artifacts.sha256(path)}  m.onnx\n"
    (tmp_path / artifacts.SUMS).write_text(line, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(admission.UnfitModelError, match=f"{location}.*SHA-256 anotado"):
        admission.admit(path)
    artifacts.seal(tmp_path / location)
    assert admission.admit(path)


# ------------------------------------------------------------------ arquivos e somas


def test_what_is_not_a_file_of_a_bearable_size_is_refused(tmp_path):
    (tmp_path / "pasta.onnx").mkdir()
    with open(tmp_path / "imenso.onnx", "wb") as file:
        file.truncate(20 * 2**30)
    cases = {"pasta.onnx": "não é um arquivo", "imenso.onnx": "passa de 256 MiB", "nada.onnx": "Falta o arquivo"}
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "cano.onnx")
        (tmp_path / "a.onnx").symlink_to("b.onnx")
        (tmp_path / "b.onnx").symlink_to("a.onnx")
        cases |= {"cano.onnx": "não é um arquivo", "a.onnx": "Falta o arquivo"}
    for name, words in cases.items():
        with pytest.raises((admission.UnfitModelError, artifacts.CorruptedFileError), match=words):
            admission.admit(tmp_path / name)


def test_sums_written_by_other_programs_are_read_and_garbage_is_a_sentence(tmp_path):
    path = tmp_path / "m.bin"
    path.write_bytes(b"pesos")
    digest = artifacts.sha256(path)
    for text in (f"{digest} *m.bin\r\n", f"\ufeff{digest.upper()}  m.bin\n", f"\n{digest}  ./m.bin"):
        (tmp_path / artifacts.SUMS).write_text(text, encoding="utf-8")
        assert artifacts.read(path) == b"pesos"
    for content in (b"isto nao e uma lista\n", b"\xff\xfe\x00", b"abc  m.bin\n"):
        (tmp_path / artifacts.SUMS).write_bytes(content)
        with pytest.raises(artifacts.CorruptedFileError, match="SHA256SUMS"):
            artifacts.verify(path)


# ------------------------------------------------------------------ pastas de versões


def test_versions_are_numbers_and_what_is_hidden_does_not_count(tmp_path):
    build(tmp_path / "9" / "model.onnx")
    build(tmp_path / "00000123" / "model.onnx")
    for name in ("._200", ".DS_Store", "²", "v300", "-5", "400.0", "latest", "__MACOSX"):
        build(tmp_path / name / "model.onnx")
    (tmp_path / "500").write_text("um arquivo, não uma pasta", encoding="utf-8")
    for name in ("._model.onnx", ".9.model.onnx"):
        (tmp_path / "00000123" / name).write_bytes(b"\0\5\x16\7Mac OS X")
    assert [version for version, _ in find_versions(tmp_path)] == ["123", "9"]
    store = ModelStore(tmp_path)
    assert store.current.version == "123" and store.refused() == {}


def test_two_candidates_for_one_version_are_a_sentence_and_the_other_version_serves(tmp_path):
    build(tmp_path / "1" / "model.onnx")
    for name in ("2/model.onnx", "02/model.onnx", "3/a.onnx", "3/b.onnx"):
        build(tmp_path / name)
    store = ModelStore(tmp_path)
    assert store.current.version == "1" and list(store.refused()) == ["3", "2"]
    assert "3/a.onnx e 3/b.onnx" in store.refused()["3"] and "02/model.onnx" in store.refused()["2"]
    shutil.rmtree(tmp_path / "02")
    store.refresh()
    assert store.current.version == "2" and list(store.refused()) == ["3"]


@pytest.mark.parametrize("what", ["lote fixo em 1", "três saídas", "NHWC", "NaN"])
def test_a_bad_version_leaves_the_good_one_and_a_mended_one_takes_over(tmp_path, what):
    build(tmp_path / "1" / "model.onnx")
    store = ModelStore(tmp_path)
    build(tmp_path / "2" / "model.onnx", **UNFIT[what][0])
    store.refresh()
    assert store.current.version == "1" and store.refused()["2"].startswith("2/: model.onnx ")
    build(tmp_path / "2" / "model.onnx")
    store.refresh()
    assert store.current.version == "2" and store.refused() == {}


def test_what_serves_goes_on_whatever_happens_to_its_files(tmp_path):
    path = build(tmp_path / "m" / "1" / "model.onnx")
    images, store = digits.load("test")[0][:2], ModelStore(tmp_path / "m")
    expected = store.current.predictor.predict(images)
    for change in (
        lambda: path.write_bytes(path.read_bytes()[:100]),
        lambda: path.write_bytes(b""),
        lambda: (path.unlink(), path.mkdir()),
        lambda: shutil.rmtree(tmp_path / "m"),
    ):
        change()
        store.refresh()
        assert store.current.version == "1" and store.current.predictor.predict(images) == expected


# ------------------------------------------------------------------ a linha de comando


def serve(*arguments, module="course_utils.serving", **environment):
    """O servidor que deve terminar sozinho, com uma frase."""
    return subprocess.run(
        [sys.executable, "-m", module, *map(str, arguments)], env=os.environ | environment, cwd=artifacts.ROOT,
        capture_output=True, text=True, encoding="utf-8", timeout=300, check=False,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("server", "option"), [("uvicorn", "--model"), ("gunicorn", "--model"), ("uvicorn", "--shadow")]
)
def test_a_bad_model_ends_the_process_with_one_sentence(tmp_path, server, option):
    path = build(tmp_path / "m.onnx", **UNFIT["lote fixo em 1"][0])
    run = serve(option, path, "--server", server, "--port", servers.free_port())
    assert run.returncode == 1 and run.stdout == ""
    assert len(run.stderr.splitlines()) == 1 and "lote fixo em 1" in run.stderr


def test_a_bad_model_ends_the_container_too(tmp_path):
    build(tmp_path / "1" / "model.onnx", **UNFIT["NHWC"][0])
    settings = {"SM_MODEL_DIR": str(tmp_path), "SAGEMAKER_BIND_TO_PORT": str(servers.free_port())}
    run = serve("serve", module="course_utils.serving.container", **settings)
    assert run.returncode == 1 and len(run.stderr.splitlines()) == 1 and "canais no fim" in run.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("--port 0", "de 1 a 65535"),
        ("--port 70000", "recebi 70000"),
        ("--port=-1", "recebi -1"),
        ("--port oito", "recebi oito"),
        ("--port", "faltou o valor"),
        ("--workers 0", "de 1 a 64"),
        ("--workers 2 --server waitress", "só vale com"),
        ("--workers 2 --shadow x.onnx", "--workers 1"),
        ("--threads muitas", "recebi muitas"),
        ("--server apache", "não existe 'apache'"),
        ("--porta 1", "não conheço --porta"),
    ],
)  # fmt: skip
def test_an_option_that_does_not_serve_is_one_sentence(arguments, words):
    run = serve(*arguments.split())
    assert run.returncode == 2 and len(run.stderr.splitlines()) == 1 and words in run.stderr
