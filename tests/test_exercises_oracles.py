"""O gabarito dos exercícios não é só nosso: o LiteRT e o ONNX Runtime dão o mesmo."""

import numpy as np
import onnxruntime
from checking import RIGHT, feedback
from onnx import TensorProto, helper


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
