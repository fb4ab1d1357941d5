"""O modelo escrito à mão para o TF.js: formato, pesos e arquitetura. Executá-lo é prova de navegador."""

import json
import subprocess
import sys

import numpy as np

from course_utils.model import networks, tfjs


def test_the_architecture_and_the_weights_are_those_of_keras():
    network, (document, content) = networks.keras_network(), tfjs.build()
    assert json.loads(json.dumps(document)) == document  # é só isto que viaja
    layers = document["modelTopology"]["model_config"]["config"]["layers"]
    assert [layer["class_name"] for layer in layers[1:]] == [type(layer).__name__ for layer in network.layers]
    shared = ("filters", "kernel_size", "strides", "padding", "activation", "pool_size", "units", "use_bias")
    for ours, theirs in zip(layers[1:], network.layers, strict=True):
        config = json.loads(json.dumps(theirs.get_config()))
        assert ours["config"]["name"] == config["name"]
        for key in shared:
            assert (key in ours["config"]) == (key in config), (config["name"], key)
            assert ours["config"].get(key) == config.get(key), (config["name"], key)
    [group] = document["weightsManifest"]
    start = 0
    for item in group["weights"]:
        array = np.frombuffer(content, "<f4", int(np.prod(item["shape"])), start).reshape(item["shape"])
        layer, part = item["name"].split("/")
        np.testing.assert_array_equal(array, network.get_layer(layer).get_weights()[part == "bias"])
        start += array.nbytes
    assert group["paths"] == [tfjs.WEIGHTS] and start == len(content) > 7e6


def test_making_it_needs_no_training_framework():
    code = "import sys; from course_utils.model import tfjs; tfjs.build(); print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"torch", "tensorflow", "keras", "onnxruntime"} & set(run.stdout.split())
