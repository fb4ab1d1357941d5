"""Do original ao pequeno: larguras, repetição byte a byte, arquivo limpo, e o modelo publicado em data/."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from course_utils.model import artifacts, compress, networks, train
from course_utils.model.predictor import MODEL, Predictor

TINY = compress.Recipe((4, 4, 8, 8, 8), passes=1)


@pytest.fixture(scope="module")
def teacher():
    return networks.torch_network()


@pytest.fixture(scope="module")
def material(teacher):
    with compress.one_thread():
        return compress.lessons(teacher, train.to_tensors("train")[0][:128], copies=1)


@pytest.fixture(scope="module")
def built(teacher, material, tmp_path_factory):
    """Duas vezes a mesma semente, em pastas diferentes, e uma vez outra."""
    with compress.one_thread():
        return [
            compress.build(teacher, material, TINY, seed=seed, folder=tmp_path_factory.mktemp("small"))
            for seed in (0, 0, 1)
        ]


def test_pruning_leaves_the_widths_asked_for_and_the_network_given_alone(teacher):
    small = compress.prune(teacher, (8, 12, 24, 20, 32))
    shapes = [tuple(layer.weight.shape) for layer in small if hasattr(layer, "weight")]
    assert shapes == [(8, 1, 3, 3), (12, 8, 3, 3), (24, 12, 3, 3), (20, 24, 3, 3), (32, 20 * 49), (10, 32)]
    assert len(teacher.conv1.weight) == 32
    first = networks.torch_network(weights=None)
    with torch.no_grad():
        first.conv1.weight[[3, 8, 21, 30]] = 5.0  # os quatro canais mais fortes ficam
    kept = compress.prune(first, (4, 64, 128, 128, 256)).conv1.weight
    assert torch.equal(kept, torch.full((4, 1, 3, 3), 5.0))


def test_the_same_seed_gives_the_same_bytes_and_another_seed_does_not(built):
    (first, first_int8), (again, again_int8), (other, other_int8) = built
    assert artifacts.sha256(first) == artifacts.sha256(again) != artifacts.sha256(other)
    assert artifacts.sha256(first_int8) == artifacts.sha256(again_int8) != artifacts.sha256(other_int8)


def test_the_int8_file_is_smaller_and_close_to_the_float_one_and_neither_tells_of_the_machine(built):
    float32, int8 = built[0]
    for path in built[0]:
        data = path.read_bytes()
        assert b"site-packages" not in data and b'File "' not in data
    assert int8.stat().st_size < float32.stat().st_size
    images = train.to_tensors("validation")[0][:50].numpy()
    difference = np.abs(Predictor(float32).infer(images) - Predictor(int8).infer(images))
    assert 0 < difference.max() < 1


def test_distillation_teaches(teacher, material):
    """Dez sementes × ATEN_CPU_CAPABILITY default, avx2, avx512 (n = 30): de 74 a 81 %, mediana 77 %."""
    with compress.one_thread():
        student = compress.prune(teacher, (8, 16, 32, 32, 64))
        images, labels = (tensor[:128] for tensor in train.to_tensors("train"))
        before = train.accuracy(student, images, labels)
        compress.distill(student, material, replace(TINY, passes=6), seed=0)
        assert train.accuracy(student, images, labels) > max(0.5, before + 0.2)


def test_the_published_model_is_what_its_report_says():
    report = json.loads(compress.REPORT.read_text(encoding="utf-8"))
    assert artifacts.verify(compress.SMALL).stat().st_size == report["bytes"]
    assert report["recipe"]["widths"] == list(compress.PUBLISHED.widths)
    assert MODEL.stat().st_size >= 40 * report["bytes"]
    seed = str(report["seed"])
    assert report["validation"][seed] == max(report["validation"].values())
    assert compress.hits(compress.SMALL, "test").mean() == pytest.approx(report["test"][seed], abs=0.002)
    assert compress.hits(MODEL, "test").mean() - compress.hits(compress.SMALL, "test").mean() <= 0.0051
