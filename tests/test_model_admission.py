"""Quem vai para o ar cumpre o contrato, provado antes: senão, uma frase diz o que ele tem e o que se queria."""

import os
import shutil

import onnx
import pytest
from faults import call
from odd_models import FLOAT, IMAGES, UNFIT, build
from onnx import helper

from course_utils.classroom import servers
from course_utils.model import admission, artifacts, digits
from course_utils.model.predictor import MODEL, Predictor
from course_utils.serving.__main__ import main
from course_utils.serving.store import ModelStore, find_versions


@pytest.mark.parametrize("what", UNFIT)
def test_a_model_outside_the_contract_is_refused_with_the_reason(tmp_path, what):
    options, words = UNFIT[what]
    path = build(tmp_path / "m.onnx", **options)
    with pytest.raises(admission.UnfitModelError, match=words) as error:
        admission.admit(path)
    assert str(error.value).startswith("m.onnx ") and "\n" not in str(error.value)


def test_what_is_not_a_whole_onnx_or_has_two_outputs_is_refused_even_if_it_is_sealed(tmp_path):
    whole, path = MODEL.read_bytes(), tmp_path / "m.onnx"
    for content in (b"", b"nada", b"\x08", whole[:1000], whole[:-1], b"PK\x03\x04" * 9):
        path.write_bytes(content)
        with pytest.raises(admission.UnfitModelError, match="esperava um arquivo ONNX inteiro"):
            admission.admit(artifacts.seal(path))
    model = onnx.load(MODEL)
    model.graph.output.append(helper.make_tensor_value_info("images", FLOAT, IMAGES))
    onnx.save(model, path)
    with pytest.raises(admission.UnfitModelError, match="devolve .* e tensor"):
        admission.admit(artifacts.seal(path))


@pytest.mark.parametrize("shape", [IMAGES, ["n", "c", "h", "w"], [None] * 4, None])
def test_what_is_not_declared_is_proved_by_running(tmp_path, shape):
    assert not admission.admit(build(tmp_path / "m.onnx", entry=(FLOAT, shape))).gives_probabilities


@pytest.mark.parametrize("tail", [[], [("Softmax", {"axis": 1})], [("LogSoftmax", {"axis": 1})]])
def test_logits_probabilities_and_their_logarithm_give_the_same_answer(tmp_path, tail):
    images = digits.load("test")[0][:32]
    expected = Predictor(build(tmp_path / "logits.onnx")).predict(images)
    predictor = admission.admit(build(tmp_path / "m.onnx", tail=tail))
    assert predictor.gives_probabilities == (tail[:1] == [("Softmax", {"axis": 1})])
    for mine, theirs in zip(predictor.predict(images), expected, strict=True):
        assert mine.digit == theirs.digit
        assert mine.probabilities == pytest.approx(theirs.probabilities, abs=1e-5)


# ------------------------------------------------------------------ pesos à parte, arquivos estranhos


@pytest.mark.parametrize("location", ["pesos.bin", "m.onnx.data"])
def test_external_weights_are_read_from_any_folder_but_only_if_sealed_beside_the_model(
    tmp_path, monkeypatch, location
):
    path, weights, elsewhere = tmp_path / "m.onnx", tmp_path / location, tmp_path / "outra"
    onnx.save(onnx.load(MODEL), path, save_as_external_data=True, location=location, size_threshold=1024)
    (tmp_path / artifacts.SUMS).write_text(f"{artifacts.sha256(path)}  m.onnx\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)  # os pesos sem selo estão onde o processo foi iniciado
    with pytest.raises(admission.UnfitModelError, match="SHA-256 anotado em SHA256SUMS"):
        admission.admit(path)
    artifacts.seal(path if weights.suffix == ".data" else weights)
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    images = digits.load("test")[0][:8]
    assert admission.admit(path).predict(images) == Predictor().predict(images)
    weights.write_bytes(b"\0" + weights.read_bytes()[1:])
    with pytest.raises(artifacts.CorruptedFileError, match=f"{location} está corrompido"):
        admission.admit(path)


def test_what_is_not_a_file_of_a_bearable_size_is_refused(tmp_path):
    (tmp_path / "pasta.onnx").mkdir()
    with open(tmp_path / "imenso.onnx", "wb") as file:
        file.truncate(20 * 2**30)
    names = ["pasta.onnx", "imenso.onnx", "nada.onnx"]
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "cano.onnx")
        (tmp_path / "a.onnx").symlink_to("b.onnx")
        (tmp_path / "b.onnx").symlink_to("a.onnx")
        names += ["cano.onnx", "a.onnx"]
    for name in names:
        words = "passa de 256 MiB" if name == "imenso.onnx" else "Falta o arquivo"
        with pytest.raises((admission.UnfitModelError, artifacts.CorruptedFileError), match=words):
            admission.admit(tmp_path / name)


