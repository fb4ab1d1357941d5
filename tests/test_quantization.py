"""O que o notebook 08 e o seu laboratório ensinam: o quantizador e a quantização fingida."""

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from onnx import TensorProto
from solved import defined

UNSIGNED = {8: TensorProto.UINT8, 4: TensorProto.UINT4}


def oracle(values, scale, zero, bits):
    """As marcas e os números de volta, segundo os operadores do ONNX Runtime; `bits`: 4 ou 8."""
    graph = f"""<ir_version: 10, opset_import: ["": 21]>
    oracle (float[n] x, float scale, int32 where) => (int32[n] integers, float[n] back) {{
        zero = Cast<to = {UNSIGNED[bits]}>(where)
        marks = QuantizeLinear(x, scale, zero)
        back = DequantizeLinear(marks, scale, zero)
        integers = Cast<to = {TensorProto.INT32}>(marks)
    }}"""
    session = onnxruntime.InferenceSession(onnx.parser.parse_model(graph).SerializeToString())
    ruler = {"scale": np.array(scale), "where": np.array(zero, np.int32)}
    return session.run(None, {"x": values, **ruler})


QUANTIZER = defined("08_quantizacao", {"fit", "quantize", "dequantize"}, np=np)
FAKE = defined("laboratorios/08", {"FakeQuant"}, torch=torch, nn=torch.nn)
reals = st.floats(-1e4, 1e4, width=32, allow_subnormal=False)


@settings(max_examples=60, deadline=None)
@given(arrays(np.float32, st.integers(1, 50), elements=reals), st.sampled_from([4, 8]))
def test_the_ten_lines_agree_with_onnx_runtime_err_by_a_step_at_most_and_keep_zero_exact(values, bits):
    if np.ptp(np.append(values, 0)) < 1e-3:  # sem extensão não há régua
        return
    scale, zero = QUANTIZER["fit"](values, bits)
    probe = np.concatenate([values, [0], 3 * values, (np.arange(-9, 9) + 0.5) * scale]).astype(np.float32)
    marks = QUANTIZER["quantize"](probe, scale, zero, bits)
    found = QUANTIZER["dequantize"](marks, scale, zero)
    integers, back = oracle(probe, scale, zero, bits)
    assert np.array_equal(marks, integers) and np.array_equal(found, back)
    # O ponto zero também se arredonda: nas pontas pode faltar, além de meio passo, outro meio.
    assert np.abs(found[: len(values)] - values).max() <= 1.001 * scale and found[len(values)] == 0


@pytest.mark.parametrize("per_channel", [False, True])
def test_fake_quant_rounds_forwards_and_passes_the_gradient_straight(per_channel):
    weight = (torch.randn(4, 3, 3, 3) * torch.tensor([1.0, 5, 0.1, 2]).view(4, 1, 1, 1)).requires_grad_()
    rounded = FAKE["FakeQuant"](4, per_channel)(weight)
    groups = rounded if per_channel else [rounded]
    assert all(len(torch.unique(group)) <= 15 for group in groups)
    assert not torch.equal(rounded, weight)
    rounded.sum().backward()
    assert torch.equal(weight.grad, torch.ones_like(weight))
