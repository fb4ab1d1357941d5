"""A tabela de números do README, feita de data/bench.json: nela nada se digita.

O arquivo é uma lista de medidas: `{"measure", "value", "machine", "date", "source"}`. As que o comando mede,
`publish` renova uma a uma; as de outras máquinas se escrevem à mão, com a fonte, e ficam.
"""

import json
from operator import ge, le

from course_utils import files
from course_utils.measure.numbers import br

README = files.ROOT / "README.md"
FILE = files.DATA / "bench.json"
BEGIN, END = "<!-- números: início -->", "<!-- números: fim -->"
# medida: (o que se mede, a unidade, as casas decimais, o que a aula promete)
ROWS = {
    "onnx_over_torch": ("ONNX Runtime ÷ PyTorch, uma imagem", "×", 2, "–"),
    "int8_size": ("ONNX em int8: arquivo, vezes menor", "×", 1, "–"),
    "int8_speed": ("ONNX em int8: uma imagem, vezes mais rápido", "×", 1, "–"),
    "float32_agreement": ("mesmo dígito que o original, formatos em float32", " %", 1, "–"),
    "reduced_agreement": ("mesmo dígito que o original, o pior em 16 ou 8 bits", " %", 1, "–"),
    "fastapi_over_flask_dev": ("vazão: FastAPI ÷ Flask de desenvolvimento", "×", 2, "mais rápido"),
    "fastapi_over_flask_production": ("vazão: FastAPI ÷ Flask em produção", "×", 2, "mais rápido"),
    "batching_gain_32_clients": ("vazão: em lotes ÷ direto, 32 clientes", "×", 2, "–"),
    "over_bare_route_reference": ("vazão: o servidor do curso ÷ uma rota FastAPI nua", "×", 2, "–"),
    "over_bare_route_small": ("o mesmo, com o modelo pequeno", "×", 2, "–"),
    "size_ratio": ("receita completa: arquivo, vezes menor", "×", 1, "10×"),
    "speed_ratio_batch1": ("receita completa: uma imagem, vezes mais rápida", "×", 1, "5×"),
    "accuracy_drop_points": ("receita completa: acurácia perdida no teste", " ponto", 1, "–"),
    "saving_percent": ("receita completa: mais barato por milhão", " %", 0, "50 %"),
    "storage_ratio": ("Deep Compression na LeNet: arquivo, vezes menor", "×", 1, "–"),
    "storage_drop_points": ("Deep Compression na LeNet: acurácia perdida", " ponto", 2, "–"),
}
# As nossas metas, que não vão para a tabela: cada medida é no mínimo (`ge`) ou no máximo (`le`) isto.
GOALS = {
    "fastapi_over_flask_dev": (ge, 3),
    "fastapi_over_flask_production": (ge, 1.2),
    "batching_gain_32_clients": (ge, 3),
    "over_bare_route_reference": (ge, 0.9),
    "over_bare_route_small": (ge, 0.9),
    "overhead_ms_median": (le, 0.4),
    "ready_s": (le, 1.5),
    "memory_mb_per_process": (le, 150),
    "size_ratio": (ge, 40),
    "speed_ratio_batch1": (ge, 10),
    "accuracy_drop_points": (le, 0.5),
    "saving_percent": (ge, 75),
    "storage_ratio": (ge, 40),
    "storage_drop_points": (le, 0.5),
}


def judge(values):
    """`{"goals": {medida: meta}, "met": {medida: bool}}` das medidas de `values` que têm meta."""
    goals = {name: GOALS[name] for name in values if name in GOALS}
    met = {name: holds(values[name], limit) for name, (holds, limit) in goals.items()}
    return {"goals": {name: limit for name, (_, limit) in goals.items()}, "met": met}


def publish(parts):
    """Leva os resultados de `parts` (`{parte: resultado}`) a data/bench.json e refaz a tabela do README.

    Ficam as medidas que não se refizeram e as que se escreveram à mão.
    """
    fresh = []
    for result in parts.values():
        where = {"machine": "; ".join(result["described"][:3]), "date": result["date"]}
        where["source"] = f"`{result['command']}`"
        fresh += [{"measure": name, "value": value} | where for name, value in result["values"].items()]
    renewed = {record["measure"] for record in fresh}
    for record in json.loads(FILE.read_text(encoding="utf-8")):
        if record["measure"] not in renewed or not record["source"].startswith("`python -m course_utils bench"):
            fresh.append(record)
    files.write_text(FILE, json.dumps(fresh, ensure_ascii=False, indent=1) + "\n")
    files.write_text(README, replaced(README.read_text(encoding="utf-8"), fresh))
    print("Tabela do README refeita com os números de data/bench.json.")


def replaced(text, records):
    """`text` (o README) com a tabela nova entre as duas marcas."""
    before, rest = text.split(BEGIN)
    return f"{before}{BEGIN}\n\n{markdown(records)}\n\n{END}{rest.split(END)[1]}"


def markdown(records):
    """A tabela: a promessa da aula, o valor e, sob ela, em que máquinas, quando e como se mediu.

    A primeira máquina não leva marca; o valor de outra vem ao lado, com o número da nota dela.
    """
    machines = list(dict.fromkeys(record["machine"] for record in records))
    lines = ["| O que se mediu | A aula promete | Medido |", "|---|--:|--:|"]
    for measure, (label, unit, decimals, promise) in ROWS.items():
        values = []
        for record in records:
            if record["measure"] == measure:
                place = machines.index(record["machine"])
                values.append(br(record["value"], decimals) + unit + (f" em [{place}]" if place else ""))
        lines.append(f"| {label} | {promise} | {'; '.join(values)} |")
    for place, machine in enumerate(machines):
        own = [record for record in records if record["machine"] == machine]
        when = " e ".join(sorted({day(record["date"]) for record in own}))
        sources = ", ".join(dict.fromkeys(record["source"] for record in own))
        lines += ["", f"{f'[{place}]' if place else 'Sem marca:'} `{machine}`. {when}: {sources}."]
    return "\n".join(lines)


def day(date):
    """`"2026-11-23T14:05+00:00"` → `"23/11/2026"`; um mês só (`"2026-11"`) → `"11/2026"`."""
    return "/".join(reversed(date[:10].split("-")))
