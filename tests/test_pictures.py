"""As figuras que as pessoas mandam: lidas como o mesmo dígito desenhado na página, ou recusadas com a razão."""

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


@pytest.mark.parametrize("kind", kinds.KINDS)
def test_each_kind_is_read(kind, validation):
    random = np.random.default_rng(13)
    made = [kinds.KINDS[kind](image, random) for image in validation[0][:3]]
    assert [read(*item) for item in made] == validation[1][:3].tolist()


@pytest.mark.parametrize("kind", kinds.NOT_DIGITS)
def test_what_is_not_one_digit_is_refused_and_says_what_to_do(kind, validation):
    random = np.random.default_rng(13)
    for number in range(3):
        made = kinds.NOT_DIGITS[kind](random, validation[0][number], validation[0][-number - 1])
        with pytest.raises(contract.ContractError, match="Desenhe|Fotografe|mande") as error:
            contract.read_images(*made)
        assert error.value.status == 422


@pytest.mark.parametrize("turn", range(1, 9))
def test_every_orientation_is_set_upright(turn, validation):
    exif = Image.Exif()
    exif[kinds.ORIENTATION] = turn
    straight = kinds.paint(kinds.plain(validation[0][0]))
    stored = straight if turn == 1 else straight.transpose(Image.Transpose(kinds.UNDO[turn]))
    expected = picture.to_digit(kinds.save(straight)[1])
    assert np.array_equal(picture.to_digit(kinds.save(stored, exif=exif)[1]), expected)


def test_a_broken_exif_does_not_condemn_the_picture():
    drawn = kinds.save(kinds.paint(kinds.plain(digits.load("validation")[0][0])), exif=b"Exif\0\0lixo")
    assert contract.read_images(*drawn).any()


def test_a_bomb_is_refused_before_it_is_unpacked():
    for size in ((5000, 5000), (20_000, 20_000)):
        with pytest.raises(InvalidInputError, match="4096"):
            picture.to_digit(kinds.save(Image.new("1", size))[1], "image/png")


# ------------------------------------------------------------------ provas demoradas


def count(made, labels):
    """Quantas das figuras cada modelo lê certo, e quantas são recusadas: `Counter`, que também se imprime."""
    found = Counter(reference=0, small=0, refused=0)
    for (kind, payload), label in zip(made, labels):
        try:
            images = contract.read_images(kind, payload)
        except contract.ContractError:
            found["refused"] += 1
            continue
        found["reference"] += PREDICTOR.predict(images)[0].digit == label
        found["small"] += SMALL.predict(images)[0].digit == label
    print(dict(found))
    return found


@pytest.mark.slow
@pytest.mark.parametrize("kind", kinds.KINDS)
def test_at_least_97_of_100_of_each_kind_are_read(kind, validation):
    random = np.random.default_rng(13)
    found = count((kinds.KINDS[kind](image, random) for image in validation[0][:100]), validation[1])
    assert min(found["reference"], found["small"]) >= 97


@pytest.mark.slow
@pytest.mark.parametrize("kind", kinds.NOT_DIGITS)
def test_at_most_one_in_a_hundred_that_are_not_digits_is_read(kind, validation):
    """Manchas sorteadas em preto e branco, sem um tom no meio, às vezes formam uma figura: lidas 2 de 100."""
    random, images = np.random.default_rng(13), validation[0]
    made = (kinds.NOT_DIGITS[kind](random, images[number], images[-number - 1]) for number in range(100))
    assert count(made, validation[1])["refused"] >= (95 if kind == "textura nítida" else 99)


PEAK = """
import re, sys, time
from pathlib import Path
from course_utils.serving import picture

def peak():  # o ru_maxrss herdaria o do pai
    return int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) // 1024

body, before, start = sys.stdin.buffer.read(), peak(), time.process_time()
assert picture.to_digit(body).any()
print(peak() - before, time.process_time() - start)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="lê /proc")
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
