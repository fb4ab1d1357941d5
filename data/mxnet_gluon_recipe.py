"""A receita de data/mxnet_gluon.onnx: um leitor de dígitos treinado no MXNet, framework aposentado em 2023.

O MXNet não recebe mais correções e exige um numpy antigo; por isso esta receita NÃO roda no ambiente do
curso, e nenhum notebook a chama. Ela precisa de um ambiente só dela, com o Python 3.11 em Linux x86-64:

    python3.11 -m venv /tmp/mxnet
    /tmp/mxnet/bin/pip install mxnet==1.9.1 numpy==1.23.5 onnx==1.16.2 protobuf==7.36.2
    /tmp/mxnet/bin/python data/mxnet_gluon_recipe.py

Leva menos de um minuto, grava o arquivo e anota o SHA-256 dele em data/SHA256SUMS. Na mesma máquina, rodar
de novo refaz o arquivo byte a byte; em outro processador, os últimos bits dos pesos podem mudar.
"""

import json
import os
import sys
import tempfile
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"  # uma thread: a ordem das somas, e com ela o resultado, não muda
os.environ["MXNET_SUBGRAPH_BACKEND"] = "NONE"

import mxnet as mx  # noqa: E402
import numpy as np  # noqa: E402
import onnx  # noqa: E402
from mxnet import autograd, gluon  # noqa: E402
from mxnet.gluon import nn  # noqa: E402

DATA = Path(__file__).resolve().parent
sys.path.insert(0, str(DATA.parent))

from course_utils.model import artifacts  # noqa: E402  (usa só a biblioteca padrão)

TARGET = DATA / "mxnet_gluon.onnx"
EPOCHS, BATCH, RATE, SEED = 12, 50, 0.003, 32
GOLDEN = 100  # imagens de teste cujas respostas vão no gabarito


def load(split):
    """`(imagens float32 (n, 1, 28, 28) de 0 a 1, rótulos float32 (n,))` de data/digits.npz, conferido."""
    with np.load(artifacts.verify(DATA / "digits.npz"), allow_pickle=False) as arrays:
        images = arrays[f"{split}_images"][:, None] / np.float32(255)
        return mx.nd.array(images), mx.nd.array(arrays[f"{split}_labels"])


def build():
    """Duas convoluções, dois *max pooling* e uma camada densa: 9.098 parâmetros."""
    network = nn.HybridSequential()
    network.add(
        nn.Conv2D(8, kernel_size=3, padding=1, activation="relu"),
        nn.MaxPool2D(),
        nn.Conv2D(16, kernel_size=3, padding=1, activation="relu"),
        nn.MaxPool2D(),
        nn.Flatten(),
        nn.Dense(10),
    )
    network.initialize(mx.init.Xavier())
    network.hybridize()
    return network


def train(network, images, labels):
    """Treina `network` no lugar, com Adam e entropia cruzada."""
    loss_of = gluon.loss.SoftmaxCrossEntropyLoss()
    trainer = gluon.Trainer(network.collect_params(), "adam", {"learning_rate": RATE})
    random = np.random.RandomState(SEED)
    for epoch in range(1, EPOCHS + 1):
        total = 0.0
        for rows in random.permutation(len(images)).reshape(-1, BATCH):
            with autograd.record():
                loss = loss_of(network(images[rows]), labels[rows])
            loss.backward()
            trainer.step(BATCH)
            total += float(loss.mean().asscalar())
        print(f"época {epoch}/{EPOCHS}, perda {total * BATCH / len(images):.4f}")


def export(network, target, images):
    """Grava o grafo do Gluon como ONNX de lote dinâmico e anota o SHA-256 dele.

    Os logits que o próprio MXNet calcula para `images` vão junto, nos metadados: são o gabarito com que
    se confere, anos depois e sem o MXNet, que o arquivo ainda responde o mesmo.
    """
    with tempfile.TemporaryDirectory() as folder:
        prefix = str(Path(folder) / "gluon")
        network.export(prefix)
        mx.onnx.export_model(
            f"{prefix}-symbol.json",
            f"{prefix}-0000.params",
            in_shapes=[(1, 1, 28, 28)],
            in_types=np.float32,
            onnx_file_path=str(target),
            dynamic=True,
            dynamic_input_shapes=[("lote", 1, 28, 28)],
        )
    model = onnx.load(str(target))
    model.producer_name, model.producer_version = "Apache MXNet (Gluon)", mx.__version__
    expected = [[round(float(value), 5) for value in row] for row in network(images).asnumpy()]
    onnx.helper.set_model_props(model, {"expected_logits": json.dumps(expected)})
    onnx.save(model, str(target))
    return artifacts.seal(target)


def main():
    """Treina, exporta e diz a acurácia no teste."""
    mx.random.seed(SEED)
    np.random.seed(SEED)  # o Xavier do MXNet sorteia com os dois geradores
    network = build()
    train(network, *load("train"))
    images, labels = load("test")
    accuracy = float((network(images).argmax(axis=1) == labels).mean().asscalar())
    export(network, TARGET, images[:GOLDEN])
    print(f"{TARGET.name}: {TARGET.stat().st_size / 1000:.1f} kB, acurácia no teste {accuracy:.1%}")


if __name__ == "__main__":
    main()
