"""O contrato, sem rede: o que cada corpo vira, e com que erro é recusado."""

import base64
import io

import numpy as np
import pytest
from cases import BAD_BODIES, BYTES, FORM, GOOD_PICTURES, JPEG, JSON, PNG, WEBP, body
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from course_utils.model import digits
from course_utils.model.predictor import Predictor
from course_utils.serving import contract

PREDICTOR = Predictor()


@pytest.fixture(scope="module")
def images():
    return digits.load("test")[0][:3]


def png(picture):
    file = io.BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()


def test_lists_base64_and_bytes_give_the_same_images(images):
    flat = images.reshape(3, 784)
    lists = body({"images": flat.tolist()})
    texts = body({"images": [base64.b64encode(row.tobytes()).decode() for row in flat]})
    for kind, payload in (
        (JSON, lists),
        (JSON, texts),
        (BYTES, images.tobytes()),
        (JSON + "; charset=utf-8", lists),
    ):
        assert np.array_equal(contract.read_images(kind, payload), images)


@pytest.mark.parametrize(("kind", "payload", "status"), BAD_BODIES)
def test_bad_bodies_are_refused_with_the_right_status(kind, payload, status):
    with pytest.raises(contract.ContractError) as error:
        contract.read_images(kind, payload)
    assert error.value.status == status
    assert error.value.detail


@pytest.mark.parametrize(("kind", "payload"), GOOD_PICTURES)
def test_a_picture_is_read_alone_or_in_a_form(kind, payload):
    assert PREDICTOR.predict(contract.read_images(kind, payload))[0].digit == 1


@pytest.mark.parametrize("size", [(28, 28), (280, 280), (90, 400), (33, 21)])
@pytest.mark.parametrize("inverted", [False, True])
def test_a_drawn_one_is_read_at_any_size_and_polarity(size, inverted):
    paper, ink = ("black", "white") if inverted else ("white", "black")
    picture = Image.new("RGB", size, paper)
    width, height = size
    line = (width // 2, height // 6, width // 2, height * 5 // 6)
    ImageDraw.Draw(picture).line(line, fill=ink, width=max(2, height // 12))
    digit = contract.read_images(PNG, png(picture))
    assert digit.shape == (1, 28, 28)
    assert PREDICTOR.predict(digit)[0].digit == 1


def test_a_test_digit_survives_the_trip_through_a_png():
    images, labels = digits.load("test")
    pictures = [png(Image.fromarray(255 - image).resize((200, 200))) for image in images[:200]]
    read = [PREDICTOR.predict(contract.read_images(PNG, picture))[0].digit for picture in pictures]
    assert np.mean(read == labels[:200]) >= 0.97


def test_transparent_ink_on_nothing_is_read_as_dark_on_white():
    picture = Image.new("RGBA", (100, 100), (0, 0, 0, 0))
    ImageDraw.Draw(picture).line((50, 15, 50, 85), fill=(0, 0, 0, 255), width=8)
    assert PREDICTOR.predict(contract.read_images(PNG, png(picture)))[0].digit == 1


@pytest.mark.parametrize("picture", [Image.new("L", (50, 50), 200), Image.new("RGBA", (5, 5), (0, 0, 0, 0))])
def test_a_blank_picture_is_refused(picture):
    with pytest.raises(contract.ContractError, match="traço"):
        contract.read_images(PNG, png(picture))


@settings(max_examples=300, deadline=None)
@given(st.sampled_from([JSON, BYTES, PNG, JPEG, WEBP, FORM]), st.binary(max_size=2000))
def test_any_bytes_are_read_or_refused_never_broken(kind, payload):
    try:
        images = contract.read_images(kind, payload)
    except contract.ContractError as error:
        assert 400 <= error.status < 500
    else:
        assert images.shape[1:] == (28, 28)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
)


@settings(max_examples=300, deadline=None)
@given(json_values)
def test_any_json_is_read_or_refused_never_broken(value):
    for payload in (value, {"images": value}, {"images": [value]}):
        with pytest.raises(contract.ContractError):
            contract.read_images(JSON, body(payload))
