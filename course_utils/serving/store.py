"""Qual versão do modelo está no ar: um arquivo só, ou uma pasta de versões numeradas que se trocam sem reinício.

A pasta é a do notebook 01, como o TensorFlow Serving a quer: `1/`, `2/`, …, cada uma com um arquivo ONNX e o seu
SHA256SUMS. Serve-se a maior versão que cumpre o contrato (`admission`); uma `2/` quebrada deixa a `1/` no ar.
"""

import logging
import re
from pathlib import Path
from time import perf_counter
from typing import NamedTuple

import numpy as np

from course_utils.model import admission, artifacts
from course_utils.model.predictor import Predictor

log = logging.getLogger("aula32.serving")


class Served(NamedTuple):
    """O que está no ar: a versão (texto), o preditor dela e quanto ele leva por imagem, em ms."""

    version: str
    predictor: Predictor
    image_ms: float


class ModelStore:
    """O que está no ar e o que não foi aceito, trocados sempre por inteiro: nenhuma requisição vê metade.

    `current`: o `Served` do momento; `refused`: as versões da pasta que não servem, `{versão: a frase que diz por
    quê}`.
    """

    def __init__(self, path):
        """Carrega e aquece a maior versão de `path` (arquivo ONNX ou pasta de versões) que cumpre o contrato.

        Levanta `CorruptedFileError` se nenhuma serve.
        """
        self.path, self.current, self.refused, self._seen = Path(path), None, {}, None
        self.refresh()
        if self.current is None:
            reasons = "; ".join(self.refused.values())
            raise artifacts.CorruptedFileError(reasons or f"Não há versões (1/, 2/, …) em {self.path.name}.")

    def refresh(self):
        """Se algo mudou na pasta, procura uma versão melhor que a do momento e, se há, a põe no ar."""
        versions = find_versions(self.path)
        seen = [(version, _mark(place)) for version, place in versions]
        if seen == self._seen:
            return
        refused = {}
        for version, place in versions:
            if self.current and version == self.current.version:
                break
            try:
                self.current = Served(version, *_load_and_warm_up(place))
                log.info("versão %s no ar", version)
                break
            except Exception as error:  # um arquivo ruim nunca derruba quem já está servindo
                refused[version] = f"{version}/: {error}" if place.is_dir() else str(error)
                log.info("versão %s recusada: %s", version, error)
        self._seen, self.refused = seen, refused


def find_versions(path):
    """`(versão, pasta)` da maior para a menor; um arquivo solto é a versão 1: `[("1", arquivo)]`.

    A versão é o número que dá nome à pasta, como texto e sem zeros à esquerda (`00000123` é a 123); outras pastas
    não contam.
    """
    path = Path(path)
    if not path.is_dir():
        return [("1", path)]
    folders = [item for item in path.iterdir() if re.fullmatch("[0-9]{1,18}", item.name) and item.is_dir()]
    versions = {int(folder.name): folder for folder in folders}
    return [(str(number), versions[number]) for number in sorted(versions, reverse=True)]


def find_onnx(folder):
    """Os arquivos ONNX à vista: um escondido é um rascunho, ou resto de outro sistema (`._model.onnx`)."""
    return sorted(file for file in Path(folder).glob("*.onnx") if not file.name.startswith("."))


def _load_and_warm_up(place):
    """O arquivo da versão, ou a pasta que só tem ele → `(preditor, ms por imagem)`.

    A primeira inferência, mais lenta, não fica para o primeiro cliente; o tempo é o da mais curta de cinco.
    """
    files = find_onnx(place) if place.is_dir() else [place]
    if len(files) != 1:
        raise artifacts.CorruptedFileError(f"Esperava um arquivo ONNX nesta versão; achei {len(files)}.")
    predictor, blank, times = admission.admit(files[0]), np.zeros((1, 28, 28), np.uint8), []
    for _ in range(5):
        start = perf_counter()
        predictor.predict(blank)
        times.append(1000 * (perf_counter() - start))
    return predictor, min(times)


def _mark(place):
    """O que muda quando alguém mexe na versão: nomes, tamanhos e datas do que há na pasta."""
    found = [item for item in place.iterdir() if item.is_file()] if place.is_dir() else []
    return {(item, item.stat().st_size, item.stat().st_mtime_ns) for item in found}
