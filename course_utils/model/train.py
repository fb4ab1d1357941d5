"""Treina a rede de referência e grava pesos, ONNX e relatório em data/: `python -m course_utils train`.

Receita: AdamW com taxa de aprendizado em um ciclo (Smith e Topin, 2018), dígitos levemente girados,
deslocados e escalados a cada época, rótulos suavizados. A semente publicada é escolhida na validação; o
teste é lido uma vez, no fim, e o relatório traz a acurácia de todas as sementes.
"""

import argparse
import json
import logging
import tempfile
import warnings
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch.nn import functional

from course_utils import files
from course_utils.bars import tqdm
from course_utils.model import artifacts, digits, networks
from course_utils.model.predictor import MODEL

REPORT = artifacts.DATA / "reference.json"
SEEDS, EPOCHS = (0, 1, 2), 15
# Rótulos um pouco suavizados mantêm os logits pequenos: a diferença entre runtimes fica abaixo de 1e-5.
SMOOTHING = 0.02


def to_tensors(split):
    """`(imagens float32 (n, 1, 28, 28) de 0 a 1, rótulos int64 (n,))` de uma divisão, como tensores."""
    images, labels = digits.load(split)
    return torch.from_numpy(images[:, None] / np.float32(255)), torch.from_numpy(labels.astype(np.int64))


def augment(images, generator):
    """Gira até ±10°, desloca até ±2 pixels e escala até ±10 % cada imagem (float32 (n, 1, 28, 28))."""
    uniform = 2 * torch.rand(4, len(images), generator=generator) - 1
    angle, scale = uniform[0] * torch.pi / 18, 1 + uniform[1] / 10
    cosine, sine = torch.cos(angle) * scale, torch.sin(angle) * scale
    shift = uniform[2:] * 2 / 14  # o affine_grid mede a imagem de -1 a 1: 14 pixels valem 1
    matrices = torch.stack([cosine, -sine, shift[0], sine, cosine, shift[1]], dim=1).reshape(-1, 2, 3)
    grid = functional.affine_grid(matrices, images.shape, align_corners=False)
    return functional.grid_sample(images, grid, align_corners=False)


def train(network, images, labels, *, epochs=EPOCHS, rate=2e-3, batch=64, seed=0, label="treino"):
    """Treina `network` no lugar, com barra de progresso, e a devolve em modo de inferência."""
    generator = torch.Generator().manual_seed(seed)

    def loss_of(rows):
        logits = network(augment(images[rows], generator))
        return functional.cross_entropy(logits, labels[rows], label_smoothing=SMOOTHING)

    return fit(network, loss_of, len(images), generator, epochs=epochs, rate=rate, batch=batch, label=label)


def fit(network, loss_of, count, generator, *, epochs, rate, batch, label):
    """O laço: `loss_of(linhas)` é a perda de um lote, sorteado por `generator` das `count` linhas do treino."""
    steps = -(-count // batch)
    optimizer = torch.optim.AdamW(network.parameters(), lr=rate, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total_steps=epochs * steps)
    network.train()
    with tqdm(total=epochs * steps, desc=label, unit="lote") as bar:
        for epoch in range(1, epochs + 1):
            for rows in torch.randperm(count, generator=generator).split(batch):
                loss = loss_of(rows)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                schedule.step()
                bar.update()
            bar.set_postfix_str(f"época {epoch}/{epochs}, perda {loss.item():.3f}")
    return network.eval()


@torch.inference_mode()
def accuracy(network, images, labels):
    """Fração de acertos (float, de 0 a 1), em lotes de 250."""
    hits = [network(part).argmax(1) == answer for part, answer in zip(images.split(250), labels.split(250))]
    return round(torch.cat(hits).float().mean().item(), 4)


def export_onnx(network, path):
    """Exporta a rede PyTorch para ONNX com lote dinâmico, sem rastros da máquina, e anota o SHA-256."""
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    example = torch.zeros(2, 1, 28, 28)
    dynamic = ({0: torch.export.Dim("lote")},)
    names = {"input_names": ["images"], "output_names": ["logits"]}
    options = {"external_data": False, "verbose": False}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # avisos internos do PyTorch, sem ação para nós
        torch.onnx.export(network, (example,), path, dynamic_shapes=dynamic, **names, **options)
    return strip(path)


def strip(path):
    """Tira do ONNX as anotações do exportador (rastros de código, com caminhos da máquina) e anota o SHA-256."""
    import onnx

    model = onnx.load(path)
    del model.graph.value_info[:]
    for part in (model, model.graph, *model.graph.node, *model.graph.input, *model.graph.output):
        del part.metadata_props[:]
        part.ClearField("doc_string")
    onnx.save(model, path)
    return artifacts.seal(path)


def main():
    """Treina uma rede por semente e publica em data/ a melhor na validação."""
    argparse.ArgumentParser(prog="python -m course_utils train", description=__doc__.splitlines()[0]).parse_args()
    trained = {}
    for seed in SEEDS:
        torch.manual_seed(seed)
        network = networks.torch_network(weights=None)
        trained[seed] = train(network, *to_tensors("train"), seed=seed, label=f"semente {seed}")
    splits = ("validation", "test")
    scores = {split: {seed: accuracy(trained[seed], *to_tensors(split)) for seed in SEEDS} for split in splits}
    best = max(SEEDS, key=scores["validation"].get)
    with tempfile.TemporaryDirectory() as folder:  # quem interrompe fica com o par antigo, inteiro
        exported = export_onnx(trained[best], Path(folder) / MODEL.name)
        with files.draft(networks.WEIGHTS) as weights, files.draft(MODEL) as onnx:
            save_file(trained[best].state_dict(), weights)
            onnx.write_bytes(exported.read_bytes())
    artifacts.seal(networks.WEIGHTS)
    artifacts.seal(MODEL)
    report = {"seed": best, "epochs": EPOCHS} | scores
    files.write_text(REPORT, json.dumps(report, indent=2) + "\n")
    print(f"Semente publicada: {best} (escolhida na validação). Acurácia no teste, por semente:")
    for seed in SEEDS:
        print(f"  semente {seed}: validação {scores['validation'][seed]:.1%}, teste {scores['test'][seed]:.1%}")


if __name__ == "__main__":
    main()