# ------------------------------------------------------------------ pastas de versões


def test_versions_are_numbers_and_what_is_hidden_does_not_count(tmp_path):
    for name in ("9", "00000123", "._200", ".DS_Store", "²", "v300", "-5", "400.0", "latest", "__MACOSX"):
        build(tmp_path / name / "model.onnx")
    (tmp_path / "500").write_text("um arquivo, não uma pasta", encoding="utf-8")
    for name in ("._model.onnx", ".9.model.onnx"):
        (tmp_path / "00000123" / name).write_bytes(b"\0\5\x16\7Mac OS X")
    assert [version for version, _ in find_versions(tmp_path)] == ["123", "9"]
    store = ModelStore(tmp_path)
    assert store.current.version == "123" and store.refused == {}


def test_a_bad_version_leaves_the_good_one_and_a_mended_one_takes_over(tmp_path):
    build(tmp_path / "1" / "model.onnx")
    store = ModelStore(tmp_path)
    build(tmp_path / "2" / "model.onnx", **UNFIT["três saídas"][0])
    for name in ("3/a.onnx", "3/b.onnx"):  # qual das duas?
        build(tmp_path / name)
    store.refresh()
    assert store.current.version == "1" and store.refused["2"].startswith("2/: model.onnx ")
    assert "achei 2" in store.refused["3"]
    build(tmp_path / "2" / "model.onnx")
    store.refresh()
    assert store.current.version == "2" and list(store.refused) == ["3"]


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


@pytest.mark.parametrize(
    ("server", "option"), [("uvicorn", "--model"), ("gunicorn", "--model"), ("uvicorn", "--shadow")]
)
def test_a_bad_model_ends_the_process_with_one_sentence(tmp_path, server, option):
    path = build(tmp_path / "m.onnx", **UNFIT["lote fixo em 1"][0])
    port = servers.free_port()
    run = call(["-m", "course_utils.serving", option, path, "--server", server, "--port", port])
    said = run.stderr.decode()
    assert (run.returncode, run.stdout, len(said.splitlines())) == (1, b"", 1)
    assert "não aceita um lote de 32" in said


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("--port 0", "de 1 a 65535"),
        ("--port 70000", "recebi 70000"),
        ("--port oito", "recebi oito"),
        ("--workers 0", "de 1 a 64"),
        ("--workers 2 --server waitress", "só vale com"),
        ("--workers 2 --shadow x.onnx", "--workers 1"),
        ("--porta 1", "--porta"),
        ("--shadow nada.onnx", "Falta o arquivo nada.onnx"),
        ("--baseline nada.json", "não é uma linha de base"),
    ],
)
def test_an_option_that_does_not_serve_is_one_sentence(monkeypatch, capsys, arguments, words):
    monkeypatch.setattr(os, "environ", dict(os.environ))
    with pytest.raises(SystemExit) as end:
        main(arguments.split())
    out, said = capsys.readouterr()
    said = said or str(end.value)  # o interpretador imprime a frase com que se sai
    assert words in said and (out, len(said.splitlines())) == ("", 1)
