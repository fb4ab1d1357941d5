"""As perguntas de data/questions.json: completas, com uma certa cada, equilibradas; e o que se diz de uma ruim."""

import re
from collections import Counter

import pytest

from course_utils import lesson
from course_utils.classroom.quiz import questions

POOL = questions.load()
CHOICES = [question for question in POOL if question.options]
RIGHT = [[option.correct for option in question.options].index(True) for question in CHOICES]
ALL_OR_NONE = re.compile(
    r"\b(todas|nenhuma|ambas|as duas|n\.?d\.?a\.?)\b.*\b(anteriores|acima|alternativas|opções)\b", re.I
)


def test_there_are_enough_and_every_notebook_has_its_own():
    assert len(POOL) >= 50 and len({question.id for question in POOL}) == len(POOL)
    for path in lesson.find_notebooks():
        count = Counter(question.kind for question in POOL if question.notebook == path.stem)
        assert count and (path.stem.startswith("10") or count["closing"] == 2), path.stem
    five = questions.group("10_consolidacao", "lesson")
    assert len(five) == 5 and [question for question in POOL if not question.options] == [five[-1]]


def test_every_topic_is_taught_and_self_assessed():
    topics = {question.topic for question in POOL}
    assert {question.topic for question in POOL if question.kind == "closing"} == topics
    of_the_lesson = {question.topic for question in POOL if "/" not in question.notebook}
    assert topics - of_the_lesson == {"modelos de linguagem", "vigilância"}, "só um laboratório os ensina"
    assert {question.topic for question in POOL if question.kind == "self"} == of_the_lesson - {"ponte"}


def test_the_right_option_is_in_no_favourite_place_and_its_length_does_not_give_it_away():
    shares = [RIGHT.count(place) / len(RIGHT) for place in range(4)]
    assert all(0.15 <= share <= 0.35 for share in shares), shares
    assert not re.search(r"(\d)\1{3}", "".join(map(str, RIGHT)))
    for extreme in (max, min):
        found = [extreme(question.options, key=lambda option: len(option.text)).correct for question in CHOICES]
        assert 0.1 <= sum(found) / len(CHOICES) <= 0.4


@pytest.mark.parametrize("question", POOL, ids=lambda question: question.id)
def test_it_is_whole_and_its_texts_are_clean(question):
    assert all((question.id, question.notebook, question.topic)) and question.text.endswith(("?", "."))
    texts = [text for option in question.options for text in (option.text, option.feedback)]
    for text in (question.text, *texts, *question.rubric, *([] if question.options else [question.model_answer])):
        assert text and text == text.strip() and "  " not in text and text.count("`") % 2 == 0, text
        assert not re.search(r"\s[,;:.?!](?:\s|$)|\.\.\.| %\w", text), text
    if not question.options:
        assert len(set(question.rubric)) == len(question.rubric) >= 3
        return
    assert 3 <= len(question.options) <= 5 and not question.rubric
    assert [option.correct for option in question.options].count(True) == 1
    assert len({text.casefold() for text in texts}) == len(texts)
    for option in question.options:
        assert option.feedback.startswith("Certo") == option.correct, option.feedback
        assert option.feedback.endswith(".") and not option.text.endswith("."), option
        assert not ALL_OR_NONE.search(option.text), option.text


@pytest.mark.parametrize("content", [None, b"[{", b"\xff", b'[{"id": "x", "options": [{"text": "a"}]}]'])
def test_a_spoiled_file_is_told_with_its_cure(tmp_path, content):
    file = tmp_path / "questions.json"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(questions.QuestionError, match="questions.json não serve.*git checkout -- data/questions"):
        questions.load(file)
