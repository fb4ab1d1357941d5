"""Passaporte, exercícios, gráficos."""

import matplotlib

from course_utils.classroom import exercises, lesson_clock, passport, plots

matplotlib.use("agg")


def test_a_stamp_is_read_back_and_a_second_one_replaces_it(tmp_path, capsys):
    file = tmp_path / "novo" / "passport.json"
    passport.stamp("02_onnx", {"Tamanho (MB)": 7.41}, file=file)
    passport.stamp("01_salvar", {"Formatos": 6}, file=file)
    passport.stamp("02_onnx", {"Tamanho (MB)": 7.5}, file=file)
    assert passport.read(file) == {"01_salvar": {"Formatos": 6}, "02_onnx": {"Tamanho (MB)": 7.5}}
    assert list(passport.read(file)) == ["01_salvar", "02_onnx"]
    assert "02_onnx (1 medidas)" in capsys.readouterr().out
    assert [path.name for path in file.parent.iterdir()] == ["passport.json"]


def test_a_stamp_with_a_clock_keeps_the_minutes_of_the_learner(tmp_path):
    file = tmp_path / "passport.json"
    passport.stamp("02_onnx", {"Tamanho (MB)": 7.4}, lesson_clock.LessonClock(iter([0, 90]).__next__), file)
    assert passport.read(file)["02_onnx"] == {"Tamanho (MB)": 7.4, passport.MINUTES: 1.5}


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
    exercises.check("salvar_formato_certo", ...)
    assert "Ainda sem resposta" in capsys.readouterr().out


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
    axis = plots.bars({"a": 1.5, "b": 20.0, "c": 1093.4, "d": 0.0621, "e": 0}, "ms", title="Latência")
    assert axis.get_xlabel() == "ms"
    assert [text.get_text().strip() for text in axis.texts] == ["1,50", "20,0", "1.093", "0,0621", "0"]
