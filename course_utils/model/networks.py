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
    from safetensors.numpy import load_file

    network = Sequential([Input((28, 28, 1), name="images")], name="leitor_de_cep")
    for number, width in enumerate((32, 64, 128, 128), start=1):
        network.add(layers.Conv2D(width, 3, padding="same", activation="relu", name=f"conv{number}"))
        if number % 2 == 0:
            network.add(layers.MaxPooling2D(2, name=f"pool{number // 2}"))
    network.add(layers.Flatten(name="flatten"))
    network.add(layers.Dense(256, activation="relu", name="fc1"))
    network.add(layers.Dense(10, name="fc2"))
    for name, arrays in torch_to_keras(load_file(artifacts.verify(WEIGHTS))).items():
        network.get_layer(name).set_weights(arrays)
    return network


def torch_to_keras(state):
    """Os pesos do PyTorch (`{"conv1.weight": (saída, entrada, 3, 3), …}`) → `{camada: [núcleo, viés]}` do Keras.

    O PyTorch põe os canais antes (NCHW) e o Keras, depois (NHWC): por isso as linhas de `fc1`, que lê o mapa
    achatado, também mudam de ordem.
    """
    layers = {}
    for name in sorted({key.rsplit(".", 1)[0] for key in state}):
        kernel, bias = state[f"{name}.weight"], state[f"{name}.bias"]
        if kernel.ndim == 4:
            kernel = kernel.transpose(2, 3, 1, 0)
        elif name == "fc1":
            kernel = kernel.reshape(256, -1, 7, 7).transpose(2, 3, 1, 0).reshape(-1, 256)
        else:
            kernel = kernel.T
        layers[name] = [kernel, bias]
    return layers


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
