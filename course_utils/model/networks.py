"""A mesma rede nos dois frameworks, com os pesos de um só arquivo safetensors; e a rede fina do notebook 08.

Quatro convoluções 3×3 (32-64-128-128), dois *max pooling* e uma camada densa de 256: 1,85 milhão de parâmetros,
demais para a tarefa, de propósito: é o que os notebooks 08 e 09 encolhem. Entrada: float32 de 0 a 1, tinta alta.
"""

from course_utils.model import artifacts

WEIGHTS = artifacts.DATA / "reference.safetensors"
THIN = artifacts.DATA / "thin.safetensors"
# Da rede fina, por convolução: canais que entram e que saem, lado do filtro, passo, grupos.
THIN_LAYERS = (
    (1, 16, 3, 2, 1), (16, 16, 3, 1, 16), (16, 32, 1, 1, 1), (32, 32, 3, 2, 32), (32, 32, 1, 1, 1),
    (32, 32, 3, 1, 32), (32, 64, 1, 1, 1),
)  # fmt: skip


def torch_network(weights=WEIGHTS):
    """`torch.nn.Sequential` em modo de inferência: (n, 1, 28, 28) → logits (n, 10).

    `weights`: caminho de um safetensors conferido antes de carregar, ou `None` para pesos aleatórios.
    """
    from torch import nn

    network = nn.Sequential()
    channels = 1
    for number, width in enumerate((32, 64, 128, 128), start=1):
        network.add_module(f"conv{number}", nn.Conv2d(channels, width, kernel_size=3, padding=1))
        network.add_module(f"relu{number}", nn.ReLU())
        if number % 2 == 0:
            network.add_module(f"pool{number // 2}", nn.MaxPool2d(2))
        channels = width
    network.add_module("flatten", nn.Flatten())
    network.add_module("fc1", nn.Linear(channels * 7 * 7, 256))
    network.add_module("relu5", nn.ReLU())
    network.add_module("fc2", nn.Linear(256, 10))
    if weights is not None:
        from safetensors.torch import load_file

        network.load_state_dict(load_file(artifacts.verify(weights)))
    return network.eval()


def keras_network():
    """`keras.Sequential` (TensorFlow): (n, 28, 28, 1) → logits (n, 10), com os mesmos pesos da rede PyTorch."""
    from keras import Input, Sequential, layers

    network, described = Sequential([Input((28, 28, 1), name="images")], name="leitor_de_cep"), keras_layers()
    for kind, options, _ in described:
        network.add(getattr(layers, kind)(**options))
    for layer, (_, _, arrays) in zip(network.layers, described):
        layer.set_weights(arrays)
    return network


def keras_layers():
    """As camadas da rede como o Keras as descreve, em ordem: `(classe, opções, [núcleo, viés] ou [])`.

    O PyTorch põe os canais antes (NCHW) e o Keras, depois (NHWC): por isso as linhas de `fc1`, que lê o mapa
    achatado, também mudam de ordem. Só usa numpy e safetensors.
    """
    from safetensors.numpy import load_file

    state, found = load_file(artifacts.verify(WEIGHTS)), []
    for number in range(1, 5):
        kernel = state[f"conv{number}.weight"].transpose(2, 3, 1, 0)
        options = {"filters": kernel.shape[3], "kernel_size": [3, 3], "padding": "same", "activation": "relu"}
        found.append(("Conv2D", {"name": f"conv{number}"} | options, [kernel, state[f"conv{number}.bias"]]))
        if number % 2 == 0:
            found.append(("MaxPooling2D", {"name": f"pool{number // 2}", "pool_size": [2, 2]}, []))
    found.append(("Flatten", {"name": "flatten"}, []))
    rows = state["fc1.weight"].reshape(256, -1, 7, 7).transpose(2, 3, 1, 0).reshape(-1, 256)
    for name, kernel, activation in (("fc1", rows, "relu"), ("fc2", state["fc2.weight"].T, "linear")):
        options = {"name": name, "units": kernel.shape[1], "activation": activation}
        found.append(("Dense", options, [kernel, state[f"{name}.bias"]]))
    return found


def thin_network(trained=None):
    """A rede fina do notebook 08: convoluções *depthwise* e menos de 6 mil parâmetros; sem nome, por treinar.

    `trained`: o nome de uma das de data/thin.safetensors, com o BatchNorm já dobrado nas convoluções.
    """
    from torch import nn

    layers = []
    for inputs, outputs, size, stride, groups in THIN_LAYERS:
        options = {"stride": stride, "padding": size // 2, "groups": groups, "bias": trained is not None}
        layers.append(nn.Conv2d(inputs, outputs, size, **options))
        if trained is None:
            layers.append(nn.BatchNorm2d(outputs))
        layers.append(nn.ReLU())
    network = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10))
    if trained is None:
        return network
    from safetensors import safe_open

    with safe_open(artifacts.verify(THIN), "pt") as file:
        network.load_state_dict({key: file.get_tensor(f"{trained}/{key}") for key in network.state_dict()})
    return network.eval()
