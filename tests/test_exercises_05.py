"""Conferência do exercício do laboratório 05 (desquantizar): certas, erradas e hostis."""

import numpy as np
import pytest

from course_utils.classroom import exercises


def feedback(capsys, answer):
    """O que o aluno lê ao conferir `answer`."""
    exercises.check("borda_desquantizar", answer)
    return capsys.readouterr().out


def right(q, scale, zero_point):
    return scale * (q.astype("float32") - zero_point)


@pytest.mark.parametrize(
    "answer",
    [
        right,
        lambda q, scale, zero_point: (q.astype(np.int32) - zero_point) * scale,
        lambda q, s, z: np.float32(s) * (np.float32(q) - np.float32(z)),
        lambda *quantized: quantized[1] * (quantized[0].astype(float) - quantized[2]),
        lambda q, scale, zero_point=0: np.vectorize(lambda one: scale * (float(one) - zero_point))(q),
    ],
)
def test_every_right_function_passes(capsys, answer):
    assert feedback(capsys, answer) == "✔ Certo!\n"


def in_place(q, scale, zero_point):
    q -= zero_point
    return scale * q.astype("float32")


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda q, s, z: s * (q - z), "a subtração dá a volta"),
        (lambda q, s, z: s * q.astype("float32") - z, "antes de multiplicar"),
        (lambda q, s, z: s * (q.astype("float32") + z), "que representa o real 0"),
        (lambda q, s, z: s * q.astype("float32"), "falta o zero_point"),
        (lambda q, s, z: (q.astype("float32") - z) / s, "multiplique por scale"),
        (lambda q, s, z: q.astype("float32") - z, "falta multiplicar por scale"),
        (lambda q, s, z: q.astype("float32") * 0 + np.nan, "confira a fórmula"),
        (lambda q, s, z: np.zeros(q.shape, complex), "confira a fórmula"),
        (lambda q, s, z: np.full(q.shape, "0.0"), "confira a fórmula"),
        (lambda q, s, z: right(q, s, z).astype(int), "esperava 2.5; recebi 2 para q = 10"),
        (lambda q, s, z: right(q, s, z).tolist(), "recebi list"),
        (lambda q, s, z: right(q, s, z).max(), "recebi float32"),
        (lambda q, s, z: right(q, s, z)[:1], "recebi a forma (1,)"),
        (lambda q, s, z: None, "recebi NoneType"),
        (in_place, "q modificado"),
        (lambda q, s: q, "três argumentos"),
        (lambda: 0, "três argumentos"),
        (3.5, "recebi float"),
        (np.float32([1, 2]), "recebi ndarray"),
    ],
)
def test_each_wrong_answer_says_what_it_lacks(capsys, answer, words):
    text = feedback(capsys, answer)
    assert text.startswith("✘ Ainda não. Esperava") and words.lower() in text.lower()


class Explosive:
    """Explode ao ser chamada."""

    def __call__(self, q, scale, zero_point):
        raise RuntimeError("bum")


@pytest.mark.parametrize("answer", [None, {}, "real", b"\x00", len, int, dict, Explosive(), Explosive, np.array])
def test_hostile_answers_become_a_sentence(capsys, answer):
    assert feedback(capsys, answer).startswith("✘ Ainda não.")


def test_a_blank_answer_only_reminds(capsys):
    assert feedback(capsys, ...).startswith("Ainda sem resposta")


def dequantize_model(scale, zero_point, size):
    """Os bytes de um modelo LiteRT de um operador só, o DEQUANTIZE: int8 (size,) → float32 (size,)."""
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema

    def tensor(name, kind):
        made = schema.TensorT()
        made.name, made.shape, made.type, made.buffer = name, [size], kind, 0
        return made

    entry, result = tensor("q", schema.TensorType.INT8), tensor("real", schema.TensorType.FLOAT32)
    entry.quantization = schema.QuantizationParametersT()
    entry.quantization.scale, entry.quantization.zeroPoint = [scale], [zero_point]
    operator, code, graph, model = schema.OperatorT(), schema.OperatorCodeT(), schema.SubGraphT(), schema.ModelT()
    operator.opcodeIndex, operator.inputs, operator.outputs = 0, [0], [1]
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.DEQUANTIZE
    code.version = 2
    graph.tensors, graph.inputs, graph.outputs, graph.operators = [entry, result], [0], [1], [operator]
    model.version, model.operatorCodes, model.subgraphs, model.buffers = 3, [code], [graph], [schema.BufferT()]
    builder = flatbuffers.Builder(0)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def test_the_formula_of_the_check_is_the_one_litert_computes(capsys):
    from ai_edge_litert.interpreter import Interpreter

    def by_interpreter(q, scale, zero_point):
        interpreter = Interpreter(model_content=dequantize_model(scale, zero_point, q.size), num_threads=1)
        interpreter.allocate_tensors()
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], q.ravel())
        interpreter.invoke()
        return interpreter.get_tensor(interpreter.get_output_details()[0]["index"]).reshape(q.shape)

    assert feedback(capsys, by_interpreter) == "✔ Certo!\n"
