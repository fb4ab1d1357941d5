"""O processo que mede os formatos: grava, carrega, infere e compara; conta o andamento em linhas JSON na saída."""

import json
import shutil
import sys
from functools import partial
from pathlib import Path

import numpy as np

from course_utils.bench.formats import BASE, files, readers
from course_utils.classroom import quiet
from course_utils.measure import latency
from course_utils.measure.size import size_bytes
from course_utils.model import artifacts, digits

ORIGINAL = "PyTorch, safetensors"


def main(folder, loads, singles, batches):
    """Mede e escreve o resultado: `{"formats": […]}`, ou `{"error": …}` se algo falha."""
    quiet.divert_native_logs()
    try:
        _say(step="importando as bibliotecas")
        _one_thread()
        folder = Path(folder)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        paths = files.build(folder, lambda what: _say(step=what))
        _say(formats=measure(paths, *map(int, (loads, singles, batches))))
    except Exception as error:  # a saída de erro foi desviada: quem espera precisa saber por aqui
        _say(error=f"{type(error).__name__}: {error}")
        return 1
    return 0


def measure(paths, loads, singles, batches, original=ORIGINAL):
    """Uma linha (dict) por formato de `paths`; tudo intercalado, em `loads`, `singles` e `batches` rodadas."""
    opened = {name: partial(readers.opener(name), path) for name, path in paths.items() if readers.opener(name)}
    _say(step="carregando")
    timed = {"load": latency.compare(opened, rounds=loads, warmup=1)}
    calls = {name: load() for name, load in opened.items()}
    images = digits.load("validation")[0][:, None] / np.float32(255)
    parts = np.split(images, len(images) // 50)
    answers = {
        name: _probabilities(np.concatenate([call(part) for part in parts])) for name, call in calls.items()
    }
    for key, size, rounds in (("batch1", 1, singles), ("batch32", 32, batches)):
        _say(step=f"inferindo, lote de {size}")
        ready = {name: partial(call, images[:size]) for name, call in calls.items()}
        timed[key] = latency.compare(ready, rounds=rounds, warmup=5)
    return [_row(name, path, timed, answers, original) for name, path in paths.items()]


def _row(name, path, timed, answers, original):
    row = {"name": name, "bytes": _bytes(path), "reduced": "int8" in name or "float16" in name}
    row["apart"] = "podado" in name  # outra rede: não se compara com a original como se fosse ela
    for key, times in timed.items():
        row[key] = _times(times[name], None if key == "load" else times[BASE]) if name in times else None
    known = name in answers
    row["max_difference"] = float(np.abs(answers[name] - answers[original]).max()) if known else None
    same = answers[name].argmax(1) == answers[original].argmax(1) if known else None
    return row | {"agreement_percent": 100 * float(same.mean()) if known else None}


def _times(item, base):
    times = {"median": item.median, "p95": item.p95, "n": len(item.times)}
    return times if base is None else times | {"ratio": base.median / item.median}


def _bytes(path):
    """O que o formato ocupa, sem o arquivo em que anotamos as impressões digitais."""
    own = sum(size_bytes(sums) for sums in path.rglob(artifacts.SUMS)) if path.is_dir() else 0
    return size_bytes(path) - own


def _probabilities(logits):
    exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
    return exponentials / exponentials.sum(axis=1, keepdims=True)


def _one_thread():
    import tensorflow as tf
    import torch

    torch.set_num_threads(1)
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)


def _say(**news):
    print(json.dumps(news), flush=True)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
