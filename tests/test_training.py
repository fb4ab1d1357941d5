"""Os notebooks que treinam (01, 08 e 09): o que afirmam vale em outras sementes e com outras instruções.

`ATEN_CPU_CAPABILITY` e `ONEDNN_MAX_CPU_ISA` fazem o PyTorch e o oneDNN usarem só as instruções de processadores
mais antigos: com elas a mesma semente dá outra rede. O 08 lê as redes que treinamos, e por isso só as
instruções podem mudar a conta; o 09, o do laboratório, treina aqui tantas épocas quanto a aula, e menos que ele.
Cada prova diz a distribuição que mediu (n, mínimo, mediana, máximo) com `-rP`.
"""

import json
import os
import statistics
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from course_utils import lesson
from course_utils.model import artifacts

SETS = {
    "desta máquina": {},
    "AVX2": {"ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2"},
    "x86 básico": {"ATEN_CPU_CAPABILITY": "default", "ONEDNN_MAX_CPU_ISA": "AVX2"},
}
# Por notebook, as sementes de cada conjunto de instruções, na ordem de `SETS`; no 01 e no 09, dez diferentes.
TEN = (range(4), range(4, 7), range(7, 10))
SEEDS = {
    "01": TEN,
    "laboratorios/01": (range(3), range(2), range(2)),
    "laboratorios/08": [range(1)] * 3,
    "laboratorios/09": TEN,
}


def trained(notebook, instructions):
    """As linhas que `training.py` escreve, uma por semente."""
    seeds = SEEDS[notebook][list(SETS).index(instructions)]
    command = [sys.executable, "tests/training.py", notebook, *map(str, seeds)]
    path = os.pathsep.join([str(artifacts.ROOT), str(artifacts.ROOT / "tests")])
    environment = {"TQDM_DISABLE": "1", "OMP_NUM_THREADS": "1", "PYTHONPATH": path} | SETS[instructions]
    done = subprocess.run(
        command, cwd=artifacts.ROOT, env=os.environ | environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


@pytest.fixture(scope="module")
def runs():
    """`{notebook: {instruções: linhas}}`: dois processos por vez, uma thread cada."""
    jobs = [(notebook, name) for notebook in reversed(SEEDS) for name in SETS]
    with ThreadPoolExecutor(2) as pool:
        found = dict(zip(jobs, pool.map(lambda job: trained(*job), jobs)))
    return {notebook: {name: found[notebook, name] for name in SETS} for notebook in SEEDS}


def spread(label, values):
    """Mostra n, mínimo, mediana e máximo; devolve `(mínimo, máximo)`."""
    values = sorted(values)
    print(f"{label}: n = {len(values)}; {values[0]:.4g} / {statistics.median(values):.4g} / {values[-1]:.4g}")
    return values[0], values[-1]


@pytest.mark.parametrize("number", ["01", "08", "09"])
def test_what_is_stored_confirms_its_verdicts(number):
    paths = lesson.find_notebooks([number, lesson.LABS + number])
    assert not [path for path in paths if "não se confirmou:" in path.read_text(encoding="utf-8")]


@pytest.mark.slow
def test_resuming_in_notebook_01_and_its_lab_says_the_same_for_every_seed(runs):
    """A perda da retomada com um Adam novo, sobre a última antes da pausa: n = 20; 1,59 / 2,7 / 6,0."""
    rows = [row for rows in runs["01"].values() for row in rows]
    assert {row["different"] for row in rows} == {0}
    assert {verdict for row in rows for verdict in row["verdicts"].values()} == {"confirmou-se"}, rows
    rows = [row for rows in runs["laboratorios/01"].values() for row in rows]
    assert {row["keras_differences"] for row in rows} == {0}
    found = {tuple(row["torch_differences"].items()) for row in rows}
    assert found == {(("nada", 0), ("optimizer", 4), ("scheduler", 4), ("rng", 4))}


@pytest.mark.slow
def test_the_trained_networks_of_notebook_08_tell_the_same_story_with_every_instruction(runs):
    """As de `data/thin.safetensors` são as da semente 0. QAT por canal menos a melhor PTQ, em pontos no teste, nas
    treinadas de novo (n = 5; mínimo / mediana / máximo): 4 bits, 0,4 / 0,7 / 3,8; 3 bits, 5,3 / 8,4 / 18,6."""
    rows = [row for rows in runs["laboratorios/08"].values() for row in rows]
    assert all(set(row["verdicts"].values()) == {"confirmou-se"} for row in rows), rows
    for name, score in rows[0]["scores"].items():
        for bits in score:
            low, high = spread(f"{name}, {bits} bits", [row["scores"][name][bits] for row in rows])
            assert high - low <= 0.6  # três das 500 imagens da validação


@pytest.mark.slow
def test_pruning_in_notebook_09_holds_for_every_seed(runs):
    """Com 2 épocas (as da aula; no laboratório, 3) e a LeNet em 2, 1 e 4 (lá, 4, 3 e 8).

    Mínimo / mediana / máximo de n = 20 (sementes 0 a 9, nas instruções de um AMD EPYC com VNNI e em AVX2; aqui se
    repetem dez delas):

    - ajuste fino, % na validação: 97,6 / 98,4 / 98,6;
    - do zero, %: 86,0 / 93,7 / 95,4; abaixo do ajuste fino, em pontos: 3,0 / 4,6 / 12,0;
    - Deep Compression, vezes menor: 43,3 / 43,8 / 44,0;
    - Deep Compression, pontos perdidos: -1,6 / 0,4 / 2,2.
    """
    rows = [row for rows in runs["laboratorios/09"].values() for row in rows]
    assert [row["seed"] for row in rows] == list(range(10))
    assert spread("logo após o corte", [row["cut_accuracy"] for row in rows])[1] < 0.3
    assert spread("ajuste fino, 2 épocas", [row["tuned"] for row in rows])[0] > 0.96
    spread("do zero, 2 épocas", [row["scratch"] for row in rows])
    assert spread("ajuste fino menos do zero", [row["tuned"] - row["scratch"] for row in rows])[0] > 0
    assert spread("Deep Compression: vezes menor", [row["storage"] for row in rows])[0] >= 40
    drops = [100 * (row["accuracies"][0] - row["accuracies"][2]) for row in rows]
    assert spread("Deep Compression: pontos perdidos", drops)[1] <= 4
