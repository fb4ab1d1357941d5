"""A manchete da aula, em três sementes: tamanho, velocidade, acurácia e custo da rede podada e quantizada.

Treina a receita publicada em `model/compress.py` e a compara, sem e com int8, com a original. Nada se escolhe pelo
teste: a receita vem pronta. O custo é o que o notebook 09 mede no endpoint.
"""

from functools import partial
from time import perf_counter

import numpy as np

from course_utils.bench import notebooks
from course_utils.measure import latency, prices
from course_utils.measure.numbers import br, times
from course_utils.model import artifacts, compress, deep_compression, networks, train
from course_utils.model.predictor import MODEL, Predictor

FOLDER = artifacts.ARTIFACTS / "bench" / "optimization"
ORIGINAL = "original", None
RATIOS = ("size_ratio", "speed_ratio_batch1", "speed_ratio_batch32")
GOALS = {
    "size_ratio": (40, True),
    "speed_ratio_batch1": (10, True),
    "accuracy_drop_points": (0.5, False),
    "saving_percent": (75, True),
    "storage_ratio": (40, True),
    "storage_drop_points": (0.5, False),
}
PAPER = "Han, Mao e Dally (2015), tabela 1, LeNet-300-100: 40×"
ENDPOINT = "09_poda"  # serve a original e a publicada, cada uma num núcleo, sob a mesma carga
OF_BOTH = '{{name: item.{} for name, item in zip(("original", "pequeno"), loads.values())}}'
MEASURES = {
    "saving_percent": "saving",
    "requests_per_second": OF_BOTH.format("requests_per_second"),
    "requests_per_core_second": OF_BOTH.format("requests_per_core_second"),
    "errors": OF_BOTH.format("failed"),
    "one_core": "all(pinned)",
    "table": "load.report(loads)",
}
PRICE, CORES, UTILISATION = "vertex_n1_standard_2", 2, 0.3  # um x86, como a máquina em que se mede


def run():
    """Treina uma rede por semente e mede; devolve um dicionário pronto para o JSON. Promete-se a pior semente."""
    recipe, seeds = compress.PUBLISHED, compress.SEEDS
    with compress.one_thread():
        files, seconds = build(recipe, seeds)
        points, deep = measure(files), store_lenet(seeds)
    runs, rows = [point for point in points if point["recipe"] == recipe.int8], curve(points)
    # Com VNNI, o int8 desta rede costuma vencer o float32 dela; sem VNNI, perder: serve-se o mais rápido *aqui*.
    served = max(rows, key=lambda row: row["speed_ratio_batch1"])
    result = {"winner": recipe.name, "runs": runs, "curve": rows, "served": served, "deep_compression": deep}
    result["cost"] = cost(seconds)
    headline = {
        "size_ratio": min(row["size_ratio"] for row in runs),
        "speed_ratio_batch1": min(row["speed_ratio_batch1"] for row in runs),
        "accuracy_drop_points": max(row["accuracy_drop_points"] for row in runs),
        "saving_percent": result["cost"]["saving_percent"],
        "storage_ratio": deep["storage_ratio"],
        "storage_drop_points": deep["accuracy_drop_points"],
    }
    return result | notebooks.judge(headline, GOALS)


