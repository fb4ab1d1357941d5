"""Do original ao pequeno: larguras, repetição byte a byte, arquivo limpo, e o modelo publicado em data/."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from course_utils.model import artifacts, compress, networks, train
from course_utils.model.predictor import MODEL, Predictor

TINY = compress.Recipe((4, 4, 8, 8, 8), passes=1)


def test_pruning_leaves_the_widths_asked_for_the_strongest_channels_and_the_network_given_alone():
    network = networks.torch_network(weights=None)
    with torch.no_grad():
        network.conv1.weight[[3, 8, 21, 30, 2, 4, 6, 7]] = 5.0  # os oito canais mais fortes ficam
    small = compress.prune(network, (8, 12, 24, 20, 32))
    shapes = [tuple(layer.weight.shape) for layer in small if hasattr(layer, "weight")]
    assert shapes == [(8, 1, 3, 3), (12, 8, 3, 3), (24, 12, 3, 3), (20, 24, 3, 3), (32, 20 * 49), (10, 32)]
    assert torch.equal(small.conv1.weight, torch.full((8, 1, 3, 3), 5.0)) and len(network.conv1.weight) == 32


def test_the_same_seed_gives_the_same_clean_small_bytes_and_another_seed_does_not(tmp_path_factory):
    images = train.to_tensors("train")[0][:16]
    built = [
        compress.build(TINY, images, seed=seed, folder=tmp_path_factory.mktemp("small")) for seed in (0, 0, 1)
    ]
    for first, again, other in zip(*built):
        assert artifacts.sha256(first) == artifacts.sha256(again) != artifacts.sha256(other)
        assert b"site-packages" not in first.read_bytes() and b'File "' not in first.read_bytes()
    float32, int8 = built[0]
    assert int8.stat().st_size < float32.stat().st_size
    probe = train.to_tensors("validation")[0][:50].numpy()
    difference = np.abs(Predictor(float32).infer(probe) - Predictor(int8).infer(probe))
    assert 0 < difference.max() < 1


def test_distillation_teaches():
    """Dez sementes × ATEN_CPU_CAPABILITY default, avx2, avx512 (n = 30): de 74 a 81 %, mediana 77 %."""
    with compress.one_thread():
        teacher, (images, labels) = networks.torch_network(), train.to_tensors("train")
        student = compress.prune(teacher, (8, 16, 32, 32, 64))
        before = train.accuracy(student, images[:128], labels[:128])
        material = compress.lessons(teacher, images[:128], copies=1)
        compress.distill(student, material, replace(TINY, passes=6), seed=0)
        assert train.accuracy(student, images[:128], labels[:128]) > max(0.5, before + 0.2)


def test_the_published_model_is_what_its_report_says():
    report = json.loads(compress.REPORT.read_text(encoding="utf-8"))
    assert artifacts.verify(compress.SMALL).stat().st_size == report["bytes"]
    assert report["recipe"]["widths"] == list(compress.PUBLISHED.widths)
    assert MODEL.stat().st_size >= 40 * report["bytes"]
    seed = str(report["seed"])
    assert report["validation"][seed] == max(report["validation"].values())
    assert compress.hits(compress.SMALL, "test").mean() == pytest.approx(report["test"][seed], abs=0.002)
    assert compress.hits(MODEL, "test").mean() - compress.hits(compress.SMALL, "test").mean() <= 0.0051
