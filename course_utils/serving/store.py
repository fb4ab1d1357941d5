"""Qual versão do modelo está no ar: um arquivo só, ou uma pasta de versões numeradas que se trocam sem reinício.

A pasta é a do notebook 01, como o TensorFlow Serving a quer: `1/`, `2/`, …, cada uma com um arquivo ONNX e o
seu SHA256SUMS. A maior versão íntegra é servida; uma `2/` quebrada ou pela metade deixa a `1/` no ar.
"""

import logging
import statistics
import threading
from pathlib import Path
from time import perf_counter
from typing import NamedTuple

import numpy as np

from course_utils.model import artifacts
from course_utils.model.predictor import Predictor

log = logging.getLogger("aula32.serving")


class Served(NamedTuple):
    """O que está no ar: a versão (texto), o preditor dela e quanto ele leva por imagem, em ms."""

    version: str
    predictor: Predictor
    image_ms: float


class ModelStore:
    """`current` é o `Served` do momento; trocá-lo é uma atribuição só, que nenhuma requisição vê pela metade."""

    def __init__(self, path):
        """Carrega e aquece a maior versão íntegra de `path` (arquivo ONNX ou pasta de versões).

        Levanta `CorruptedFileError` se nenhuma serve.
        """
        self.path, self.current = Path(path), None
        self._broken = {}
        self._stop = threading.Event()
        problems = self.refresh()
        if self.current is None:
            raise artifacts.CorruptedFileError("; ".join(problems) or f"Não há versões em {self.path.name}.")

    def refresh(self):
        """Procura uma versão melhor e a põe no ar; devolve as frases das que não serviram (lista de str)."""
        problems = []
        for version, file in find_versions(self.path):
            if self.current and version == self.current.version:
                break
            mark = _mark(file)
            if self._broken.get(version) == mark:
                continue
            try:
                self.current = Served(version, *_load_and_warm_up(file))
                log.info("versão %s no ar", version)
                break
            except Exception as error:  # um arquivo ruim nunca derruba quem já está servindo
                self._broken[version] = mark
                problems.append(str(error))
                log.warning("versão %s recusada: %s", version, error)
        return problems

    def watch(self, interval=1.0):
        """Chama `refresh` a cada `interval` segundos, numa thread, até `close`."""

        def loop():
            while not self._stop.wait(interval):
                self.refresh()

        threading.Thread(target=loop, daemon=True, name="versões").start()

    def close(self):
        """Para de vigiar a pasta."""
        self._stop.set()


def require_version(path):
    """Confere, sem abrir modelo algum, que `path` tem ao menos uma versão íntegra.

    Levanta `CorruptedFileError`. É o que o processo-mãe do gunicorn chama: uma sessão do ONNX Runtime aberta
    antes do `fork` deixaria os filhos com threads que não existem.
    """
    problems = []
    for _, file in find_versions(path):
        try:
            return artifacts.verify(file)
        except artifacts.CorruptedFileError as error:
            problems.append(str(error))
    raise artifacts.CorruptedFileError("; ".join(problems) or f"Não há versões em {Path(path).name}.")


def find_versions(path):
    """`(versão, arquivo)` da maior para a menor; um arquivo solto é a versão 1."""
    path = Path(path)
    if not path.is_dir():
        return [("1", path)]
    numbered = [folder for folder in path.iterdir() if folder.is_dir() and folder.name.isdigit()]
    ordered = sorted(numbered, key=lambda folder: int(folder.name), reverse=True)
    return [(folder.name, next(folder.glob("*.onnx"), folder / "model.onnx")) for folder in ordered]


def _load_and_warm_up(file):
    """Carregar e aquecer: a primeira inferência, mais lenta, não fica para o primeiro cliente.

    Devolve `(preditor, ms por imagem)`, a mediana de três inferências já aquecidas.
    """
    predictor, blank, times = Predictor(file), np.zeros((1, 28, 28), np.uint8), []
    for _ in range(4):
        start = perf_counter()
        predictor.predict(blank)
        times.append(1000 * (perf_counter() - start))
    return predictor, statistics.median(times[1:])


def _mark(file):
    """O que muda quando alguém mexe na versão: tamanho e data do arquivo e do seu SHA256SUMS."""
    paths = (file, file.parent / artifacts.SUMS)
    return [(path.stat().st_size, path.stat().st_mtime_ns) for path in paths if path.exists()]
