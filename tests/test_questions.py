"""As perguntas de data/questions.json: completas, com uma certa cada, equilibradas; e o que se diz de uma ruim."""

import copy
import json
import re
from collections import Counter

import pytest

from course_utils import lesson
from course_utils.classroom.quiz import questions

POOL = questions.load()
CHOICES = [question for question in POOL if not question.is_open]
RIGHT = [[option.correct for option in question.options].index(True) for question in CHOICES]
each_question = pytest.mark.parametrize("question", POOL, ids=lambda question: question.id)


def texts(question):
    """Tudo o que o aluno pode ler dessa pergunta."""
    told = [text for option in question.options for text in (option.text, option.feedback)]
    return [question.text, *told, *question.rubric, *([question.model_answer] if question.is_open else [])]


def test_there_are_enough_and_every_notebook_has_its_own():
    assert len(POOL) >= 50
    kinds = {
        name: Counter(item.kind for item in POOL if item.notebook == name) for name in {q.notebook for q in POOL}
    }
    stems = [path.stem for path in lesson.find_notebooks()]
    assert set(stems) <= set(kinds)
    for name, count in kinds.items():
        assert name not in stems or name.startswith("10") or count["closing"] == 2, name


def test_the_five_of_the_lesson_are_in_the_last_notebook_and_the_fifth_is_open():
    lesson_group = questions.group("10_consolidacao", "lesson", POOL)
    assert [question.is_open for question in lesson_group] == [False] * 4 + [True]
    assert [question for question in POOL if question.is_open] == [lesson_group[-1]]


def test_every_topic_is_taught_and_self_assessed():
    topics = {question.topic for question in POOL}
    assert {question.topic for question in POOL if question.kind == "closing"} == topics
    assert topics - {question.topic for question in POOL if question.kind == "self"} <= {"ponte"}


def test_the_right_option_is_in_no_favourite_place():
    shares = [RIGHT.count(place) / len(RIGHT) for place in range(4)]
    assert all(0.15 <= share <= 0.35 for share in shares), shares
    longest_run = max(len(run[0]) for run in re.finditer(r"(\d)\1*", "".join(map(str, RIGHT))))
    assert longest_run <= 3


def test_its_length_does_not_give_it_away():
    longest = sum(max(question.options, key=lambda option: len(option.text)).correct for question in CHOICES)
    shortest = sum(min(question.options, key=lambda option: len(option.text)).correct for question in CHOICES)
    assert 0.1 <= longest / len(CHOICES) <= 0.4 and 0.1 <= shortest / len(CHOICES) <= 0.4


@each_question
def test_its_texts_are_clean(question):
    for text in texts(question):
        assert text == text.strip() and "  " not in text and text.count("`") % 2 == 0, text
        assert not re.search(r"\s[,;:.?!](?:\s|$)|\.\.\.| %\w", text), text
    assert question.text.endswith(("?", "."))
    for option in question.options:
        assert option.feedback.startswith("Certo") == option.correct, option.feedback
        assert option.feedback.endswith("."), option.feedback
        assert not option.text.endswith("."), option.text


# ------------------------------------------------------------------ o que não serve

GOOD = {
    "id": "x",
    "notebook": "02_onnx",
    "topic": "onnx",
    "kind": "recall",
    "text": "O que é?",
    "options": [{"text": name, "correct": name == "b", "feedback": f"porque {name}"} for name in "abc"],
}
OPEN = {key: value for key, value in GOOD.items() if key != "options"} | {"rubric": ["um", "dois", "três"]}


def load(tmp_path, *entries):
    file = tmp_path / "questions.json"
    file.write_text(json.dumps(entries), encoding="utf-8")
    return questions.load(file)


def spoiled(place, value):
    """A pergunta boa com um campo (ou o de uma opção: "options.0.text") trocado."""
    entry = copy.deepcopy(GOOD)
    *path, last = [int(part) if part.isdigit() else part for part in place.split(".")]
    target = entry
    for part in path:
        target = target[part]
    target[last] = value
    return entry


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        (spoiled("text", " "), "falta o campo text"),
        (spoiled("topic", 3), "falta o campo topic"),
        (spoiled("kind", "exam"), "kind deve ser"),
        (spoiled("options.0.correct", True), "uma opção certa, e tem 2"),
        (spoiled("options.1.correct", False), "uma opção certa, e tem 0"),
        (spoiled("options.1.correct", "sim"), "correct é true ou false"),
        (spoiled("options.0.feedback", ""), "texto e de feedback"),
        (spoiled("options.0.text", " B"), "mesmo text"),
        (spoiled("options.0.feedback", "porque c"), "mesmo feedback"),
        (spoiled("options.0", {"text": "a", "correct": False}), "text, correct e feedback"),
        (spoiled("options.2.text", "Todas as anteriores"), "cada opção diz uma coisa"),
        (spoiled("options.2.text", "Nenhuma das alternativas"), "cada opção diz uma coisa"),
        (spoiled("options", GOOD["options"][:2]), "de 3 a 5 opções"),
        (spoiled("options", GOOD["options"] * 2), "de 3 a 5 opções"),
        (spoiled("options", "abc"), "de 3 a 5 opções"),
        (GOOD | {"rubric": ["um", "dois", "três"]}, "não os dois"),
        (spoiled("options", []), "ao menos 3 critérios"),
        (OPEN, "falta model_answer"),
        (OPEN | {"rubric": ["um", "um", "três"], "model_answer": "Assim."}, "sem repetir"),
    ],
)
def test_a_spoiled_question_is_named_with_its_reason(tmp_path, entry, reason):
    with pytest.raises(questions.QuestionError, match="Pergunta x: ") as failure:
        load(tmp_path, entry)
    assert reason in str(failure.value) and "git checkout -- data/questions.json" in str(failure.value)


def test_good_ones_are_read_and_a_repeated_or_missing_id_is_told(tmp_path):
    assert load(tmp_path, GOOD)[0].option("b").feedback == "porque b"
    assert load(tmp_path, OPEN | {"model_answer": "Assim."})[0].is_open
    with pytest.raises(questions.QuestionError, match="Pergunta x: esse id aparece mais de uma vez"):
        load(tmp_path, GOOD, GOOD)
    with pytest.raises(questions.QuestionError, match="Pergunta número 2: cada uma é um objeto com um id"):
        load(tmp_path, GOOD, ["não sou uma pergunta"])


@pytest.mark.parametrize(
    ("content", "reason"), [(None, "Falta"), ("[{", "não é um JSON"), ("{}", "lista"), (b"\xff", "não é um JSON")]
)
def test_a_file_that_cannot_be_read_is_one_sentence(tmp_path, content, reason):
    file = tmp_path / "questions.json"
    if content is not None:
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(questions.QuestionError, match=reason):
        questions.load(file)


def test_an_unknown_group_says_which_there_are():
    with pytest.raises(
        questions.QuestionError, match="Não há perguntas “exame” de 02_onnx. Há: .*02_onnx closing"
    ):
        questions.group("02_onnx", "exame", POOL)
