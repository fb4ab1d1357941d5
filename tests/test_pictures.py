"""As figuras que as pessoas mandam: lidas como o mesmo dígito desenhado na página, ou recusadas com a razão."""

import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pictures_by_kind as kinds
import pytest
from PIL import Image

from course_utils.model import artifacts, digits
from course_utils.model.predictor import InvalidInputError, Predictor
from course_utils.serving import contract, picture

FILES = sorted((Path(__file__).parent / "pictures").glob("*_is_?.png"))
PREDICTOR, SMALL = Predictor(), Predictor(artifacts.DATA / "small.onnx")


@pytest.fixture(scope="module")
def validation():
    return digits.load("validation")


def read(kind, payload, predictor=PREDICTOR):
    return predictor.predict(contract.read_images(kind, payload))[0].digit


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_reported_picture_is_read(file):
    for predictor in (PREDICTOR, SMALL):
        assert read("image/png", file.read_bytes(), predictor) == int(file.stem[-1])


def test_a_broken_exif_does_not_condemn_the_picture():
    drawn = kinds.save(kinds.paint(kinds.plain(digits.load("validation")[0][0])), exif=b"Exif\0\0lixo")
    assert contract.read_images(*drawn).any()


def test_a_bomb_is_refused_before_it_is_unpacked():
    for size in ((5000, 5000), (20_000, 20_000)):
        with pytest.raises(InvalidInputError, match="4096"):
            picture.to_digit(kinds.save(Image.new("1", size))[1], "image/png")


def count(made, labels):
    """Quantas das figuras cada modelo lê certo, e quantas são recusadas: `Counter`, que também se imprime."""
    found = Counter(reference=0, small=0, refused=0)
    for (kind, payload), label in zip(made, labels):
        try:
            images = contract.read_images(kind, payload)
        except contract.ContractError as error:
            assert error.status == 422 and re.search("Desenhe|Fotografe|mande", str(error)), "não diz o que fazer"
            found["refused"] += 1
            continue
        found["reference"] += PREDICTOR.predict(images)[0].digit == label
        found["small"] += SMALL.predict(images)[0].digit == label
    print(dict(found))
    return found


# As três primeiras de cada espécie, sempre; as cem, nas provas demoradas.
some = pytest.mark.parametrize("number", [3, pytest.param(100, marks=pytest.mark.slow)])


@some
@pytest.mark.parametrize("kind", kinds.KINDS)
def test_at_least_97_of_100_of_each_kind_are_read(kind, number, validation):
    random = np.random.default_rng(13)
    found = count((kinds.KINDS[kind](image, random) for image in validation[0][:number]), validation[1])
    assert min(found["reference"], found["small"]) >= number - number // 33


@some
@pytest.mark.parametrize("kind", kinds.NOT_DIGITS)
def test_at_most_one_in_a_hundred_that_are_not_digits_is_read_and_the_others_are_told_what_to_do(
    kind, number, validation
):
    """Manchas sorteadas em preto e branco, sem um tom no meio, às vezes formam uma figura: lidas 2 de 100."""
    random, images = np.random.default_rng(13), validation[0]
    made = (kinds.NOT_DIGITS[kind](random, images[place], images[-place - 1]) for place in range(number))
    read_at_most = number // (20 if kind == "textura nítida" else 100)
    assert count(made, validation[1])["refused"] >= number - read_at_most


PEAK = """
import sys, time
from course_utils.measure.memory import peak_bytes
from course_utils.serving import picture

body, before, start = sys.stdin.buffer.read(), peak_bytes(), time.process_time()
assert picture.to_digit(body).any()
print((peak_bytes() - before) / 2**20, time.process_time() - start)
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    "mode", ["PNG L", "PNG RGB", "PNG RGBA", "PNG I;16", "PNG P", "JPEG RGB", "JPEG CMYK", "WEBP RGB"]
)
def test_16_megapixels_take_two_seconds_and_300_mib_at_most(mode, validation):
    kind, mode = mode.split()
    ink = kinds.plain(validation[0][0], 4096)
    page = kinds.wide(ink) if mode == "I;16" else kinds.paint(ink).convert(mode, dither=0)
    body = kinds.save(page, kind)[1]
    run = subprocess.run(
        [sys.executable, "-c", PEAK], cwd=artifacts.ROOT, input=body, capture_output=True, check=True
    )
    mebibytes, seconds = map(float, run.stdout.split())
    print(f"{kind} {mode}: {mebibytes:.0f} MiB a mais, {seconds:.2f} s de CPU")
    assert mebibytes <= 300 and seconds <= 2
