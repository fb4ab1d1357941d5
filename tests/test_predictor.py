"""O preditor: cada entrada ruim diz o que chegou e o que se esperava."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from course_utils.model import digits
from course_utils.model.predictor import InvalidInputError, Predictor


@pytest.fixture(scope="module")
def predictor():
    return Predictor()


def test_it_reads_the_test_digits_with_probabilities_that_agree(predictor):
    images, labels = digits.load("test")
    found = predictor.predict(images)
    assert np.mean([prediction.digit for prediction in found] == labels) >= 0.98
    for prediction in found[:50]:
        assert len(prediction.probabilities) == 10
        assert sum(prediction.probabilities) == pytest.approx(1, abs=1e-5)
        assert max(prediction.probabilities) == prediction.probabilities[prediction.digit]


def test_flat_square_and_listed_images_mean_the_same_alone_or_in_a_batch(predictor):
    images = digits.load("test")[0][:3]
    expected = predictor.predict(images)
    for same in (images.reshape(3, 784), images.tolist(), images.astype(np.int64)):
        assert predictor.predict(same) == expected
    for i, together in enumerate(expected):
        (alone,) = predictor.predict(images[i : i + 1])
        assert alone.digit == together.digit
        assert alone.probabilities == pytest.approx(together.probabilities, abs=1e-5)


@pytest.mark.parametrize(
    ("images", "received", "expected"),
    [
        (np.zeros((0, 28, 28), int), "lote vazio", "pelo menos uma imagem"),
        (np.zeros((2, 27, 28), int), r"\(2, 27, 28\)", r"\(n, 28, 28\)"),
        (np.zeros(784, int), r"\(784,\)", r"\(n, 784\)"),
        (np.full((1, 784), np.nan), "float64", "inteiros de 0 a 255"),
        (np.full((1, 784), 256), "256", "255"),
        (np.full((1, 784), -1), "-1", "0"),
        (np.full((1, 784), "7"), "<U1", "inteiros"),
        ([[0] * 784, [0] * 3], "tamanhos diferentes", "784"),
    ],
)
def test_bad_input_says_what_was_received_and_expected(predictor, images, received, expected):
    with pytest.raises(InvalidInputError, match=f"(?s){received}.*{expected}"):
        predictor.predict(images)


@settings(max_examples=200, deadline=None)
@given(
    arrays.arrays(
        st.one_of(arrays.integer_dtypes(), arrays.floating_dtypes(sizes=(32, 64)), arrays.boolean_dtypes()),
        st.one_of(arrays.array_shapes(max_dims=4, max_side=4), st.sampled_from([(1, 784), (2, 28, 28)])),
    )
)
def test_any_array_is_answered_or_refused_never_broken(predictor, images):
    try:
        predictions = predictor.predict(images)
    except InvalidInputError:
        return
    assert len(predictions) == len(images)
