"""Os notebooks que medem, executados `RUNS` vezes: o que eles carimbam e as contas que a tabela do README pede."""

import json
from statistics import median

from course_utils import lesson
from course_utils.classroom import passport

RUNS = 3
# notebook: {medida: a conta, com os nomes que as células dele deixam}
MEASURES = {
    "08_quantizacao": {
        "int8_size": 'smaller["estática"]',
        "int8_speed": 'faster["estática"]',
    },
    "laboratorios/02_conversoes": {
        "onnx_over_torch": 'medians["PyTorch (eager)"] / medians["ONNX Runtime"]',
        "float32_agreement": "100 * min("
        "(logits.argmax(axis=1) == reference.argmax(axis=1)).mean() for logits in roads.values())",
    },
    "laboratorios/05_litert_e_aparelhos": {
        "reduced_agreement": '100 * min((read == answers["float32"]).mean() for read in answers.values())',
    },
}
# A célula que o executor acrescenta no fim: a cada volta, junta o carimbo e as contas; escreve tudo numa linha.
COLLECT = """
import json

collected = globals().get("collected", []) + [{{"stamp": measures | verdicts, {pairs}}}]
print(json.dumps(collected, default=float))
"""


def run():
    """Executa os notebooks de `MEASURES`; devolve um dicionário pronto para o JSON."""
    runs = {name: measure(name, measures) for name, measures in MEASURES.items()}
    values = {key: middle(runs[name])[key] for name, measures in MEASURES.items() for key in measures}
    return {"runs": runs, "values": values, "text": text(runs)}


def measure(name, measures, runs=RUNS):
    """Executa o notebook `name` `runs` vezes; devolve, de cada uma, `{"stamp": o carimbo, medida: valor, …}`."""
    (path,) = lesson.find_notebooks([name])
    pairs = ", ".join(f"{json.dumps(key)}: {code}" for key, code in measures.items())
    notebook, _ = lesson.execute(path, repeat=runs, last=COLLECT.format(pairs=pairs))
    told = "".join(output.text for output in notebook.cells[-1].outputs if output.output_type == "stream")
    return json.loads(told.splitlines()[-1])


def middle(runs):
    """O que representa várias voltas: a mediana dos números, também nos dicionários; do resto, a última."""
    if isinstance(runs[0], dict):
        return {key: middle([run[key] for run in runs]) for key in runs[0]}
    numeric = isinstance(runs[0], int | float) and not isinstance(runs[0], bool)
    return median(runs) if numeric else runs[-1]


def text(runs):
    """O que cada notebook carimbou (`{nome: voltas}`), como o passaporte o mostra, e o que variou entre elas."""
    stamps = {}
    for name, turns in runs.items():
        stamps[name] = {key: spread([turn["stamp"][key] for turn in turns]) for key in turns[0]["stamp"]}
    return passport.text(stamps)


def spread(values):
    """De números, a mediana, do menor ao maior; de vereditos, quantas vezes cada um saiu (str)."""
    if isinstance(values[0], str):
        return "; ".join(f"{value}, {values.count(value)} de {len(values)}" for value in dict.fromkeys(values))
    low, typical, high = (passport.shown(float(value)) for value in (min(values), median(values), max(values)))
    return f"{typical} (de {low} a {high}; n = {len(values)})"
