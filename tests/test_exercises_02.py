"""Conferência do exercício do notebook 02: certas, erradas e hostis."""

import numpy as np
import onnx
import onnxruntime
import pytest

from course_utils.classroom import exercises
from course_utils.model.predictor import MODEL


def feedback(capsys, answer):
    """O que o aluno lê ao conferir `answer`."""
    exercises.check("onnx_lote_dinamico", answer)
    return capsys.readouterr().out


def build(*, softmax=True, names=("pixels", "probabilidades"), batch="lote", tail=(), weights_scale=1.0):
    """A sessão de uma variante do modelo de referência, mexida diretamente no grafo ONNX."""
    model = onnx.load(MODEL)
    graph = model.graph
    source, last = graph.input[0].name, graph.output[0].name
    steps = [("Softmax", {"axis": 1})] if softmax else []
    for number, (operator, attributes) in enumerate([*steps, *tail]):
        graph.node.append(onnx.helper.make_node(operator, [last], [f"extra{number}"], **attributes))
        last = f"extra{number}"
    graph.node.append(onnx.helper.make_node("Identity", [last], [names[1]]))
    graph.node.insert(0, onnx.helper.make_node("Identity", [names[0]], [source]))
    size = {"dim_value": batch} if isinstance(batch, int) else {"dim_param": batch}
    graph.input[0].name = names[0]
    graph.input[0].type.tensor_type.shape.dim[0].CopyFrom(onnx.TensorShapeProto.Dimension(**size))
    del graph.value_info[:]
    graph.output[0].CopyFrom(onnx.helper.make_tensor_value_info(names[1], onnx.TensorProto.FLOAT, None))
    for tensor in graph.initializer:
        if weights_scale != 1.0 and tensor.name == "fc2.weight":
            scaled = onnx.numpy_helper.to_array(tensor) * np.float32(weights_scale)
            tensor.CopyFrom(onnx.numpy_helper.from_array(scaled, tensor.name))
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    return onnxruntime.InferenceSession(model.SerializeToString(), options)


def test_the_right_session_passes(capsys):
    assert feedback(capsys, build()) == "✔ Certo!\n"


@pytest.mark.parametrize(
    ("variant", "words"),
    [
        ({"softmax": False}, "torch.nn.Softmax"),
        ({"names": ("entrada", "probabilidades")}, "input_names"),
        ({"names": ("pixels", "saida")}, "output_names"),
        ({"batch": 2}, "dynamic_shapes"),
        ({"batch": 7}, "dynamic_shapes"),
        ({"weights_scale": 0.5}, "torch_network()"),
        ({"tail": [("ReduceMax", {"keepdims": 0})]}, "10 números por imagem"),
        ({"tail": [("Transpose", {"perm": [1, 0]})]}, "10 números por imagem"),
        ({"softmax": False, "tail": [("Log", {})]}, "torch.nn.Softmax"),  # NaN nos logits negativos
    ],
)
def test_each_wrong_session_says_what_it_lacks(capsys, variant, words):
    text = feedback(capsys, build(**variant))
    assert text.startswith("✘ Ainda não. Esperava") and words in text


class Pretender:
    """Finge ser uma sessão e explode ao ser tocada."""

    def __getattr__(self, name):
        raise RuntimeError(name)


@pytest.mark.parametrize("make", [str, dict, list, Pretender, lambda: None, lambda: MODEL, lambda: type])
def test_what_is_no_session_is_named(capsys, make):
    answer = make()
    text = feedback(capsys, answer)
    assert text.startswith("✘ Ainda não. Esperava uma sessão") and type(answer).__name__ in text


def test_a_blank_answer_only_reminds(capsys):
    assert feedback(capsys, ...).startswith("Ainda sem resposta")


def test_a_session_of_another_type_becomes_a_sentence(capsys):
    node = onnx.helper.make_node("Identity", ["pixels"], ["probabilidades"])
    values = [
        onnx.helper.make_tensor_value_info(name, onnx.TensorProto.INT64, ["lote", 1, 28, 28])
        for name in ("pixels", "probabilidades")
    ]
    graph = onnx.helper.make_graph([node], "g", values[:1], values[1:])
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 20)], ir_version=10)
    text = feedback(capsys, onnxruntime.InferenceSession(model.SerializeToString()))
    assert text.startswith("✘ Ainda não.")
