"""Deriva (*drift*): quanto o que chega agora se distribui diferente do que chegava na linha de base.

O índice de estabilidade populacional (PSI, *population stability index*) compara duas distribuições nas mesmas
faixas: `PSI = Σ (pᵢ − qᵢ) · ln(pᵢ ÷ qᵢ) = KL(p‖q) + KL(q‖p)`, a divergência de Jeffreys (1946).

O costume, que vem do crédito (Lewis, 1994; Siddiqi, *Credit Risk Scorecards*, 2006): até 0,1, estável; de 0,1 a
0,25, atenção; acima, mudou. É regra de bolso: mesmo sem deriva, o PSI de n imagens contra m, em B faixas, é em
média (B − 1)(1/n + 1/m) (Yurdakul, *Statistical Properties of Population Stability Index*, 2018).
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

STATISTICS = ("ink", "row", "column", "spread", "slant", "contrast")
DIGIT = "digit"
WATCH, ALARM = 0.1, 0.25
SIDE, DIGITS = 28, 10
_ROW, _COLUMN = (axis.ravel() for axis in np.mgrid[:SIDE, :SIDE] - (SIDE - 1) / 2)
_MOMENTS = np.stack([_ROW * 0 + 1, _ROW, _COLUMN, _ROW**2, _COLUMN**2, _ROW * _COLUMN], axis=1).astype(np.float32)


class BaselineError(ValueError):
    """A linha de base não serve; a mensagem diz por quê e como refazê-la."""


def psi(p, q):
    """O PSI de duas distribuições: proporções maiores que zero, que somam 1, nas mesmas faixas. Simétrico, ≥ 0."""
    p, q = np.asarray(p, np.float64), np.asarray(q, np.float64)
    return float(((p - q) * np.log(p / q)).sum())


def noise(n, baseline_n, bins):
    """O PSI médio de `n` imagens contra `baseline_n`, em `bins` faixas, quando nada mudou (só o acaso)."""
    return (bins - 1) * (1 / n + 1 / baseline_n)


def shares(counts):
    """Contagens → proporções; cada faixa ganha meia imagem: uma vazia levaria o logaritmo ao infinito."""
    counts = np.asarray(counts, np.float64) + 0.5
    return counts / counts.sum()


def sums(images):
    """Sete somas por imagem, baratas, de que saem as estatísticas: uint8 (n, 28, 28) → float32 (n, 7)."""
    pixels = images.reshape(-1, SIDE * SIDE).astype(np.float32)
    found = np.empty((len(pixels), 7), np.float32)
    np.matmul(pixels, _MOMENTS, out=found[:, :6])
    np.einsum("ij,ij->i", pixels, pixels, out=found[:, 6])
    return found


def statistics(found):
    """Seis números por imagem, na ordem de `STATISTICS`, das somas de `sums` (n, 7) → (n, 6).

    Tinta média (de 0 a 1); linha e coluna do centro de massa, a contar do meio (pixels); espalhamento em volta
    dele (pixels); inclinação do traço (de −1 a 1); contraste (desvio padrão dos pixels).
    """
    found = np.asarray(found, np.float64)
    total, squares = found[:, 0], found[:, 6]
    row, column, rows, columns, cross = (found[:, 1:6] / np.maximum(total, 1e-6)[:, None]).T
    tall, wide = np.maximum(rows - row**2, 0), np.maximum(columns - column**2, 0)
    ink = total / (255 * SIDE * SIDE)
    variance = squares / (255**2 * SIDE * SIDE) - ink**2
    slant = (cross - row * column) / np.maximum(np.sqrt(tall * wide), 1e-6)
    return np.stack((ink, row, column, np.sqrt(tall + wide), slant, np.sqrt(np.maximum(variance, 0))), axis=1)


@dataclass(frozen=True)
class Baseline:
    """Como era quando ia bem: `n` imagens, as faixas de cada estatística e a proporção de cada faixa."""

    n: int
    edges: dict  # {estatística ou "digit": as fronteiras entre faixas, em ordem}
    shares: dict  # {estatística ou "digit": a proporção de cada faixa}

    def compare(self, found, digits):
        """`{estatística: PSI, …, "digit": PSI}` de `found` (n, 7), de `sums`, e dos dígitos lidos (n,)."""
        counted = _count(found, digits, self.edges)
        return {name: psi(self.shares[name], now) for name, now in counted.items()}

    def save(self, file):
        """Grava em JSON, que se lê, se compara e não executa nada; devolve o arquivo (Path)."""
        file = Path(file)
        file.write_text(json.dumps(asdict(self), indent=1) + "\n", encoding="utf-8")
        return file


def make_baseline(images, digits, bins=5):
    """A linha de base: imagens de validação e o que o modelo leu nelas; faixas com igual número de imagens."""
    found, inner = sums(images), np.linspace(0, 1, bins + 1)[1:-1]
    edges = {
        name: np.unique(np.quantile(column, inner)).tolist()
        for name, column in zip(STATISTICS, statistics(found).T)
    }
    edges[DIGIT] = [*range(1, DIGITS)]
    counted = _count(found, digits, edges)
    return Baseline(len(images), edges, {name: now.tolist() for name, now in counted.items()})


def load_baseline(file):
    """A `Baseline` gravada em `file`; levanta `BaselineError` se ele falta ou não é uma."""
    try:
        baseline = Baseline(**json.loads(Path(file).read_text(encoding="utf-8")))
        for name in (*STATISTICS, DIGIT):
            edges, parts = (np.asarray(values[name], np.float64) for values in (baseline.edges, baseline.shares))
            sums_to_one = (parts > 0).all() and abs(parts.sum() - 1) < 1e-6
            if parts.shape != (len(edges) + 1,) or not sums_to_one or (np.diff(edges) <= 0).any():
                raise ValueError(name)
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise BaselineError(
            f"{Path(file).name} não é uma linha de base ({type(error).__name__}: {str(error)[:80]}). "
            "Para refazê-la: `drift.make_baseline(imagens, lidos).save(arquivo)`."
        ) from None
    return baseline


def _count(found, digits, edges):
    """`{estatística ou "digit": a proporção de cada faixa}` das imagens e do que se leu nelas."""
    values = dict(zip(STATISTICS, statistics(found).T)) | {DIGIT: np.asarray(digits)}
    places = {name: np.searchsorted(edges[name], column, side="right") for name, column in values.items()}
    return {name: shares(np.bincount(place, minlength=len(edges[name]) + 1)) for name, place in places.items()}
