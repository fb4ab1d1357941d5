"""O modelo herdado do MXNet: íntegro, pequeno, lido pelo ONNX Runtime e fiel ao que o MXNet respondia."""

import ast
import json

import numpy as np
import onnxruntime
import pytest

from course_utils.model import artifacts, digits

FILE = artifacts.DATA / "mxnet_gluon.onnx"
RECIPE = artifacts.DATA / "mxnet_gluon_recipe.py"


@pytest.fixture(scope="module")
def session():
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(artifacts.verify(FILE).read_bytes(), options)


def answer(session, images):
    return session.run(None, {session.get_inputs()[0].name: images[:, None] / np.float32(255)})[0]


def test_it_is_small_and_its_hash_is_noted():
    assert artifacts.verify(FILE).stat().st_size <= 100_000
    assert artifacts.read_sums(artifacts.DATA)[FILE.name] == artifacts.sha256(FILE)


def test_a_flipped_byte_is_refused(tmp_path):
    content = bytearray(FILE.read_bytes())
    copy = tmp_path / FILE.name
    copy.write_bytes(content)
    artifacts.seal(copy)
    content[len(content) // 2] ^= 1
    copy.write_bytes(content)
    with pytest.raises(artifacts.CorruptedFileError, match=FILE.name):
        artifacts.verify(copy)


def test_it_reads_digits(session):
    images, labels = digits.load("test")
    assert (answer(session, images).argmax(axis=1) == labels).mean() >= 0.95


@pytest.mark.parametrize("count", [1, 3, 32])
def test_the_batch_is_free(session, count):
    assert answer(session, digits.load("test")[0][:count]).shape == (count, 10)


def test_it_answers_what_mxnet_answered(session):
    expected = np.array(json.loads(session.get_modelmeta().custom_metadata_map["expected_logits"]))
    assert expected.shape == (100, 10)
    assert np.abs(answer(session, digits.load("test")[0][:100]) - expected).max() <= 1e-4


def test_it_says_where_it_comes_from(session):
    assert "MXNet" in session.get_modelmeta().producer_name


def test_the_recipe_is_readable_and_names_its_environment():
    header = ast.get_docstring(ast.parse(RECIPE.read_text(encoding="utf-8")))
    for needed in ("mxnet==1.9.1", "numpy==1.23.5", "onnx==1.16.2", "data/mxnet_gluon_recipe.py"):
        assert needed in header
