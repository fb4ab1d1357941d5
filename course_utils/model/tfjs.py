"""O modelo de referência no formato do TF.js (*layers model*), escrito à mão a partir do safetensors.

O conversor do pip prende um TensorFlow antigo, e o formato é simples: um `model.json` com a arquitetura, como o
Keras 2 a serializava, e um arquivo com os pesos em float32, um depois do outro, na ordem do `weightsManifest`.
Só precisa de numpy e safetensors: um servidor o faz sem importar um framework de treino.
"""

import numpy as np

from course_utils.model import networks

TOPOLOGY, WEIGHTS = "model.json", "weights.bin"


def build():
    """`(model.json como dict, weights.bin como bytes)` da rede de referência.

    Entrada float32 (n, 28, 28, 1) de 0 a 1, saída logits (n, 10). Levanta `CorruptedFileError` se o SHA-256 dos
    pesos não confere.
    """
    first = {"name": "images", "batch_input_shape": [None, 28, 28, 1], "dtype": "float32"}
    layers, manifest, chunks = [{"class_name": "InputLayer", "config": first}], [], []
    for kind, options, arrays in networks.keras_layers():
        layers.append({"class_name": kind, "config": options})
        for part, array in zip(("kernel", "bias"), arrays):
            name = f"{options['name']}/{part}"
            manifest.append({"name": name, "shape": list(array.shape), "dtype": "float32"})
            chunks.append(np.ascontiguousarray(array, dtype="<f4").tobytes())
    model = {"class_name": "Sequential", "config": {"name": "leitor_de_cep", "layers": layers}}
    topology = {
        "format": "layers-model",
        "modelTopology": {"keras_version": "2.15.0", "backend": "tensorflow", "model_config": model},
        "weightsManifest": [{"paths": [WEIGHTS], "weights": manifest}],
    }
    return topology, b"".join(chunks)
