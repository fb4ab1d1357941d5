"""O modelo de referência no formato do TF.js (*layers model*), escrito à mão a partir do safetensors.

O conversor do pip prende um TensorFlow antigo, e o formato é simples: um `model.json` com a arquitetura, como o
Keras 2 a serializava, e um arquivo com os pesos em float32, um depois do outro, na ordem do `weightsManifest`.
Só precisa de numpy e safetensors: um servidor o faz sem importar um framework de treino.
"""

import numpy as np

from course_utils.model import artifacts, networks

TOPOLOGY, WEIGHTS = "model.json", "weights.bin"


def build():
    """`(model.json como dict, weights.bin como bytes)` da rede de referência.

    Entrada float32 (n, 28, 28, 1) de 0 a 1, saída logits (n, 10). Levanta `CorruptedFileError` se o SHA-256 dos
    pesos não confere.
    """
    from safetensors.numpy import load_file

    by_layer = networks.torch_to_keras(load_file(artifacts.verify(networks.WEIGHTS)))
    layers = [_layer("InputLayer", "images", batch_input_shape=[None, 28, 28, 1], dtype="float32", sparse=False)]
    manifest, chunks = [], []
    for name, (kernel, bias) in by_layer.items():  # conv1 … conv4, fc1, fc2
        layers += _layers_of(name, kernel, last=name == list(by_layer)[-1])
        for part, array in (("kernel", kernel), ("bias", bias)):
            manifest.append({"name": f"{name}/{part}", "shape": list(array.shape), "dtype": "float32"})
            chunks.append(np.ascontiguousarray(array, dtype="<f4").tobytes())
    model = {"class_name": "Sequential", "config": {"name": "leitor_de_cep", "layers": layers}}
    topology = {
        "format": "layers-model",
        "generatedBy": "course_utils.model.tfjs",
        "convertedBy": None,
        "modelTopology": {"keras_version": "2.15.0", "backend": "tensorflow", "model_config": model},
        "weightsManifest": [{"paths": [WEIGHTS], "weights": manifest}],
    }
    return topology, b"".join(chunks)


def _layers_of(name, kernel, last):
    """A camada dona do `kernel` e as sem pesos que a rodeiam, na ordem de `networks.keras_network`."""
    activation = "linear" if last else "relu"
    if kernel.ndim == 4:
        number, sizes = int(name[-1]), {"filters": kernel.shape[3], "kernel_size": list(kernel.shape[:2])}
        fixed = {"strides": [1, 1], "padding": "same", "data_format": "channels_last", "dilation_rate": [1, 1]}
        pool = {"pool_size": [2, 2], "strides": [2, 2], "padding": "valid", "data_format": "channels_last"}
        convolution = _layer("Conv2D", name, activation=activation, use_bias=True, **sizes, **fixed)
        return [convolution] + ([_layer("MaxPooling2D", f"pool{number // 2}", **pool)] if number % 2 == 0 else [])
    dense = _layer("Dense", name, units=kernel.shape[1], activation=activation, use_bias=True)
    return [_layer("Flatten", "flatten", data_format="channels_last"), dense] if name == "fc1" else [dense]


def _layer(class_name, name, **config):
    return {"class_name": class_name, "config": {"name": name, "trainable": True, **config}}
