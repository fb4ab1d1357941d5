"""Classificadores lineares em ONNX, com o que se pedir de diferente do contrato."""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from course_utils.model import artifacts

FLOAT = TensorProto.FLOAT
IMAGES = ["n", 1, 28, 28]


def build(
    path, *, entry=(FLOAT, IMAGES), exit=(FLOAT, ["n", 10]), tail=(), rows=-1, weights=None, ir=10, opset=20
):
    """Grava e sela um classificador linear, com o que se pedir de diferente do contrato."""
    if weights is None:
        weights = np.random.default_rng(0).standard_normal((784, 10), np.float32) / 5
    nodes = [
        helper.make_node("Cast", ["images"], ["cast"], to=FLOAT),
        helper.make_node("Reshape", ["cast", "shape"], ["flat"]),
        helper.make_node("MatMul", ["flat", "weights"], ["step0"]),
    ]
    for number, (operation, attributes) in enumerate(tail):
        nodes.append(helper.make_node(operation, [f"step{number}"], [f"step{number + 1}"], **attributes))
    nodes.append(helper.make_node("Identity", [f"step{len(tail)}"], ["scores"]))
    constants = [
        numpy_helper.from_array(np.array([rows, 784]), "shape"),
        numpy_helper.from_array(weights, "weights"),
    ]
    values = [helper.make_tensor_value_info(*item) for item in (("images", *entry), ("scores", *exit))]
    graph = helper.make_graph(nodes, "linear", values[:1], values[1:], constants)
    path.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=ir), path)
    return artifacts.seal(path)


def pixels(kind, shape=IMAGES):
    return {"entry": (kind, shape)}


ANSWER = [("ArgMax", {"axis": 1, "keepdims": 0})]
UNFIT = {  # o que há de errado: (como fazê-lo, o que a frase tem de dizer)
    "lote fixo em 1": ({"entry": (FLOAT, [1, 1, 28, 28]), "exit": (FLOAT, [1, 10])}, "lote de 32.* Expected: 1"),
    "lote que só parece livre": ({"rows": 1}, "não aceita um lote de 32"),
    "três saídas": ({"exit": (FLOAT, ["n", 3]), "weights": np.ones((784, 3), "f")}, r"devolve .*\(1, 3\)"),
    "três, sem declarar": ({"exit": (FLOAT, ["n", "k"]), "weights": np.ones((784, 3), "f")}, r"\(1, 3\)"),
    "uint8": (pixels(TensorProto.UINT8), "recebe tensor.uint8"),
    "float16": (pixels(TensorProto.FLOAT16), "recebe tensor.float16"),
    "NHWC": (pixels(FLOAT, ["n", 28, 28, 1]), "recebe tensor.float. de .'n', 28, 28, 1."),
    "em fila": (pixels(FLOAT, ["n", 784]), "recebe tensor.float. de .'n', 784."),
    "três canais": (pixels(FLOAT, ["n", 3, 28, 28]), "recebe tensor.float. de .'n', 3, 28, 28."),
    "a resposta pronta": ({"tail": ANSWER, "exit": (TensorProto.INT64, ["n"])}, "devolve .*int64"),
    "saída float16": ({"tail": [("Cast", {"to": 10})], "exit": (TensorProto.FLOAT16, ["n", 10])}, "float16"),
    "NaN": ({"weights": np.full((784, 10), np.nan, "f")}, "NaN"),
    "sigmoide": ({"tail": [("Sigmoid", {})]}, "não são logits nem probabilidades"),
    "softmax no eixo do lote": ({"tail": [("Softmax", {"axis": 0})]}, "conforme as outras do lote"),
    "IR do futuro": ({"ir": 99}, "não abre neste ONNX Runtime.* IR version: 99"),
    "opset do futuro": ({"opset": 99}, "não abre neste ONNX Runtime.* opset 2"),
    "operação desconhecida": ({"tail": [("Inventada", {})]}, "não abre neste ONNX Runtime.*Inventada"),
}  # fmt: skip
