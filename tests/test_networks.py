"""A mesma rede em PyTorch, Keras e ONNX: acurácia e diferença máxima nas 1.000 imagens de teste."""

import numpy as np
import pytest

from course_utils.model import digits, networks
from course_utils.model.predictor import Predictor

TOLERANCE = 1e-5


@pytest.fixture(scope="module")
def test_split():
    images, labels = digits.load("test")
    return images[:, None] / np.float32(255), labels


@pytest.fixture(scope="module")
def torch_logits(test_split):
    import torch

    with torch.inference_mode():
        return networks.torch_network()(torch.from_numpy(test_split[0])).numpy()


def test_the_reference_reaches_98_percent_and_has_the_stated_size(torch_logits, test_split):
    assert (torch_logits.argmax(axis=1) == test_split[1]).mean() >= 0.98
    parameters = sum(weight.numel() for weight in networks.torch_network().parameters())
    assert parameters == 1_848_714


def test_onnx_equals_torch(torch_logits, test_split):
    logits = Predictor().infer(test_split[0])
    assert np.abs(logits - torch_logits).max() <= TOLERANCE


def test_the_published_onnx_is_the_export_of_the_published_weights_and_tells_nothing_of_the_machine(tmp_path):
    import onnx

    from course_utils.model import train

    exported = train.export_onnx(networks.torch_network(), tmp_path / "again.onnx").read_bytes()
    models = [onnx.load_from_string(data) for data in (exported, train.ONNX.read_bytes())]
    for model in models:
        model.producer_version = ""  # 2.13.0, +cpu ou +cu130: é do PyTorch de cada máquina
    assert models[0] == models[1]
    assert b"site-packages" not in exported and b"/course_utils/" not in exported


def test_keras_equals_torch(torch_logits, test_split):
    logits = networks.keras_network()(test_split[0].transpose(0, 2, 3, 1)).numpy()
    assert np.abs(logits - torch_logits).max() <= TOLERANCE
