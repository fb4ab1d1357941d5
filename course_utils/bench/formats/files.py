"""A rede de referência gravada em cada formato que a aula ensina. Roda no processo que mede."""

import json

import numpy as np

from course_utils.model import artifacts, compress, digits, networks, tfjs, train

CALIBRATION = 512  # imagens de treino, como no notebook 08


def build(folder, step):
    """Grava todos os formatos em `folder`, anota os SHA-256 e devolve `{nome: caminho}`; `step` os anuncia."""
    images = digits.load("train")[0][:CALIBRATION, None] / np.float32(255)
    return _torch(folder, step) | _onnx(folder, images, step) | _keras(folder, images, step)


def _torch(folder, step):
    import torch
    from safetensors.torch import save_file

    network = networks.torch_network()
    files = {
        "PyTorch, state_dict": folder / "leitor.pt",
        "PyTorch, safetensors": folder / "leitor.safetensors",
        "torch.export (.pt2)": folder / "leitor.pt2",
    }
    pickle, tensors, program = files.values()
    step("gravando o PyTorch")
    torch.save(network.state_dict(), pickle)
    save_file(network.state_dict(), tensors)
    step("gravando o .pt2")
    shapes = ({0: torch.export.Dim("lote")},)
    torch.export.save(torch.export.export(network, (torch.zeros(2, 1, 28, 28),), dynamic_shapes=shapes), program)
    return {name: artifacts.seal(path) for name, path in files.items()}


def _onnx(folder, images, step):
    import onnx
    from onnxruntime.transformers.float16 import convert_float_to_float16

    step("gravando o ONNX")
    whole = train.export_onnx(networks.torch_network(), folder / "float32.onnx")
    half = folder / "float16.onnx"
    onnx.save(convert_float_to_float16(onnx.load(whole), keep_io_types=True), half)
    step("quantizando o ONNX")
    return {
        "ONNX float32": whole,
        "ONNX float16": artifacts.seal(half),
        "ONNX int8": compress.quantize(whole, folder / "int8.onnx", images),
        "ONNX int8, podado (small.onnx)": compress.SMALL,
    }


def _keras(folder, images, step):
    step("gravando o Keras e o SavedModel")
    network, savedmodel = networks.keras_network(), folder / "savedmodel"
    network.save(folder / "leitor.keras")
    network.export(savedmodel, verbose=False)
    for path in [item for item in savedmodel.rglob("*") if item.is_file() and item.name != artifacts.SUMS]:
        artifacts.seal(path)
    files = {"Keras (.keras)": artifacts.seal(folder / "leitor.keras"), "SavedModel": savedmodel}
    for name, kind in (("float32", "float32"), ("int8 dinâmico", "dynamic"), ("int8 completo", "full")):
        step(f"convertendo para o LiteRT {name}")
        target = folder / f"{kind}.tflite"
        target.write_bytes(_litert(savedmodel, kind, images[:100]))
        files[f"LiteRT {name}"] = artifacts.seal(target)
    step("gravando o TF.js")
    topology, weights = tfjs.build()
    (folder / "tfjs").mkdir(exist_ok=True)
    for name, content in ((tfjs.TOPOLOGY, json.dumps(topology, indent=1).encode()), (tfjs.WEIGHTS, weights)):
        (folder / "tfjs" / name).write_bytes(content)
        artifacts.seal(folder / "tfjs" / name)
    return files | {"TF.js": folder / "tfjs"}


def _litert(savedmodel, kind, images):
    """O SavedModel convertido, como nos notebooks 05 e 08."""
    import tensorflow as tf

    converter = tf.lite.TFLiteConverter.from_saved_model(str(savedmodel))
    if kind != "float32":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if kind == "full":
        converter.representative_dataset = lambda: ([image.reshape(1, 28, 28, 1)] for image in images)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = converter.inference_output_type = tf.int8
    return converter.convert()
