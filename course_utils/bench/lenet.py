"""A parte de armazenamento do banco de otimização: Deep Compression na LeNet-300-100, em várias sementes."""

from course_utils.model import deep_compression, train

PAPER = "Han, Mao e Dally (2015), tabela 1, LeNet-300-100: 40×"


def run(seeds):
    """Comprime uma LeNet por semente; devolve a pior razão, a perda média no teste e todas as medidas."""
    images, labels = train.to_tensors("train")
    rows = []
    for seed in seeds:
        base, _, data = deep_compression.compress_lenet(seed, images, labels)
        restored = deep_compression.restore(data, deep_compression.lenet(seed))
        dense = 4 * sum(parameter.numel() for parameter in base.parameters())
        before, after = (train.accuracy(network, *train.to_tensors("test")) for network in (base, restored))
        row = {"seed": seed, "storage_ratio": dense / len(data), "base_accuracy": before, "accuracy": after}
        rows.append(row | {"accuracy_drop_points": round(100 * (before - after), 2)})
    return {
        "storage_ratio": min(row["storage_ratio"] for row in rows),
        "accuracy_drop_points": sum(row["accuracy_drop_points"] for row in rows) / len(rows),
        "paper": PAPER,
        "runs": rows,
    }