def build(recipe, seeds):
    """`{(nome, semente): arquivo}`, a original inclusive, e os segundos que levou a última semente."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    teacher, (images, _) = networks.torch_network(), train.to_tensors("train")
    files = {ORIGINAL: MODEL}
    for seed in seeds:
        start = perf_counter()
        material = compress.lessons(teacher, images, seed=seed)
        pair = compress.build(teacher, material, recipe, seed=seed, folder=FOLDER)
        files |= {(name, seed): path for name, path in zip((recipe.name, recipe.int8), pair)}
        seconds = perf_counter() - start
    return files, seconds


def measure(files):
    """Um ponto (dict) por arquivo: tamanho, velocidade e o que perdeu nas mesmas imagens, diante do original."""
    random, speeds = np.random.default_rng(0), []
    for batch, rounds in ((1, 300), (32, 40)):
        images = random.random((batch, 1, 28, 28), np.float32)
        calls = {name: partial(Predictor(path).infer, images) for name, path in files.items()}
        speeds.append(latency.compare(calls, rounds=rounds))
    whole = {split: compress.hits(MODEL, split).astype(float) for split in ("validation", "test")}
    points = []
    for name, path in files.items():
        lost = {split: 100 * (right - compress.hits(path, split)) for split, right in whole.items()}
        ratios = [MODEL.stat().st_size / path.stat().st_size]
        ratios += [speed[ORIGINAL].median / speed[name].median for speed in speeds]
        point = {"recipe": name[0], "seed": name[1]} | dict(zip(RATIOS, ratios))
        point["validation_drop_points"] = round(float(lost["validation"].mean()), 2)
        point["accuracy_drop_points"] = round(float(lost["test"].mean()), 2)
        points.append(point | {"ci95_points": interval(lost["test"])})
    return points


def interval(differences, draws=10_000):
    """Intervalo de 95 % da média, por bootstrap das diferenças imagem a imagem (pareado): `[de, até]`."""
    random = np.random.default_rng(0)
    values, counts = np.unique(differences, return_counts=True)
    drawn = random.multinomial(len(differences), counts / len(differences), draws)
    return [round(float(value), 2) for value in np.percentile(drawn @ values / len(differences), [2.5, 97.5])]


def curve(points):
    """A original e a receita, sem e com int8: de cada uma, a mediana das sementes."""
    groups = {}
    for point in points:
        kept = {key: point[key] for key in ("recipe", *RATIOS, "validation_drop_points")}
        groups.setdefault(point["recipe"], []).append(kept)
    return [notebooks.middle(own) for own in groups.values()]


def store_lenet(seeds):
    """Deep Compression na LeNet-300-100: a pior razão, a perda média no teste e todas as medidas."""
    images, labels = train.to_tensors("train")
    rows = []
    for seed in seeds:
        base, _, data = deep_compression.compress_lenet(seed, images, labels)
        restored = deep_compression.restore(data, deep_compression.lenet(seed))
        dense = 4 * sum(parameter.numel() for parameter in base.parameters())
        before, after = (train.accuracy(network, *train.to_tensors("test")) for network in (base, restored))
        row = {"seed": seed, "storage_ratio": dense / len(data), "base_accuracy": before, "accuracy": after}
        rows.append(row | {"accuracy_drop_points": round(100 * (before - after), 2)})
    ratio = min(row["storage_ratio"] for row in rows)
    lost = sum(row["accuracy_drop_points"] for row in rows) / len(rows)
    return {"storage_ratio": ratio, "accuracy_drop_points": lost, "paper": PAPER, "runs": rows}


def cost(tuning_s):
    """O que o endpoint mostrou, o preço do milhão e o que custaram os `tuning_s` de treino, num núcleo."""
    typical = notebooks.middle(notebooks.measure(ENDPOINT, MEASURES))
    price = prices.load(warn=lambda message: None)[PRICE]
    tuning, million = price.price / CORES * tuning_s / 3600, {}
    for name, rate in typical["requests_per_core_second"].items():
        million[name] = prices.per_million(price.price, CORES * rate, UTILISATION)
    source = {"usd_per_hour": price.price, "date": str(price.date), "source": price.source}
    return typical | {
        "usd_per_million": million,
        "price": {"item": price.item} | source,
        "utilisation": UTILISATION,
        "tuning_seconds": tuning_s,
        "tuning_usd": tuning,
        "requests_that_pay_it": 1e6 * tuning / (million["original"] - million["pequeno"]),
    }


def text(result):
    """O resultado como texto: cada semente, com o que perdeu no teste e o intervalo; e a carga no endpoint."""
    lines = ["uma thread; vezes menor, mais rápida com 1 e com 32 imagens; pontos perdidos no teste, com os 95 %"]
    for row in result["runs"]:
        ratios = "  ".join(times(row[key]) for key in RATIOS)
        lost = f"{br(row['accuracy_drop_points'])} [{'; '.join(map(br, row['ci95_points']))}]"
        lines.append(f"{row['recipe']}, semente {row['seed']}:  {ratios}  {lost}")
    lines.append(f"A servir nesta máquina: {result['served']['recipe']}")
    return "\n".join([*lines, "", result["cost"]["table"]])
