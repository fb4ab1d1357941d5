"""Os dados: divisão fixa, estratificada, sem vazamento."""

import numpy as np
import pytest

from course_utils.model import artifacts, digits


@pytest.mark.parametrize(("split", "count"), [("train", 3500), ("validation", 500), ("test", 1000)])
def test_each_split_is_stratified(split, count):
    images, labels = digits.load(split)
    assert images.shape == (count, 28, 28) and images.dtype == np.uint8
    assert np.bincount(labels).tolist() == [count // 10] * 10
    assert images.min() == 0 and images.max() == 255


def test_no_image_is_in_two_splits_which_are_fixed_for_ever_and_known_by_name():
    seen = [{image.tobytes() for image in digits.load(split)[0]} for split in digits.SPLITS]
    assert not seen[0] & seen[1] and not seen[0] & seen[2] and not seen[1] & seen[2]
    assert artifacts.sha256(digits.FILE) == "5a9acaa81f069b447c2edb62ddc50158ba979f76a07c004036ea1284d8ed1cc3"
    with pytest.raises(ValueError, match="'treino'.*train, validation, test"):
        digits.load("treino")


@pytest.mark.slow
def test_the_data_file_is_rebuilt_byte_by_byte(tmp_path):
    rebuilt = digits.rebuild(tmp_path / "digits.npz")
    assert artifacts.sha256(rebuilt) == artifacts.sha256(digits.FILE)
