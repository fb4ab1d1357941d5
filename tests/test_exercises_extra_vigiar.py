"""Conferência do exercício do laboratório vigiar_ao_vivo: certas, erradas e hostis."""

import pytest

from course_utils.classroom import exercises


def feedback(capsys, answer):
    """O que o aluno lê ao conferir `answer`."""
    exercises.check("vigiar_alarme", answer)
    return capsys.readouterr().out


def by_counting(values, limit=0.25, windows=3):
    in_a_row = 0
    for place, value in enumerate(values):
        in_a_row = in_a_row + 1 if value > limit else 0
        if in_a_row == windows:
            return place
    return None


def by_slices(values, limit=0.25, windows=3):
    ends = range(windows, len(values) + 1)
    return next((end - 1 for end in ends if all(value > limit for value in values[end - windows : end])), None)


def never_resets(values, limit=0.25, windows=3):
    above = [place for place, value in enumerate(values) if value > limit]
    return above[windows - 1] if len(above) >= windows else None


def counts_the_limit(values, limit=0.25, windows=3):
    return by_slices([value + 1e-9 for value in values], limit, windows)


def skips_nan(values, limit=0.25, windows=3):
    return by_counting([value for value in values if value == value], limit, windows)


def tells_the_first_of_the_run(values, limit=0.25, windows=3):
    place = by_counting(values, limit, windows)
    return None if place is None else place - windows + 1


def ignores_its_options(values, limit=0.25, windows=3):
    return by_counting(values)


def says_yes_or_no(values, limit=0.25, windows=3):
    return by_counting(values, limit, windows) is not None


def trusts_there_is_one(values, limit=0.25, windows=3):
    return by_counting(values, limit, windows) or 0


@pytest.mark.parametrize("answer", [by_counting, by_slices])
def test_the_right_alarms_pass(capsys, answer):
    assert feedback(capsys, answer) == "✔ Certo!\n"


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (never_resets, "zere a conta"),
        (counts_the_limit, "acima do limite é `>`"),
        (skips_nan, "um NaN interrompe"),
        (tells_the_first_of_the_run, "na janela que completa a sequência"),
        (ignores_its_options, "use `limit` e `windows`"),
        (says_yes_or_no, "recebi True"),
        (trusts_there_is_one, "zere a conta"),
        ("alarm", "recebi str"),
        (None, "recebi NoneType"),
        (lambda: 3, "TypeError"),
        (lambda values, **options: values[0], "recebi 0.02"),
        (lambda values, **options: "x" * 10**6, "xxx"),
    ],
)
def test_each_wrong_alarm_says_what_it_lacks(capsys, answer, words):
    text = feedback(capsys, answer)
    assert text.startswith("✘ Ainda não.") and words in text and len(text) < 1000


def test_a_blank_answer_only_reminds(capsys):
    assert feedback(capsys, ...).startswith("Ainda sem resposta")
