"""Uma afirmação que não se confirma é contada e guardada, nunca uma exceção."""

from course_utils.classroom.verdicts import Verdicts


def test_a_claim_that_holds_and_one_that_does_not_are_told_and_kept(capsys):
    verdicts = Verdicts()
    assert verdicts.check("o menor é mais rápido", 3 > 2) is True
    assert verdicts.check("int8 ganha de float32", 0.9 > 1) is False
    confirmed, refuted = capsys.readouterr().out.splitlines()
    assert confirmed == "✔ Confirmou-se aqui: o menor é mais rápido."
    assert refuted.startswith("✘ Aqui não se confirmou: int8 ganha de float32. O que se vê desta máquina: ")
    assert "núcleos" in refuted
    assert verdicts == {"o menor é mais rápido": "confirmou-se", "int8 ganha de float32": "não se confirmou"}


def test_a_machine_that_tells_nothing_of_itself_is_no_error(monkeypatch, capsys):
    monkeypatch.setattr("course_utils.measure.machine.instructions", lambda: None)
    Verdicts().check("algo", False)
    assert "instruções que o sistema não declara" in capsys.readouterr().out
