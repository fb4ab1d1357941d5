"""Os candidatos do banco de otimização: treinar, medir, escolher na validação e, uma vez, ler o teste.

Um candidato é a tripla (receita, "float32" ou "int8", semente); o original e o seu int8 têm semente None.
"""

from functools import partial
from time import perf_counter

import numpy as np

from course_utils.bench import goals
from course_utils.measure import latency, size
from course_utils.model import artifacts, compress, networks, train
from course_utils.model.predictor import MODEL, Predictor

FOLDER = artifacts.ARTIFACTS / "bench" / "optimization"
ORIGINAL = "original", "float32", None
MARGIN = 0.1  # pontos que a vencedora pode perder na validação, na pior semente: nem uma imagem em 500 (0,2)
RATIOS = ("size_ratio", "speed_ratio_batch1", "speed_ratio_batch32")


def build(recipes, seeds):
    """`{(receita, "float32" ou "int8", semente): arquivo}` e `{receita: segundos de uma semente}`."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    teacher, (images, _) = networks.torch_network(), train.to_tensors("train")
    whole = compress.quantize(MODEL, FOLDER / "original-int8.onnx", images[:512].numpy())
    files, seconds = {ORIGINAL: MODEL, ("original", "int8", None): whole}, {}
    for seed in seeds:
        start = perf_counter()
        material = compress.lessons(teacher, images, seed=seed)
        studying = perf_counter() - start
        for recipe in recipes:
            start = perf_counter()
            pair = compress.build(teacher, material, recipe, seed=seed, folder=FOLDER)
            seconds[recipe.name] = studying + perf_counter() - start
            files |= {(recipe.name, kind, seed): path for kind, path in zip(("float32", "int8"), pair)}
    return files, seconds


def measure(files):
    """Um ponto (dict) por arquivo: tamanho, velocidade e acurácia na validação, em relação ao original."""
    validation = {name: float(compress.hits(path, "validation").mean()) for name, path in files.items()}
    speed = {batch: _speed(files, batch) for batch in (1, 32)}
    return [_point(name, files, validation, speed) for name in files]


def _speed(files, batch):
    """Quantas vezes cada arquivo é mais rápido que o original, em lotes de `batch`: `{nome: float}`."""
    images = np.random.default_rng(0).random((batch, 1, 28, 28), np.float32)
    calls = {name: partial(Predictor(path).infer, images) for name, path in files.items()}
    measured = latency.compare(calls, rounds=300 if batch == 1 else 40)
    base = measured[ORIGINAL].median
    return {name: base / item.median for name, item in measured.items()}


def _point(name, files, validation, speed):
    """Um arquivo no gráfico de tamanho, velocidade e acurácia (na validação)."""
    recipe, kind, seed = name
    whole = validation[ORIGINAL]
    return {
        "seed": seed,
        "recipe": f"{recipe} + int8" if kind == "int8" else recipe,
        "size_ratio": size.size_bytes(MODEL) / size.size_bytes(files[name]),
        "speed_ratio_batch1": speed[1][name],
        "speed_ratio_batch32": speed[32][name],
        "validation_drop_points": round(100 * (whole - validation[name]), 2),
    }


def choose(points, recipes):
    """A receita de menor arquivo cuja pior semente perde até `MARGIN` na validação (ou a que perde menos)."""
    worst = {}
    for recipe in recipes:
        own = [point for point in points if point["recipe"] == recipe.int8]
        worst[recipe] = max(point["validation_drop_points"] for point in own), -own[0]["size_ratio"]
    good = [recipe for recipe in recipes if worst[recipe][0] <= MARGIN]
    return min(good, key=lambda recipe: worst[recipe][1]) if good else min(recipes, key=worst.get)


def fastest(points):
    """O que se serviria *nesta* máquina: o mais rápido, com ou sem int8, dos que guardam a acurácia na validação.

    A perda aceita é a da meta. Devolve um dict com `recipe`, `size_ratio` e `speed_ratio_batch1`, este o da pior
    semente. Com VNNI o int8 de uma rede costuma vencer o float32 dela; sem VNNI, perder: por isso se mede.
    """
    limit = goals.OPTIMIZATION["accuracy_drop_points"].limit
    groups = {}
    for point in points:
        if point["seed"] is not None:
            groups.setdefault(point["recipe"], []).append(point)
    faithful = [own for own in groups.values() if max(row["validation_drop_points"] for row in own) <= limit]
    slowest = [min(own, key=lambda row: row["speed_ratio_batch1"]) for own in faithful or groups.values()]
    best = max(slowest, key=lambda row: row["speed_ratio_batch1"])
    return {key: best[key] for key in ("recipe", "size_ratio", "speed_ratio_batch1")}


def read_test(points, files):
    """O teste, uma vez: a perda de cada semente e seu intervalo de 95 %, nas mesmas imagens."""
    whole = compress.hits(MODEL, "test")
    runs = []
    for point in points:
        name = point["recipe"].removesuffix(" + int8"), "int8", point["seed"]
        difference = 100 * (whole.astype(float) - compress.hits(files[name], "test"))
        row = {"accuracy_drop_points": round(float(difference.mean()), 2), "ci95_points": interval(difference)}
        runs.append({key: value for key, value in point.items() if key != "validation_drop_points"} | row)
    return runs


def interval(differences, draws=10_000):
    """Intervalo de 95 % da média, por bootstrap das diferenças imagem a imagem (pareado): `[de, até]`."""
    random = np.random.default_rng(0)
    values, counts = np.unique(differences, return_counts=True)
    drawn = random.multinomial(len(differences), counts / len(differences), draws)
    return [round(float(value), 2) for value in np.percentile(drawn @ values / len(differences), [2.5, 97.5])]


def curve(points):
    """Cada receita, na média das sementes, e se está na fronteira de Pareto: ninguém a vence em tudo."""
    names = dict.fromkeys(point["recipe"] for point in points)
    keys = (*RATIOS, "validation_drop_points")
    rows = []
    for name in names:
        own = [point for point in points if point["recipe"] == name]
        rows.append({"recipe": name} | {key: float(np.mean([point[key] for point in own])) for key in keys})
    return [row | {"pareto": not any(_beats(other, row) for other in rows)} for row in rows]


def _beats(one, other):
    """Verdadeiro se `one` não perde para `other` em nada e ganha em algo."""
    pairs = [(one[key], other[key]) for key in ("size_ratio", "speed_ratio_batch1")]
    pairs.append((-one["validation_drop_points"], -other["validation_drop_points"]))
    return all(a >= b for a, b in pairs) and any(a > b for a, b in pairs)
