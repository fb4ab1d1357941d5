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
    return onnxruntime.InferenceSession(artifacts.read(FILE), options)


def answer(session, images):
    return session.run(None, {session.get_inputs()[0].name: images[:, None] / np.float32(255)})[0]


def test_it_is_small_comes_from_mxnet_and_its_recipe_names_the_environment(session):
    assert FILE.stat().st_size <= 100_000 and "MXNet" in session.get_modelmeta().producer_name
    header = ast.get_docstring(ast.parse(RECIPE.read_text(encoding="utf-8")))
    for needed in ("mxnet==1.9.1", "numpy==1.23.5", "onnx==1.16.2", "data/mxnet_gluon_recipe.py"):
        assert needed in header


def test_it_reads_digits_in_any_batch_as_mxnet_answered(session):
    images, labels = digits.load("test")
    logits = answer(session, images)
    assert (logits.argmax(axis=1) == labels).mean() >= 0.95
    assert answer(session, images[:1]) == pytest.approx(logits[:1], abs=1e-4)
    expected = np.array(json.loads(session.get_modelmeta().custom_metadata_map["expected_logits"]))
    assert expected.shape == (100, 10) and np.abs(logits[:100] - expected).max() <= 1e-4
