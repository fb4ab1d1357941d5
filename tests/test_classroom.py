"""Passaporte, exercícios, gráficos, conferência do ambiente."""

import matplotlib
import pytest

from course_utils.classroom import checkup, exercises, passport, plots
from course_utils.model import artifacts

matplotlib.use("agg")


def test_a_stamp_is_read_back_and_a_second_one_replaces_it(tmp_path, capsys):
    file = tmp_path / "novo" / "passport.json"
    passport.stamp("02_onnx", {"Tamanho (MB)": 7.41}, file)
    passport.stamp("01_salvar", {"Formatos": 6}, file)
    passport.stamp("02_onnx", {"Tamanho (MB)": 7.5}, file)
    assert passport.read(file) == {"01_salvar": {"Formatos": 6}, "02_onnx": {"Tamanho (MB)": 7.5}}
    assert list(passport.read(file)) == ["01_salvar", "02_onnx"]
    assert "02_onnx (1 medidas)" in capsys.readouterr().out
    assert [path.name for path in file.parent.iterdir()] == ["passport.json"]


def test_a_missing_or_broken_passport_is_a_blank_one(tmp_path):
    file = tmp_path / "passport.json"
    assert passport.read(file) == {}
    file.write_text("{meio")
    assert passport.read(file) == {}
    assert "em branco" in passport.text({})


def test_the_passport_is_shown_with_decimal_commas():
    text = passport.text({"02_onnx": {"Diferença máxima": 1.9073e-06, "Tamanho (MB)": 7.412, "Formatos": 3}})
    assert "1,91e-06" in text and "7,41" in text and " 3" in text


def test_a_blank_answer_only_reminds(capsys):
    exercises.check("ponte_tres_imagens", ...)
    assert "Ainda sem resposta" in capsys.readouterr().out


def test_right_and_wrong_answers_of_the_bridge(capsys):
    from course_utils.model import digits
    from course_utils.model.predictor import Predictor

    right = [item.digit for item in Predictor().predict(digits.load("test")[0][:3])]
    wrong = {
        "uma lista": 7,
        "3 dígitos": right[:2],
        "dicionários": [{"digit": 1}] * 3,
        "confira se enviou": right[::-1] if right != right[::-1] else [0, 0, 0],
    }
    exercises.check("ponte_tres_imagens", right)
    assert capsys.readouterr().out == "✔ Certo!\n"
    for feedback, answer in wrong.items():
        exercises.check("ponte_tres_imagens", answer)
        out = capsys.readouterr().out
        assert out.startswith("✘ Ainda não.") and feedback in out and "Próximo passo" in out


def test_an_answer_that_explodes_becomes_one_sentence(monkeypatch, capsys):
    monkeypatch.setitem(exercises.CHECKS, "bomba", lambda answer: answer())
    exercises.check("bomba", lambda: 1 / 0)
    assert "ZeroDivisionError" in capsys.readouterr().out


def test_every_check_survives_hostile_answers(capsys):
    class Hostile:
        def __getattr__(self, name):
            raise RuntimeError("não")

    hostile = [
        None,
        "",
        [],
        {},
        0,
        float("nan"),
        object(),
        Hostile(),
        lambda *a, **k: 1 / 0,
        b"\x00",
        [[]],
        {"a": 1},
    ]
    for name in exercises.CHECKS:
        for answer in hostile:
            exercises.check(name, answer)
            assert capsys.readouterr().out.startswith("✘ Ainda não."), (name, answer)


def test_bars_show_values_with_units_and_decimal_comma():
    axis = plots.bars({"a": 1.5, "b": 20.0}, "ms", title="Latência")
    assert axis.get_xlabel() == "ms"
    assert [text.get_text().strip() for text in axis.texts] == ["1,5", "20"]


def test_the_checkup_passes_here_and_names_the_cure_elsewhere(monkeypatch, capsys):
    assert checkup.show()
    monkeypatch.setattr(checkup.sys, "version_info", (3, 9, 0))

    def refuse(path):
        raise artifacts.CorruptedFileError("digits.npz está corrompido. Para restaurar: git checkout")

    monkeypatch.setattr(artifacts, "verify", refuse)
    assert not checkup.show()
    out = capsys.readouterr().out
    assert "✘ Python 3.11, 3.12 ou 3.13: este é o 3.9; feche o JupyterLab" in out
    assert "✘ Arquivos de data/ íntegros (SHA-256): digits.npz está corrompido" in out


@pytest.mark.parametrize("free", [0, 10**10])
def test_the_checkup_sees_a_full_disk(monkeypatch, free):
    usage = type("Usage", (), {"free": free})
    monkeypatch.setattr(checkup.shutil, "disk_usage", lambda path: usage)
    assert (dict(checkup.run())["Escrita na pasta artifacts/, com 1 GB livre"] is None) == (free > 0)


@pytest.mark.parametrize(("value", "text"), [(1043.7, "1044"), (999.4, "999"), (0.08781, "0,0878"), (3, "3")])
def test_the_passport_never_writes_a_number_in_powers_of_ten(value, text):
    assert passport.text({"00_a_ponte": {"medida": value}}).split()[-1] == text
