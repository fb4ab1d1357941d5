"""A manchete da aula, em três sementes: tamanho, velocidade, acurácia e custo da rede podada e quantizada.

Treina a receita publicada em `model/compress.py` e a compara, sem e com int8, com a original. Nada se escolhe pelo
teste: a receita vem pronta. O custo é o que o notebook 09 mede no endpoint.
"""

import os
from functools import partial
from time import perf_counter

import numpy as np

from course_utils.bench import notebooks
from course_utils.measure import latency, prices
from course_utils.measure.numbers import br, times
from course_utils.model import artifacts, compress, deep_compression, train
from course_utils.model.predictor import MODEL, Predictor

FOLDER = artifacts.ARTIFACTS / "bench" / "optimization"
RATIOS = ("size_ratio", "speed_ratio_batch1", "speed_ratio_batch32")
CURVE = ("recipe", *RATIOS, "validation_drop_points")
PAPER = "Han, Mao e Dally (2015), tabela 1, LeNet-300-100: 40×"
ENDPOINT = "09_poda"  # serve a original e a publicada, cada uma num núcleo, sob a mesma carga
OF_BOTH = '{{name: item.{} for name, item in zip(("original", "pequeno"), loads.values())}}'
MEASURES = {
    "saving_percent": "saving",
    "requests_per_second": OF_BOTH.format("requests_per_second"),
    "requests_per_core_second": OF_BOTH.format("requests_per_core_second"),
    "errors": OF_BOTH.format("failed"),
    "table": "load.report(loads)",
}
PRICE, CORES, UTILISATION = "vertex_n1_standard_2", 2, 0.3  # um x86, como a máquina em que se mede


def run():
    """Treina uma rede por semente e mede; devolve um dicionário pronto para o JSON. Promete-se a pior semente."""
    recipe = compress.PUBLISHED
    points, tuning_s = study(recipe, train.to_tensors("train")[0])
    runs, deep, bill = [row for row in points if row["recipe"] == recipe.int8], store_lenet(), cost(tuning_s)
    curve = []  # a original e a receita, sem e com int8: de cada uma, a mediana das sementes
    for name in dict.fromkeys(row["recipe"] for row in points):
        kept = [{key: row[key] for key in CURVE} for row in points if row["recipe"] == name]
        curve.append(notebooks.middle(kept))
    # Com VNNI, o int8 desta rede costuma vencer o float32 dela; sem VNNI, perder: serve-se o mais rápido *aqui*.
    served = max(curve, key=lambda row: row["speed_ratio_batch1"])
    values = {
        "size_ratio": min(row["size_ratio"] for row in runs),
        "speed_ratio_batch1": min(row["speed_ratio_batch1"] for row in runs),
        "accuracy_drop_points": max(row["accuracy_drop_points"] for row in runs),
        "saving_percent": bill["saving_percent"],
        "storage_ratio": deep["storage_ratio"],
        "storage_drop_points": deep["accuracy_drop_points"],
    }
    result = {"winner": recipe.name, "runs": runs, "curve": curve, "served": served, "deep_compression": deep}
    return result | {"cost": bill, "values": values, "text": text(runs, served, bill)}


def study(recipe, images, seeds=compress.SEEDS):
    """Treina e mede: um ponto (dict) por arquivo, a original antes, e os segundos que levou a última semente.

    Um ponto: tamanho, velocidade com 1 e com 32 imagens e o que se perdeu nas mesmas imagens, diante da original.
    """
    FOLDER.mkdir(parents=True, exist_ok=True)
    files = {("original", None): MODEL}
    for seed in seeds:
        start = perf_counter()
        pair = compress.build(recipe, images, seed=seed, folder=FOLDER)
        files |= {(name, seed): path for name, path in zip((recipe.name, recipe.int8), pair)}
        tuning_s = perf_counter() - start
    random, speeds = np.random.default_rng(0), []
    for batch, rounds in ((1, 300), (32, 40)):
        sample = random.random((batch, 1, 28, 28), np.float32)
        calls = {name: partial(Predictor(path).infer, sample) for name, path in files.items()}
        found = latency.compare(calls, rounds=rounds)
        speeds.append({name: found["original", None].median / item.median for name, item in found.items()})
    whole = {split: compress.hits(MODEL, split).astype(float) for split in ("validation", "test")}
    points = []
    for (name, seed), path in files.items():
        lost = {split: 100 * (right - compress.hits(path, split)) for split, right in whole.items()}
        ratios = [MODEL.stat().st_size / path.stat().st_size, *(speed[name, seed] for speed in speeds)]
        point = {"recipe": name, "seed": seed} | dict(zip(RATIOS, ratios))
        point["validation_drop_points"] = round(float(lost["validation"].mean()), 2)
        point["accuracy_drop_points"] = round(float(lost["test"].mean()), 2)
        points.append(point | {"ci95_points": interval(lost["test"])})
    return points, tuning_s


def interval(differences, draws=10_000):
    """Intervalo de 95 % da média, por bootstrap das diferenças imagem a imagem (pareado): `[de, até]`."""
    random = np.random.default_rng(0)
    values, counts = np.unique(differences, return_counts=True)
    drawn = random.multinomial(len(differences), counts / len(differences), draws)
    return [round(float(value), 2) for value in np.percentile(drawn @ values / len(differences), [2.5, 97.5])]


def store_lenet():
    """Deep Compression na LeNet-300-100: a pior razão, a perda média no teste e todas as medidas."""
    rows = []
    for seed in compress.SEEDS:
        base, _, data = deep_compression.compress_lenet(seed, *train.to_tensors("train"))
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
    price = prices.load()[PRICE]
    tuning, million = price.price / CORES * tuning_s / 3600, {}
    for name, rate in typical["requests_per_core_second"].items():
        million[name] = prices.per_million(price.price, CORES * rate, UTILISATION)
    source = {"item": price.item, "usd_per_hour": price.price, "date": str(price.date), "source": price.source}
    return typical | {
        "one_core": hasattr(os, "sched_setaffinity"),  # o que `Server.pin` pede ao sistema
        "usd_per_million": million,
        "price": source,
        "utilisation": UTILISATION,
        "tuning_seconds": tuning_s,
        "tuning_usd": tuning,
        "requests_that_pay_it": 1e6 * tuning / (million["original"] - million["pequeno"]),
    }


def text(runs, served, bill):
    """Cada semente, com o que perdeu no teste e o intervalo; e a carga no endpoint."""
    lines = ["uma thread; vezes menor, mais rápida com 1 e com 32 imagens; pontos perdidos no teste, com os 95 %"]
    for row in runs:
        ratios = "  ".join(times(row[key]) for key in RATIOS)
        lost = f"{br(row['accuracy_drop_points'])} [{'; '.join(map(br, row['ci95_points']))}]"
        lines.append(f"{row['recipe']}, semente {row['seed']}:  {ratios}  {lost}")
    return "\n".join([*lines, f"A servir nesta máquina: {served['recipe']}", "", bill["table"]])
