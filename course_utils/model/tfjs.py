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

    layers = [_layer("InputLayer", "images", batch_input_shape=[None, 28, 28, 1], dtype="float32")]
    manifest, chunks = [], []
    for name, arrays in networks.torch_to_keras(load_file(artifacts.verify(networks.WEIGHTS))).items():
        *size, inputs, outputs = arrays[0].shape
        if name == "fc1":
            layers.append(_layer("Flatten", "flatten"))
        options = {"filters": outputs, "kernel_size": size, "padding": "same"} if size else {"units": outputs}
        activation = "linear" if name == "fc2" else "relu"
        layers.append(_layer("Conv2D" if size else "Dense", name, activation=activation, **options))
        if name in ("conv2", "conv4"):
            layers.append(_layer("MaxPooling2D", f"pool_{name}", pool_size=[2, 2]))
        for part, array in zip(("kernel", "bias"), arrays):
            manifest.append({"name": f"{name}/{part}", "shape": list(array.shape), "dtype": "float32"})
            chunks.append(np.ascontiguousarray(array, dtype="<f4").tobytes())
    model = {"class_name": "Sequential", "config": {"name": "leitor_de_cep", "layers": layers}}
    topology = {
        "format": "layers-model",
        "modelTopology": {"keras_version": "2.15.0", "backend": "tensorflow", "model_config": model},
        "weightsManifest": [{"paths": [WEIGHTS], "weights": manifest}],
    }
    return topology, b"".join(chunks)


def _layer(class_name, name, **config):
    return {"class_name": class_name, "config": {"name": name} | config}
