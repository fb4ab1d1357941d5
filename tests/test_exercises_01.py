"""Conferência dos exercícios do notebook 01: certas, erradas e hostis."""

import h5py
import numpy as np
import pytest

from course_utils.classroom import exercises

RIGHT = {"A": ".keras", "B": "SavedModel", "C": "safetensors"}


def feedback(capsys, name, answer):
    """O que o aluno lê ao conferir `answer`."""
    exercises.check(name, answer)
    return capsys.readouterr().out


@pytest.mark.parametrize("answer", [RIGHT, {"A": "keras", "B": "savedmodel", "C": " Safetensors "}])
def test_the_right_formats_pass(capsys, answer):
    assert feedback(capsys, "salvar_formato_certo", answer) == "✔ Certo!\n"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"A": ".h5"}, "não reconhece"),
        ({"A": "SavedModel"}, "otimizador"),
        ({"A": "safetensors"}, "Adam"),
        ({"A": ".pt"}, "do Keras"),
        ({"B": ".keras"}, "fora"),
        ({"B": "safetensors"}, "só os pesos"),
        ({"B": ".pt"}, "só os pesos"),
        ({"C": ".pt"}, "pickle"),
        ({"C": ".keras"}, "pode executar código"),
        ({"C": "SavedModel"}, "pode executar código"),
        ({"C": "onnx"}, "na figura"),
        ({"A": None}, "na figura"),
        ({"A": ...}, "na figura"),
        ({"B": ["SavedModel"]}, "caso B"),
        ({"D": ".pt"}, "só a eles"),
    ],
)
def test_each_wrong_format_says_what_it_lacks(capsys, change, words):
    text = feedback(capsys, "salvar_formato_certo", RIGHT | change)
    assert text.startswith("✘ Ainda não.") and words in text


@pytest.mark.parametrize("answer", [None, "safetensors", [".keras"], {}, {"A": ".keras"}, {1: 2, "A": 3}])
def test_answers_of_another_shape_are_named(capsys, answer):
    assert feedback(capsys, "salvar_formato_certo", answer).startswith("✘ Ainda não. Esperava")


def identify(path):
    """A solução do notebook, com outras palavras."""
    start = path.read_bytes()
    if start[:2] == b"PK":
        return "keras" if b"config.json" in start else "pt"
    return "h5" if start[1:4] == b"HDF" else "safetensors"


def test_a_function_that_reads_the_bytes_passes(capsys):
    assert feedback(capsys, "salvar_arquivo_misterioso", identify) == "✔ Certo!\n"


def test_the_same_function_reads_real_files(tmp_path):
    torch = pytest.importorskip("torch")
    from course_utils.model import networks

    torch.save({"w": torch.zeros(1)}, tmp_path / "pesos.pt")
    with h5py.File(tmp_path / "pesos.h5", "w") as file:
        file["w"] = np.zeros(1)
    assert identify(networks.WEIGHTS) == "safetensors"
    assert identify(tmp_path / "pesos.pt") == "pt"
    assert identify(tmp_path / "pesos.h5") == "h5"


def by_fixed_folder(path):
    """Supõe que a pasta de dentro do zip se chama sempre `pesos`."""
    start = path.read_bytes()
    if start[:2] != b"PK" or b"config.json" in start:
        return identify(path)
    return "pt" if b"pesos/data.pkl" in start else "keras"


def by_loading(path):
    """Tenta carregar, o que o exercício proíbe."""
    import torch

    torch.load(path)
    return "pt"


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda path: "h5", "config.json"),
        (lambda path: path.suffix, "primeiros bytes"),
        (lambda path: "pt" if path.read_bytes()[:2] == b"PK" else identify(path), "config.json dentro"),
        (by_fixed_folder, "nome da pasta"),
        (lambda path: None, "recebi None"),
        (lambda path: np.array(["h5", "pt"]), "levantou ValueError"),
        (lambda path: 1 / 0, "levantou ZeroDivisionError"),
        (lambda: "h5", "levantou TypeError"),
        (by_loading, "levantou"),
        ("h5", "sem parênteses"),
        (None, "sem parênteses"),
    ],
)
def test_a_wrong_function_hears_where_to_look(capsys, answer, words):
    text = feedback(capsys, "salvar_arquivo_misterioso", answer)
    assert text.startswith("✘ Ainda não.") and words in text


def test_a_function_that_destroys_its_file_harms_nobody(capsys):
    def vandal(path):
        name = identify(path)
        path.unlink()
        return name

    assert feedback(capsys, "salvar_arquivo_misterioso", vandal) == "✔ Certo!\n"


@pytest.mark.parametrize("name", ["salvar_formato_certo", "salvar_arquivo_misterioso"])
def test_a_blank_answer_is_only_a_reminder(capsys, name):
    assert feedback(capsys, name, ...).startswith("Ainda sem resposta")
