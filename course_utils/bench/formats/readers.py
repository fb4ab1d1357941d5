"""Abrir cada formato: conferir o SHA-256, carregar e devolver a função float32 (n, 1, 28, 28) → logits (n, 10)."""

import numpy as np

from course_utils.model import artifacts, networks
from course_utils.model.predictor import Predictor


def state_dict(path):
    """Os pesos num pickle filtrado, mais o código da rede."""
    import torch

    network = networks.torch_network(weights=None)
    network.load_state_dict(torch.load(artifacts.verify(path), weights_only=True))
    return _in_torch(network)


def safetensors(path):
    """Os pesos num safetensors, mais o código da rede."""
    return _in_torch(networks.torch_network(path))


def exported_program(path):
    """O grafo e os pesos, num .pt2."""
    import torch

    return _in_torch(torch.export.load(artifacts.verify(path)).module())


def _in_torch(network):
    import torch

    def infer(images):
        with torch.inference_mode():
            return network(torch.from_numpy(images)).numpy()

    return infer


def keras(path):
    """O .keras, chamado como `model(x)`: `predict` custa muito mais por chamada (notebook 02)."""
    from keras import models

    network = models.load_model(artifacts.verify(path), compile=False)
    return lambda images: network(images.reshape(-1, 28, 28, 1), training=False).numpy()


def savedmodel(folder):
    """A pasta do TensorFlow, pela assinatura que um servidor usaria."""
    import tensorflow as tf

    for name in (item for item in folder.rglob("*") if item.is_file() and item.name != artifacts.SUMS):
        artifacts.verify(name)
    loaded = tf.saved_model.load(str(folder))

    def infer(images, loaded=loaded):  # a referência a `loaded` fica: sem ela, os pesos são apagados
        channels_last = tf.constant(images.reshape(-1, 28, 28, 1))
        return loaded.signatures["serving_default"](images=channels_last)["output_0"].numpy()

    return infer


def onnx(path):
    """O ONNX Runtime, como nos servidores do curso."""
    return Predictor(path).infer


class LiteRT:
    """O LiteRT, com um interpretador por tamanho de lote: mudar o tamanho refaz a reserva de memória."""

    def __init__(self, path):
        self.content, self.sized = artifacts.verify(path).read_bytes(), {}
        self._interpreter(1)

    def __call__(self, images):
        """float32 (n, 1, 28, 28) → logits (n, 10); no int8 completo, converte a entrada e a saída."""
        interpreter, entry, answer = self._interpreter(len(images))
        x = images.reshape(-1, 28, 28, 1)
        if entry["dtype"] == np.int8:
            scale, zero = entry["quantization"]
            x = np.clip(np.round(x / scale) + zero, -128, 127).astype(np.int8)
        interpreter.set_tensor(entry["index"], x)
        interpreter.invoke()
        logits = interpreter.get_tensor(answer["index"])
        if answer["dtype"] == np.int8:
            scale, zero = answer["quantization"]
            logits = (logits.astype(np.float32) - zero) * np.float32(scale)
        return logits

    def _interpreter(self, size):
        from ai_edge_litert.interpreter import Interpreter

        if size not in self.sized:
            interpreter = Interpreter(model_content=self.content, num_threads=1)
            interpreter.resize_tensor_input(interpreter.get_input_details()[0]["index"], [size, 28, 28, 1])
            interpreter.allocate_tensors()
            ends = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
            self.sized[size] = interpreter, *ends
        return self.sized[size]


OPENERS = {
    "PyTorch, state_dict": state_dict,
    "PyTorch, safetensors": safetensors,
    "torch.export (.pt2)": exported_program,
    "Keras (.keras)": keras,
    "SavedModel": savedmodel,
    "ONNX": onnx,
    "LiteRT": LiteRT,
}


def opener(name):
    """A função que abre o formato `name`; None se só um navegador o abre."""
    return next((function for start, function in OPENERS.items() if name.startswith(start)), None)
