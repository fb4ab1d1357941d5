"""Conferência do exercício do notebook 08 (uma régua por canal): certas, erradas e hostis."""

import numpy as np
import onnxruntime
import pytest
from onnx import TensorProto, helper

from course_utils.classroom import exercises


def feedback(capsys, answer):
    """O que o aluno lê ao conferir `answer`."""
    exercises.check("quantizacao_por_canal", answer)
    return capsys.readouterr().out


def right(weights, bits):
    top = 2 ** (bits - 1) - 1
    peaks = np.abs(weights).max(axis=1)
    scales = np.where(peaks > 0, peaks / top, 1)
    return np.rint(weights / scales[:, None]).astype(np.int8), scales


def in_columns(weights, bits):
    """Escalas em pé, marcas em float, outra escala para a linha de zeros: também serve."""
    top = 2 ** (bits - 1) - 1
    scales = np.abs(weights).max(axis=1, keepdims=True) / top
    scales[scales == 0] = 0.5
    return [np.round(weights / scales), scales]


def row_by_row(weights, bits):
    top, marks, scales = 2 ** (bits - 1) - 1, [], []
    for row in weights.tolist():
        scales.append(max(map(abs, row)) / top or 1.0)
        marks.append([round(value / scales[-1]) for value in row])
    return marks, scales


def per_tensor(weights, bits):
    scale = np.abs(weights).max() / (2 ** (bits - 1) - 1)
    return np.rint(weights / scale), scale


def per_tensor_repeated(weights, bits):
    marks, scale = per_tensor(weights, bits)
    return marks, np.full(len(weights), scale)


def by_column(weights, bits):
    scales = np.abs(weights).max(axis=0) / (2 ** (bits - 1) - 1)
    return np.rint(weights / scales), scales


def truncates(weights, bits):
    _, scales = right(weights, bits)
    return (weights / scales[:, None]).astype(np.int8), scales


def ignores_the_bits(weights, bits):
    return right(weights, 8)


def ignores_the_zeros(weights, bits):
    scales = np.abs(weights).max(axis=1) / (2 ** (bits - 1) - 1)
    return np.rint(weights / scales[:, None]), scales


def only_the_marks(weights, bits):
    return right(weights, bits)[0]


def swapped(weights, bits):
    return right(weights, bits)[::-1]


def dequantizes(weights, bits):
    marks, scales = right(weights, bits)
    return marks * scales[:, None], scales


def unsigned(weights, bits):
    marks, scales = right(weights, bits)
    return marks.astype(int) + 2 ** (bits - 1), scales


def as_text(weights, bits):
    marks, scales = right(weights, bits)
    return marks.astype(str), scales


def ruins_the_weights(weights, bits):
    weights[:] = 0
    return right(weights, bits)


@pytest.mark.parametrize("answer", [right, in_columns, row_by_row])
def test_the_right_functions_pass(capsys, answer):
    assert feedback(capsys, answer) == "✔ Certo!\n"


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (per_tensor, "5 escalas; recebi 1"),
        (per_tensor_repeated, "maior |peso| da linha"),
        (by_column, "5 escalas; recebi 64"),
        (truncates, "arredonde com np.rint"),
        (ignores_the_bits, "com 4 bits"),
        (ignores_the_zeros, "cuide da linha de zeros"),
        (only_the_marks, "return marks, scales"),
        (swapped, "cada peso vira uma marca"),
        (dequantizes, "a marca mais próxima"),
        (unsigned, "a régua é simétrica"),
        (as_text, "devolva dois arrays"),
        (ruins_the_weights, "maior |peso| da linha"),
        (right(np.eye(5), 8), "sem parênteses"),
    ],
)
def test_each_wrong_function_says_what_it_lacks(capsys, answer, words):
    text = feedback(capsys, answer)
    assert text.startswith("✘ Ainda não. Esperava") and words in text


def explodes(weights, bits):
    raise RuntimeError("bum")


def ragged(weights, bits):
    return [[1], [1, 2]], [1] * 5


@pytest.mark.parametrize(
    "answer",
    [
        None,
        7,
        "per_channel",
        print,
        lambda: None,
        explodes,
        ragged,
        lambda w, b: (None, None),
        lambda w, b: ((), ()),
    ],
)
def test_hostile_answers_become_a_sentence(capsys, answer):
    assert "✘ Ainda não." in feedback(capsys, answer)


def test_a_blank_answer_only_reminds(capsys):
    assert feedback(capsys, ...).startswith("Ainda sem resposta")


def test_the_expected_marks_are_those_of_onnx_runtime():
    """O gabarito da conferência (`right`) não é só nosso: o QuantizeLinear por eixo dá as mesmas marcas."""
    weights = np.random.default_rng(3).normal(size=(5, 64)).astype(np.float32) * np.float32(
        [[1], [9], [0.1], [3], [0]]
    )
    marks, scales = right(weights, 8)
    scales = scales.astype(np.float32)
    node = helper.make_node("QuantizeLinear", ["x", "scale", "zero"], ["marks"], axis=0)
    constants = [
        helper.make_tensor("scale", TensorProto.FLOAT, [5], scales),
        helper.make_tensor("zero", TensorProto.INT8, [5], [0] * 5),
    ]
    entry = helper.make_tensor_value_info("x", TensorProto.FLOAT, [5, 64])
    exit_ = helper.make_tensor_value_info("marks", TensorProto.INT8, [5, 64])
    graph = helper.make_graph([node], "oracle", [entry], [exit_], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    session = onnxruntime.InferenceSession(model.SerializeToString())
    assert np.array_equal(session.run(None, {"x": weights})[0], marks)
