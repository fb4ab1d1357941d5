"""O que vale para todos os testes, dos de tests/ aos notebooks que o nbval executa."""

import os
import tempfile
from pathlib import Path

import psutil
import pytest
from nbval.plugin import IPyNbFile

# Os kernels que o nbval inicia herdam o ambiente: sem barras de progresso, as saídas se repetem.
os.environ["TQDM_DISABLE"] = "1"
# Os testes respondem aos exercícios: o progresso guardado em artifacts/ é de quem faz a aula, e ninguém mexe nele.
STATE = tempfile.TemporaryDirectory(prefix="aula-")
os.environ["AULA_STATE"] = STATE.name
LABS = "laboratorios"
# Sozinho, um processo de testes chega a 2,7 GB (TensorFlow e PyTorch juntos), e o kernel de um notebook, a 1,3;
# dois dividem os arquivos entre si, e não chegam ao pico ao mesmo tempo.
WORKER_BYTES = 3.5e9
# Quanto o nbval espera a última saída de uma célula que já respondeu: só um kernel travado chega lá.
OUTPUT_TIMEOUT_S = 300
# Os arquivos mais demorados vão primeiro: o que sobra no fim, com um processo já parado, é curto.
LONGEST = (
    "test_notebook_runs.py", "test_ray_cluster.py", "test_browser.py", "test_training.py", "test_pictures.py",
    "test_pythons.py",
)  # fmt: skip


@pytest.hookimpl(tryfirst=True)
def pytest_xdist_auto_num_workers(config):
    """Quantos testes ao mesmo tempo: um por núcleo, se a memória livre der; um arquivo só não se divide."""
    paths = {argument.split("::")[0] for argument in config.args}
    if len(paths) == 1 and Path(*paths).is_file():
        return 0
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    workers = min(cores, int(psutil.virtual_memory().available / WORKER_BYTES))
    return workers if workers > 1 else 0


def pytest_ignore_collect(collection_path, config):
    """Os laboratórios vão além da aula: o nbval só os executa pelo nome, como faz tests/notebook_proof.py."""
    asked = {Path(argument.split("::")[0]).name for argument in config.args}
    return True if collection_path.parent.name == LABS and collection_path.name not in asked else None


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config, items):
    """Do mais demorado ao mais curto: os notebooks, de trás para a frente; os arquivos longos; os outros."""
    files = list(dict.fromkeys(item.path for item in items))
    notebooks = [path for path in reversed(files) if path.suffix == ".ipynb"]
    long = [path for path in files if path.name in LONGEST]
    order = {path: place for place, path in enumerate(dict.fromkeys([*notebooks, *long, *files]))}
    items.sort(key=lambda item: order[item.path])
    for item in items:
        if isinstance(item.parent, IPyNbFile):
            item.output_timeout = OUTPUT_TIMEOUT_S
