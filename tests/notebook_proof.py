"""A prova de um notebook: num clone limpo, sem rede, as saídas são as guardadas; e outra vez, com as soluções."""

import os
import subprocess
import sys
import uuid

import nbformat
from offline import offline
from solved import TOLD, solve
from tree import snapshot

from course_utils import lesson
from course_utils.measure.memory import PeakMemory

# Da aula, os que treinam ou convertem: a segunda vez deles, como a dos laboratórios, é só a dos exercícios.
HEAVY = ("01_salvar_e_carregar", "02_onnx", "09_poda")


def prove(path, clone):
    """Executa pelo nbval, sem rede onde há namespaces (Linux), o notebook `path`, tal como está em `clone`.

    No mesmo kernel, primeiro como ele é guardado e depois com os exercícios resolvidos: o notebook inteiro ou, de
    um laboratório e dos `HEAVY`, só o preparo e os exercícios. Falha se uma saída não é a guardada, ou se algo se
    escreveu fora de artifacts/. Devolve o pico de memória do pytest e do kernel, em bytes (int).
    """
    ours = clone / path.relative_to(lesson.files.ROOT)
    nbformat.write(twice(path), ours)
    before = snapshot(clone)
    command = offline([sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", ours])
    environment = os.environ | {"PYTHONPATH": str(clone)}
    with (
        subprocess.Popen(
            command, cwd=clone, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        ) as run,
        PeakMemory(run.pid) as memory,
    ):
        told = run.communicate()[0]
    assert run.returncode == 0, told[-5000:]
    assert snapshot(clone) == before, "o notebook escreveu fora de artifacts/"
    print(f"{path.stem}: {told.splitlines()[-1]}; pico de {memory.peak / 1e6:.0f} MB")
    return memory.peak


def twice(path):
    """O notebook seguido dele mesmo, resolvido."""
    notebook, again = nbformat.read(path, as_version=4), solve(path)
    if lesson.name_of(path).startswith((lesson.LABS, *HEAVY)):
        end = max((place for place, cell in enumerate(again) if TOLD in cell.source), default=-1) + 1
        again = [
            cell for cell in again[:end] if TOLD in cell.source or "plumbing" in cell.metadata.get("tags", [])
        ]
    for cell in again:
        cell.id = uuid.uuid4().hex[:8]
    notebook.cells += again
    return notebook
