"""O gabarito dos exercícios não é só nosso: LiteRT, ONNX Runtime, Ray e os arquivos de verdade dão o mesmo."""

from math import ceil
from types import SimpleNamespace

import h5py
import numpy as np
import onnxruntime
import pytest
from checking import RIGHT, feedback
from needs import need
from onnx import TensorProto, helper

from course_utils.classroom.exercises.extras import REPLICAS
from course_utils.model import networks


def test_the_marks_that_identify_a_format_are_those_of_real_files(tmp_path):
    torch = pytest.importorskip("torch")
    torch.save({"w": torch.zeros(1)}, tmp_path / "pesos.pt")
    with h5py.File(tmp_path / "pesos.h5", "w") as file:
        file["w"] = np.zeros(1)
    zipped = (tmp_path / "pesos.pt").read_bytes()
    assert zipped[:2] == b"PK" and b"pesos/data.pkl" in zipped and b"config.json" not in zipped
    assert (tmp_path / "pesos.h5").read_bytes()[:8] == b"\x89HDF\r\n\x1a\n"
    assert networks.WEIGHTS.read_bytes()[8:9] == b"{"


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


def test_the_formula_of_dequantizing_is_the_one_litert_computes(capsys):
    from ai_edge_litert.interpreter import Interpreter

    def by_interpreter(q, scale, zero_point):
        interpreter = Interpreter(model_content=dequantize_model(scale, zero_point, q.size), num_threads=1)
        interpreter.allocate_tensors()
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], q.ravel())
        interpreter.invoke()
        return interpreter.get_tensor(interpreter.get_output_details()[0]["index"]).reshape(q.shape)

    assert feedback(capsys, "borda_desquantizar", by_interpreter) == RIGHT


def test_the_marks_of_quantizing_are_those_of_onnx_runtime(capsys):
    def by_onnx_runtime(weights, bits):
        """Em 8 bits, as marcas do QuantizeLinear por eixo; em 4, a mesma conta, com outra régua."""
        top = 2 ** (bits - 1) - 1
        peaks = np.abs(weights).max(axis=1)
        scales = np.where(peaks > 0, peaks / top, 1).astype(np.float32)
        rows, columns = weights.shape
        node = helper.make_node("QuantizeLinear", ["x", "scale", "zero"], ["marks"], axis=0)
        constants = [
            helper.make_tensor("scale", TensorProto.FLOAT, [rows], scales),
            helper.make_tensor("zero", TensorProto.INT8, [rows], [0] * rows),
        ]
        entry = helper.make_tensor_value_info("x", TensorProto.FLOAT, [rows, columns])
        result = helper.make_tensor_value_info("marks", TensorProto.INT8, [rows, columns])
        graph = helper.make_graph([node], "oracle", [entry], [result], constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
        session = onnxruntime.InferenceSession(model.SerializeToString())
        return session.run(None, {"x": weights})[0], scales

    assert feedback(capsys, "quantizacao_por_canal", by_onnx_runtime) == RIGHT


@pytest.mark.slow
def test_ray_itself_decides_the_same():
    need("ray")
    from ray.serve import autoscaling_policy
    from ray.serve.config import AutoscalingConfig

    for (ongoing, target, low, high), (expected, _) in REPLICAS.items():
        config = AutoscalingConfig(target_ongoing_requests=target, min_replicas=low, max_replicas=high)
        seen = SimpleNamespace(config=config, current_num_replicas=1, total_num_requests=ongoing)
        wanted, _ = autoscaling_policy._core_replica_queue_length_policy(seen)
        assert max(low, min(high, ceil(wanted))) == expected
