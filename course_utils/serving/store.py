"""Qual versão do modelo está no ar: um arquivo só, ou uma pasta de versões numeradas que se trocam sem reinício.

A pasta é a do notebook 01, como o TensorFlow Serving a quer: `1/`, `2/`, …, cada uma com um arquivo ONNX e o
seu SHA256SUMS. Os nomes são números (`00000123` é a 123); outras pastas e arquivos escondidos não contam. A maior
versão que cumpre o contrato (`admission`) é servida; uma `2/` quebrada ou pela metade deixa a `1/` no ar.
"""

import logging
import re
import threading
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
    """`current` é o `Served` do momento; trocá-lo é uma atribuição só, que nenhuma requisição vê pela metade."""

    def __init__(self, path):
        """Carrega e aquece a maior versão de `path` (arquivo ONNX ou pasta de versões) que cumpre o contrato.

        Levanta `CorruptedFileError` se nenhuma serve.
        """
        self.path, self.current = Path(path), None
        self._refused = {}  # versão: (a marca dos arquivos recusados, a frase que diz por quê)
        self._stop = threading.Event()
        self.refresh()
        if self.current is None:
            reasons = "; ".join(self.refused().values())
            raise artifacts.CorruptedFileError(reasons or f"Não há versões (1/, 2/, …) em {self.path.name}.")

    def refused(self):
        """As versões que estão na pasta e não vão ao ar: `{versão: a frase que diz por quê}`."""
        return {version: reason for version, (_, reason) in self._refused.items()}

    def refresh(self):
        """Procura uma versão melhor que a do momento e, se há, a põe no ar."""
        refused = {}
        for version, place in find_versions(self.path):
            if self.current and version == self.current.version:
                break
            mark = _mark(place)
            if self._refused.get(version, (None,))[0] == mark:
                refused[version] = self._refused[version]
                continue
            try:
                self.current = Served(version, *_load_and_warm_up(_only_file(place)))
                log.info("versão %s no ar", version)
                break
            except Exception as error:  # um arquivo ruim nunca derruba quem já está servindo
                refused[version] = mark, f"{version}/: {error}" if place.is_dir() else str(error)
                log.warning("versão %s recusada: %s", version, error)
        self._refused = refused

    def watch(self):
        """Chama `refresh` a cada segundo, numa thread, até `close`."""

        def loop():
            while not self._stop.wait(1):
                try:
                    self.refresh()
                except OSError as error:  # a pasta sumiu, ou não se deixa ler: quem está no ar continua
                    log.warning("não consegui ver as versões: %s", error)

        threading.Thread(target=loop, daemon=True, name="versões").start()

    def close(self):
        """Para de vigiar a pasta."""
        self._stop.set()


def require_model(path):
    """Carrega `path` (arquivo ONNX ou pasta de versões) e o solta, sem registrar nada: quem for servi-lo o fará.

    Levanta `CorruptedFileError` se nada nele serve.
    """
    log.disabled = True
    try:
        ModelStore(path)
    finally:
        log.disabled = False


def find_versions(path):
    """`(versão, pasta)` da maior para a menor; um arquivo solto é a versão 1: `[("1", arquivo)]`.

    A versão é um número, como texto e sem zeros à esquerda.
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


def _only_file(place):
    """O arquivo ONNX da versão; levanta `CorruptedFileError` se na pasta dela não há um, e um só."""
    files = find_onnx(place) if place.is_dir() else [place]
    if len(files) != 1:
        raise artifacts.CorruptedFileError(f"Esperava um arquivo ONNX nesta versão; achei {len(files)}.")
    return files[0]


def _load_and_warm_up(file):
    """Carregar e aquecer: a primeira inferência, mais lenta, não fica para o primeiro cliente.

    Devolve `(preditor, ms por imagem)`, a mais curta de cinco inferências: o que ela custa, sem quem está ao lado.
    """
    predictor, blank, times = admission.admit(file), np.zeros((1, 28, 28), np.uint8), []
    for _ in range(5):
        start = perf_counter()
        predictor.predict(blank)
        times.append(1000 * (perf_counter() - start))
    return predictor, min(times)


def _mark(place):
    """O que muda quando alguém mexe na versão: nomes, tamanhos e datas do que há na pasta."""
    found = [item for item in place.iterdir() if item.is_file()] if place.is_dir() else []
    return {(item, item.stat().st_size, item.stat().st_mtime_ns) for item in found}
