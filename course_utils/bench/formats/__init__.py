"""Banco de prova dos formatos: a mesma rede em cada um; bytes, carga, inferência e fidelidade ao original.

Um processo só, à parte, tem todas as bibliotecas (uma thread em cada) e intercala as chamadas; quando ele termina,
vai com ele a memória que os frameworks ocupam.
"""

import json
import os
import subprocess
import sys
import tempfile

from tqdm import tqdm

from course_utils.bench import goals
from course_utils.measure.latency import number
from course_utils.model import artifacts

BASE = "ONNX float32"
FOLDER = artifacts.ARTIFACTS / "bench" / "formats"
WORKER = "course_utils.bench.formats.worker"
STEPS = 13  # os formatos gravados e as medidas que `worker` anuncia
ROUNDS = 10, 200, 30  # cargas, lotes de 1 e lotes de 32


class WorkerError(RuntimeError):
    """O processo que mede falhou; a mensagem diz em quê."""


def run(rounds=ROUNDS):
    """Mede tudo; devolve um dicionário pronto para JSON."""
    formats = work([str(count) for count in rounds])
    named = {row["name"]: row for row in formats}
    base, small, torch = named[BASE], named["ONNX int8"], named["PyTorch, safetensors"]
    alike = [row for row in formats if row["agreement_percent"] is not None and not row["apart"]]
    exact, reduced = ([row for row in alike if row["reduced"] is kind] for kind in (False, True))
    values = {
        "onnx_over_torch": 1 / torch["batch1"]["ratio"],
        "int8_size": base["bytes"] / small["bytes"],
        "int8_speed": small["batch1"]["ratio"],
        "float32_agreement": min(row["agreement_percent"] for row in exact),
        "reduced_agreement": min(row["agreement_percent"] for row in reduced),
        "float32_difference": max(row["max_difference"] for row in exact),
    }
    return {"threads": 1, "formats": formats} | goals.judge(values, goals.FORMATS)


def work(arguments):
    """Inicia o processo que mede, move a barra a cada passo que ele anuncia e devolve as linhas dos formatos."""
    command = [sys.executable, "-m", WORKER, str(FOLDER), *arguments]
    environment = os.environ | {"TQDM_DISABLE": "1", "PYTHONUTF8": "1"}
    with tempfile.TemporaryFile() as errors:
        with (
            subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors, encoding="utf-8",
                cwd=artifacts.ROOT, env=environment,
            ) as process,
            tqdm(total=STEPS, unit="passo", leave=False) as bar,
        ):  # fmt: skip
            try:
                answer = _follow(process.stdout, bar)
            finally:
                process.kill()  # quem interrompe o banco interrompe a medida
        errors.seek(0)
        return check(answer, errors.read().decode(errors="replace"))


def check(answer, errors):
    """As linhas dos formatos; levanta `WorkerError` com o que o processo disse, ou com o fim do que escreveu."""
    if answer is None or "error" in answer:
        told = (answer or {}).get("error") or " ".join(errors.strip().splitlines()[-1:])
        raise WorkerError(told or "o processo que mede terminou sem dizer nada")
    return answer["formats"]


def _follow(lines, bar):
    """Lê o que o processo conta, uma linha JSON por vez, até o resultado; None se ele acaba antes."""
    for line in lines:
        if not line.startswith("{"):
            continue  # alguma biblioteca falou na saída
        news = json.loads(line)
        if "step" not in news:
            return news
        bar.set_description(news["step"])
        bar.update()
    return None


def text(result):
    """O resultado como tabela de texto."""
    first = next(row for row in result["formats"] if row["name"] == BASE)
    counts = "; ".join(
        f"n = {first[key]['n']} {what}"
        for key, what in (("load", "cargas"), ("batch1", "de uma imagem"), ("batch32", "de 32 imagens"))
    )
    width = max(len(row["name"]) for row in result["formats"])
    blank = " " * width
    lines = [
        f"{result['machine']}; {result['threads']} thread; um processo, rodadas intercaladas; {counts}",
        f"velocidade em relação a {BASE}: mais de 1 é mais rápido; a carga confere o SHA-256 e supõe as "
        "bibliotecas já importadas; uma chamada de cada vez, e cada uma acha o cache com os pesos das outras",
        "",
        f"{blank}         kB        carga (ms)        uma imagem (ms)          32 imagens (ms)  diferença   mesmo",
        f"{blank}             mediana      p95  mediana    p95  razão  mediana     p95  razão     máxima  dígito",
    ]
    lines += [_line(row, width) for row in result["formats"]]
    return "\n".join([*lines, "", "TF.js: só o tamanho; quem o mede é o navegador (notebook 05)."])


def _line(row, width):
    load, one, many = ({} if row[key] is None else row[key] for key in ("load", "batch1", "batch32"))
    difference = "–" if row["max_difference"] is None else f"{row['max_difference']:.1e}".replace(".", ",")
    cells = [
        f"{row['name']:{width}}",
        number(row["bytes"] / 1e3, 9, 0),
        number(load.get("median"), 7, 1),
        number(load.get("p95"), 7, 1),
    ]
    for item, size in ((one, 7), (many, 7)):
        cells += [number(item.get("median"), size, 2), number(item.get("p95"), size - 1, 2)]
        cells.append(number(item.get("ratio"), 5, 2) + ("×" if item else " "))
    agreement = number(row["agreement_percent"], 5, 1) + (" %" if one else "")
    return "  ".join([*cells, f"{difference:>9}", agreement])
