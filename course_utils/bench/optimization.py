"""Banco de prova da otimização: tamanho, velocidade, acurácia e custo do modelo podado e quantizado.

A receita vencedora é escolhida na validação; o teste é lido uma vez, no fim, só para ela e o original.
"""

from course_utils.bench import candidates, cost, goals, lenet
from course_utils.measure import latency
from course_utils.model import compress

SEEDS = (0, 1, 2)
RECIPES = [
    compress.Recipe((8, 16, 32, 32, 64)),  # o corte uniforme de 75 % do notebook 09
    compress.Recipe((8, 16, 32, 24, 40)),
    compress.FLOAT32,  # larguras múltiplas de 16, como os blocos do ONNX Runtime: corre também em float32
    compress.Recipe((4, 8, 16, 12, 24)),
]


def run(recipes=RECIPES, seeds=SEEDS):
    """Treina, mede e escolhe; devolve um dicionário pronto para JSON."""
    with compress.one_thread():
        files, seconds = candidates.build(recipes, seeds)
        points = candidates.measure(files)
        winner = candidates.choose(points, recipes)
        result = {
            "winner": winner.name,
            "runs": candidates.read_test([point for point in points if point["recipe"] == winner.int8], files),
            "curve": candidates.curve(points),
            "served": candidates.fastest(points),
            "deep_compression": lenet.run(seeds),
        }
    result["cost"] = cost.compare(files[winner.name, "int8", min(seeds)], seconds[winner.name])
    return result | goals.judge(_worst(result), goals.OPTIMIZATION)


def _worst(result):
    """O que se promete: cada medida na pior semente."""
    runs, deep = result["runs"], result["deep_compression"]
    return {
        "size_ratio": min(row["size_ratio"] for row in runs),
        "speed_ratio_batch1": min(row["speed_ratio_batch1"] for row in runs),
        "accuracy_drop_points": max(row["accuracy_drop_points"] for row in runs),
        "saving_percent": result["cost"]["saving_percent"],
        "storage_ratio": deep["storage_ratio"],
        "storage_drop_points": deep["accuracy_drop_points"],
    }


def text(result):
    """O resultado como tabelas de texto."""
    header = f"{'':34}  {'tamanho':>8}  {'lote 1':>7}  {'lote 32':>7}  perda"
    lines = [
        f"{result['machine']}; uma thread",
        "",
        "Na validação, média das sementes (* fronteira de Pareto)",
        header,
    ]
    for row in result["curve"]:
        lines.append(_row(row["recipe"], row, row["validation_drop_points"], " *" if row["pareto"] else ""))
    lines += ["", "A vencedora no teste: pontos perdidos e intervalo de 95 %", header]
    for row in result["runs"]:
        low, high = row["ci95_points"]
        name = f"{row['recipe']}, semente {row['seed']}"
        lines.append(_row(name, row, row["accuracy_drop_points"], f"  [{low:.1f}; {high:.1f}]"))
    without = next(row for row in result["curve"] if row["recipe"] == result["winner"])
    lines.append(_row("a mesma, sem int8", without, without["validation_drop_points"], ""))
    served = result["served"]
    speed, smaller = (f"{latency.number(served[key], 0, 1)}×" for key in ("speed_ratio_batch1", "size_ratio"))
    lines.append(f"A servir nesta máquina: {served['recipe']}, {speed} mais rápida e {smaller} menor")
    return "\n".join([*lines, "", result["cost"]["table"]])


def _row(name, row, drop, note):
    ratios = f"{row['size_ratio']:7.1f}×  {row['speed_ratio_batch1']:6.1f}×  {row['speed_ratio_batch32']:6.1f}×"
    return f"{name:34}  {ratios}  {drop:5.2f}{note}"
