"""Conferência do exercício do modelo de linguagem: certas, erradas, hostis."""

import pytest
from hostile import Explosive

from course_utils.classroom import exercises


def feedback(capsys, answer):
    exercises.check("linguagem_cache_kv", answer)
    return capsys.readouterr().out


def kv_bytes(tokens, layers, kv_heads, head_dim, width):
    return 2 * layers * kv_heads * head_dim * width * tokens


def test_the_right_formula_passes(capsys):
    assert feedback(capsys, kv_bytes) == "✔ Certo!\n"


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda tokens, layers, heads, size, width: layers * heads * size * width * tokens, "chaves (K)"),
        (lambda tokens, layers, heads, size, width: 2 * heads * size * width * tokens, "cada camada"),
        (lambda tokens, layers, heads, size, width: 16 * layers * heads * size * width * tokens, "não em bits"),
        (lambda tokens, layers, heads, size, width: 2 * layers * heads * size * tokens, "tamanho de cada número"),
        (lambda tokens, layers, heads, size, width: 2 * layers * heads * size * width, "multiplique"),
        (lambda *arguments: True, "recebi True"),
        (lambda *arguments: None, "recebi None"),
        (lambda tokens: 3, "TypeError"),
        (lambda *arguments: Explosive(), "recebi <"),
        (3, "uma função"),
    ],
)
def test_each_wrong_formula_says_what_it_lacks(capsys, answer, words):
    text = feedback(capsys, answer)
    assert text.startswith("✘ Ainda não.") and words in text
