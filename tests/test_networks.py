"""A mesma rede em PyTorch, Keras e ONNX: acurácia e diferença máxima nas 1.000 imagens de teste."""

import numpy as np
import onnx
import torch

from course_utils.model import digits, networks, train
from course_utils.model.predictor import MODEL, Predictor

TOLERANCE = 1e-5


def test_the_reference_reaches_98_percent_has_the_stated_size_and_answers_the_same_in_three_frameworks():
    pixels, labels = digits.load("test")
    images, network = pixels[:, None] / np.float32(255), networks.torch_network()
    with torch.inference_mode():
        logits = network(torch.from_numpy(images)).numpy()
    assert (logits.argmax(axis=1) == labels).mean() >= 0.98
    assert sum(weight.numel() for weight in network.parameters()) == 1_848_714
    assert np.abs(Predictor().infer(images) - logits).max() <= TOLERANCE
    in_keras = networks.keras_network()(images.transpose(0, 2, 3, 1)).numpy()
    assert np.abs(in_keras - logits).max() <= TOLERANCE


def test_the_published_onnx_is_the_export_of_the_published_weights_and_tells_nothing_of_the_machine(tmp_path):
    exported = train.export_onnx(networks.torch_network(), tmp_path / "again.onnx").read_bytes()
    models = [onnx.load_from_string(data) for data in (exported, MODEL.read_bytes())]
    for model in models:
        model.producer_version = ""  # 2.13.0, +cpu ou +cu130: é do PyTorch de cada máquina
    assert models[0] == models[1]
    assert b"site-packages" not in exported and b"/course_utils/" not in exported
