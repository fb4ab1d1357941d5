"""Do modelo de referência ao pequeno: poda estruturada → destilação → ONNX → int8 estático (QDQ).

`python -m course_utils.model.compress` refaz `data/small.onnx` e `data/small.json`. O notebook 09 poda menos e faz
um ajuste fino curto; aqui a rede podada estuda muito mais, com as respostas da original (destilação: Hinton,
Vinyals e Dean, 2015). O laboratório 09 compara as duas.
"""

import copy
import json
import tempfile
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import torch
from torch.nn import functional

from course_utils import files
from course_utils.bars import tqdm
from course_utils.model import artifacts, networks, train
from course_utils.model.predictor import Predictor

SMALL = artifacts.DATA / "small.onnx"
REPORT = artifacts.DATA / "small.json"
EXAMPLE = torch.zeros(1, 1, 28, 28)
TEMPERATURE = 2.0
COPIES = 8
SEEDS = (0, 1, 2)


@dataclass(frozen=True)
class Recipe:
    """O que define um modelo pequeno."""

    widths: tuple  # canais (ou neurônios) que ficam nas camadas podadas, em ordem: múltiplos de 4
    passes: int = 6  # quantas vezes a rede podada vê todas as versões das imagens
    rate: float = 5e-3
    batch: int = 64

    @property
    def name(self):
        """`"8-16-32-24-40"`: o nome do modelo nos arquivos e nos relatórios."""
        return "-".join(map(str, self.widths))

    @property
    def int8(self):
        """O mesmo, depois da quantização."""
        return f"{self.name} + int8"


PUBLISHED = Recipe((8, 16, 32, 24, 40))


@contextmanager
def one_thread():
    """Uma thread no PyTorch: a mesma semente dá os mesmos bytes (e uma máquina ocupada não trava)."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def prune(network, widths):
    """Uma cópia da rede só com `widths` canais em cada camada, os de maior magnitude; a saída não é podada.

    O grafo de dependências (Fang et al., 2023) corta também, na camada seguinte, o que lia os canais tirados.
    """
    from torch_pruning import importance, pruner

    smaller = copy.deepcopy(network)
    *layers, last = [layer for layer in smaller if hasattr(layer, "weight")]
    ratios = {layer: 1 - width / len(layer.weight) for layer, width in zip(layers, widths, strict=True)}
    magnitude = importance.GroupMagnitudeImportance(p=2)
    options = {"pruning_ratio_dict": ratios, "round_to": 4, "ignored_layers": [last]}
    pruner.MetaPruner(smaller, EXAMPLE, importance=magnitude, **options).step()
    return smaller


@torch.inference_mode()
def lessons(teacher, images, *, copies=COPIES, seed=0):
    """O material de estudo: `copies` versões de cada imagem e os logits de `teacher` para elas (dois tensores)."""
    generator = torch.Generator().manual_seed(seed)
    versions = torch.cat([train.augment(images, generator) for _ in range(copies)])
    parts = tqdm(versions.split(50), desc="respostas da rede original", unit="lote")
    return versions, torch.cat([teacher(part) for part in parts])


def distill(student, material, recipe, *, seed, label="destilação"):
    """Treina `student` a responder como `material` (o par de `lessons`) e o devolve, pronto para inferir."""
    images, answers = material
    generator = torch.Generator().manual_seed(seed)
    targets = functional.log_softmax(answers / TEMPERATURE, 1)

    def loss_of(rows):
        guesses = functional.log_softmax(student(images[rows]) / TEMPERATURE, 1)
        return functional.kl_div(guesses, targets[rows], log_target=True, reduction="batchmean") * TEMPERATURE**2

    options = {"epochs": recipe.passes, "rate": recipe.rate, "batch": recipe.batch, "label": label}
    return train.fit(student, loss_of, len(images), generator, **options)


def quantize(source, target, images):
    """Quantiza o ONNX `source` em int8 estático (QDQ, por canal); grava e sela `target`.

    `images`: float32 (n, 1, 28, 28) do treino, para a calibração das ativações.
    """
    from onnxruntime import quantization
    from onnxruntime.quantization.shape_inference import quant_pre_process

    batches = iter([{"images": images[start : start + 64]} for start in range(0, len(images), 64)])
    reader = SimpleNamespace(get_next=lambda: next(batches, None))
    prepared = Path(target).with_suffix(".prepared")
    quant_pre_process(str(source), str(prepared))
    kinds = {"activation_type": quantization.QuantType.QUInt8, "weight_type": quantization.QuantType.QInt8}
    quantization.quantize_static(str(prepared), str(target), reader, per_channel=True, **kinds)
    prepared.unlink()
    return train.strip(target)


def build(recipe, images, *, seed, folder):
    """A receita inteira, a partir da rede de referência e das `images` do treino: float32 (n, 1, 28, 28).

    Devolve os caminhos `(float32, int8)`, em `folder`.
    """
    with one_thread():
        teacher = networks.torch_network()
        material = lessons(teacher, images, seed=seed)
        torch.manual_seed(seed)
        student = prune(teacher, recipe.widths)
        distill(student, material, recipe, seed=seed, label=f"semente {seed}")
    float32 = train.export_onnx(student, Path(folder) / f"{recipe.name}-semente-{seed}.onnx")
    sample = train.to_tensors("train")[0][:512].numpy()
    return float32, quantize(float32, float32.with_stem(f"{float32.stem}-int8"), sample)


def hits(path, split):
    """Acertos do modelo ONNX, imagem por imagem: bool (n,)."""
    images, labels = train.to_tensors(split)
    predictor = Predictor(path)
    logits = np.concatenate([predictor.infer(part.numpy()) for part in images.split(250)])
    return logits.argmax(1) == labels.numpy()


def main():
    """Refaz o modelo pequeno: uma rede por semente; o int8 melhor na validação vai para data/, com o relatório."""
    images, built = train.to_tensors("train")[0], {}
    with tempfile.TemporaryDirectory() as folder:
        for seed in SEEDS:
            built[seed] = build(PUBLISHED, images, seed=seed, folder=folder)[1]
        splits = ("validation", "test")
        accuracy = {split: {seed: float(hits(built[seed], split).mean()) for seed in SEEDS} for split in splits}
        best = max(SEEDS, key=accuracy["validation"].get)
        with files.draft(SMALL) as sketch:
            sketch.write_bytes(built[best].read_bytes())
    artifacts.seal(SMALL)
    report = {"seed": best, "recipe": asdict(PUBLISHED), "bytes": SMALL.stat().st_size} | accuracy
    files.write_text(REPORT, json.dumps(report, indent=2) + "\n")
    print(f"Semente publicada: {best} (escolhida na validação); {report['bytes']} bytes.")


if __name__ == "__main__":
    main()
