"""Máquinas difíceis: relógio atrasado, localidade C, pasta pessoal fechada, um núcleo, sem /dev/shm, sem AVX512.

O caminho com espaços e acentos está no clone de todos os testes (`fresh_clone`).
"""

import os
import shutil
import subprocess
import sys

import nbformat
import pytest
from faults import call
from needs import miss
from waiting import PATIENCE_S

from course_utils.model import artifacts

ONLY_LINUX = pytest.mark.skipif(sys.platform != "linux", reason="namespaces, taskset e qemu-user são do Linux")
# Sem UTF-8 em lugar nenhum, numa página de código do Windows, e sem que o Python a troque por conta própria.
OLD_PAGE = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONIOENCODING": "cp1252:strict"}
NO_HOME = {"HOME": "/dev/null/aluno", "XDG_CACHE_HOME": ""}


@pytest.mark.parametrize("page", ["cp1252", "ascii"])
def test_signs_outside_the_code_page_never_break_a_command(page, tmp_path):
    (tmp_path / "sinais.py").write_text("print('✔ pronto × é')", encoding="utf-8")
    result = call(
        ["-m", "course_utils.setup.command", "sinais"],
        PYTHONPATH=os.pathsep.join([str(artifacts.ROOT), str(tmp_path)]),
        **OLD_PAGE | {"PYTHONIOENCODING": f"{page}:strict"},
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith(b"? pronto")


# Um /dev sem shm, só com o bastante para um Python; e um núcleo só.
HARD = """
set -e
for name in null zero full random urandom tty; do cp -a /dev/$name "$1"; done
ln -s /proc/self/fd "$1/fd"
mount --bind "$1" /dev
shift
exec taskset -c 0 "$@"
"""


@ONLY_LINUX
@pytest.mark.slow
def test_a_notebook_with_servers_runs_on_one_core_without_locale_home_or_shared_memory(fresh_clone, tmp_path):
    if os.geteuid() != 0 or not shutil.which("unshare") or not shutil.which("taskset"):
        miss("falta o unshare ou o taskset (pacote util-linux), ou ser root")
    path = fresh_clone / "notebooks" / "03_opcoes_de_deploy.ipynb"
    before = path.read_bytes()
    command = ["unshare", "--mount", "sh", "-c", HARD, "sh", tmp_path]
    run = subprocess.run(
        [*command, sys.executable, "-m", "course_utils", "run", "03", "--save"],
        cwd=fresh_clone, env=os.environ | {"PYTHONPATH": str(fresh_clone)} | OLD_PAGE | NO_HOME,
        capture_output=True, timeout=10 * PATIENCE_S, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr.decode(errors="replace")[-3000:]
    kept = [output for cell in nbformat.read(path, 4).cells for output in cell.get("outputs", [])]
    path.write_bytes(before)
    assert kept and not [output for output in kept if output.get("name") == "stderr"]


# ------------------------------------------------------------------ o relógio atrasado


BACK_IN_TIME = """
import sys, time
from pathlib import Path
from course_utils.classroom import servers, state
from course_utils.classroom.exercises import engine
from course_utils.classroom.quiz import questions
from course_utils.measure import latency, load
engine.record("um")
state.add(questions.ANSWERS, "q", tried=["a"])
with servers.start() as server:
    before = time.time()
    Path(sys.argv[1]).write_text(str(2 * 86400))
    assert time.time() < before - 86400, "o relógio não voltou"
    result = load.run(server.url + "predict", bytes(784), concurrency=2, seconds=1, warmup=0.2, pids=server.pids())
    assert result.failed == 0 and 0.5 < result.seconds < 20 and result.p50 > 0 and result.cpu_percent > 0
    assert 0 <= latency.compare({"a": lambda: None}, rounds=5, warmup=0)["a"].median < 1000
    with servers.start() as second:
        second.pids()
engine.record("dois")
state.add(questions.ANSWERS, "q", tried=["a", "b"])
kept = state.read(engine.FILE)
assert kept["um"] > kept["dois"] and state.read(questions.ANSWERS) == {"q": {"tried": ["a", "b"]}}
print("inteiro")
"""
# Em todo Python que o teste iniciar: o `date.today` também pergunta a hora a `time.time`.
OTHER_CLOCK = """
import os, time
real = time.time
def behind():
    with open(os.environ["AULA_CLOCK"]) as file:
        return real() - float(file.read() or 0)
time.time = behind
"""


@pytest.mark.slow
def test_a_clock_set_back_breaks_no_server_no_measure_and_no_answer(tmp_path):
    clock = tmp_path / "relogio"
    clock.write_text("0")
    (tmp_path / "sitecustomize.py").write_text(OTHER_CLOCK, encoding="utf-8")
    own = {"AULA_CLOCK": str(clock), "AULA_STATE": str(tmp_path / "estado")}
    path = os.pathsep.join([str(tmp_path), str(artifacts.ROOT)])
    result = call(["-c", BACK_IN_TIME, clock], PYTHONPATH=path, **own)
    assert result.stdout == b"inteiro\n", result.stderr.decode()[-3000:]


# ------------------------------------------------------------------ um processador sem AVX512 nem VNNI


READ_DIGITS = """
import sys
import numpy as np
from course_utils.model import artifacts, digits
from course_utils.model.predictor import Predictor
images = digits.load("test")[0][:20]
logits = [Predictor(artifacts.DATA / name).infer(images[:, None] / np.float32(255)) for name in sys.argv[2:]]
np.save(sys.argv[1], logits)
"""


@ONLY_LINUX
@pytest.mark.slow
def test_a_processor_without_avx512_reads_the_same_digits(tmp_path):
    import numpy as np

    if os.uname().machine != "x86_64":
        pytest.skip("o AVX512 é de processadores x86-64")
    emulator = shutil.which("qemu-x86_64") or miss("falta o qemu-x86_64 (pacote qemu-user do Debian)")
    models, logits = ("reference.onnx", "small.onnx"), {}
    for name, prefix in {"esta": [], "antiga": [emulator, "-cpu", "Haswell-v4"]}.items():
        file = tmp_path / f"{name}.npy"
        run = subprocess.run(
            [*prefix, os.path.realpath(sys.executable), "-c", READ_DIGITS, file, *models],
            cwd=artifacts.ROOT, env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            capture_output=True, text=True, timeout=10 * PATIENCE_S, check=False,
        )  # fmt: skip
        assert run.returncode == 0, run.stderr[-2000:]
        logits[name] = np.load(file)
    assert np.abs(logits["esta"][0] - logits["antiga"][0]).max() <= 1e-4  # float32
    assert (logits["esta"].argmax(2) == logits["antiga"].argmax(2)).mean() >= 0.95  # e o int8, sem VNNI
