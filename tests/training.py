"""As células de um notebook que treinam, executadas com outras sementes: `python tests/training.py 01 0 1 2`.

Escreve um JSON por linha, uma linha por semente. As instruções do processador vêm do ambiente
(`ATEN_CPU_CAPABILITY`, `ONEDNN_MAX_CPU_ISA`); as épocas podem ser menos que as da aula, o que só torna a prova
mais dura.
"""

import contextlib
import io
import json
import sys
import tempfile
from pathlib import Path

from notebook_cells import cells

from course_utils.classroom import workspace

# Por plano: um trecho de cada célula a executar, em ordem, e o que se troca nelas. `SEED` vira a semente.
PLANS = {
    "01": (
        ["import h5py", "SparseCategoricalCrossentropy", "def draw_curves", "resume_guess = predictions.ask",
         "def train(", "straight, half = ", "forgetful = "],
        {"set_random_seed(32)": "set_random_seed(SEED)"},
    ),
    "laboratorios/01": (
        ["import torch\n", "def differing", "def train_torch", "checkpoint = ", "def resume",
         "torch_differences = ", "def new_keras", "keras_differences = "],
        {"set_random_seed(32)": "set_random_seed(SEED)", "manual_seed(32)": "manual_seed(SEED)"},
    ),
    "laboratorios/08": (
        ["import contextlib\n", "splits = {name: to_tensors", "class FakeQuant", "def fold", "def study",
         "RULES = ", "scores = {}"],
        {},
    ),
    "laboratorios/09": (
        ["import sys", "SEED = 0", "school = ", "scratch = ", "deep.compress_lenet", "storage = "],
        # "Aos poucos" custa tanto quanto os outros dois caminhos juntos, e a aula nada afirma dele: não treina.
        {"SEED = 0": "", '"epochs": 3': '"epochs": 2', "train.train(step_by_step, *lessons, ": "dict(",
         '"dense": 4, "halfway": 3, "sparse": 8': '"dense": 2, "halfway": 1, "sparse": 4'},
    ),
}  # fmt: skip

# O que se guarda de cada execução.
KEPT = (
    "scores", "cut_accuracy", "tuned", "scratch", "storage", "accuracies", "different",
    "torch_differences", "keras_differences",
)  # fmt: skip


def sources(plan):
    """As células do plano, já com as trocas feitas: lista de textos."""
    marks, changes = PLANS[plan]
    code = [cell.source for cell in cells(plan, "code")]
    chosen = [next(cell for cell in code if mark in cell) for mark in marks]
    for old, new in changes.items():
        assert any(old in source for source in chosen), old
        chosen = [source.replace(old, new) for source in chosen]
    return chosen


def run(plan, seed):
    """Executa o plano com a semente; devolve `(variáveis, texto impresso)`."""
    scope = {"SEED": seed, "right": {"original": float("nan")}}
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        for source in sources(plan):
            exec(source, scope)
    return scope, printed.getvalue()


def main(plan, *seeds):
    for seed in map(int, seeds):
        with tempfile.TemporaryDirectory() as folder:
            workspace.empty = lambda name, place=folder: Path(place)  # artifacts/ é de quem faz a aula
            scope, printed = run(plan, seed)
        row = {"seed": seed, "printed": printed, "verdicts": scope.get("verdicts", {})}
        row |= {name: scope.get(name) for name in KEPT}
        print(json.dumps(row, ensure_ascii=False), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
