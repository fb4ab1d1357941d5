"""A aula inteira sem navegador: executa os notebooks, mede tempo e memória, mostra o passaporte.

`python -m course_utils run` executa os da aula; `run 01 02`, só esses; um laboratório se pede pela pasta, como em
`run laboratorios/vigiar`. `run 01 --save` também grava as saídas, normalizadas, no próprio notebook (é assim que
um notebook alterado volta ao repositório).
"""

import argparse
import logging
import os
import sys
import time

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from tqdm import tqdm

from course_utils import files, slides
from course_utils.classroom import lesson_clock, passport
from course_utils.measure.memory import PeakMemory
from course_utils.measure.numbers import br

FOLDER = files.ROOT / "notebooks"
LABS = "laboratorios/"
CELL_TIMEOUT_S = 300
METADATA = {
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
LIVE_PAGE = "[Página ao vivo: rode esta célula para vê-la aqui.]"
PERSONAL = "[O seu progresso: rode esta célula para vê-lo aqui.]\n"


def find_notebooks(prefixes=()):
    """Os notebooks da aula, em ordem (lista de Path); com `prefixes`, e os laboratórios, os que começam assim."""
    if not prefixes:
        return sorted(FOLDER.glob("*.ipynb"))
    found = sorted([*FOLDER.glob("*.ipynb"), *(FOLDER / LABS).glob("*.ipynb")])
    return [path for path in found if name_of(path).startswith(tuple(prefixes))]


def name_of(path):
    """O nome de um notebook a partir de notebooks/: "02_onnx", "laboratorios/02_conversoes" (str)."""
    return path.relative_to(FOLDER).with_suffix("").as_posix()


def choose(parser, arguments):
    """Lê a linha de comando com os começos de nome dos notebooks; devolve `(caminhos, opções)` ou encerra."""
    parser.add_argument("notebooks", nargs="*", help="começo do nome dos notebooks (padrão: os da aula)")
    options = parser.parse_args(arguments)
    paths = find_notebooks(options.notebooks)
    if not paths:
        parser.error(f"nenhum notebook começa por {' ou '.join(options.notebooks)}")
    return paths, options


def execute(path, *, repeat=1, last=None):
    """Executa o notebook `repeat` vezes no mesmo kernel, com barra de progresso.

    Devolve `(notebook, (nome, segundos, pico de memória com o que ele iniciou, em bytes))`.

    `last`: o código de uma célula a mais, no fim. As barras de progresso dos próprios notebooks não aparecem: não
    entram nas saídas guardadas. O que o kernel escreve fora das células fica em artifacts/logs/kernel.log.
    Levanta `CellExecutionError` se uma célula falha.
    """
    # Um Ctrl-C mata o kernel no meio de uma célula: a tarefa que a esperava não tem mais a quem contar.
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)
    notebook = nbformat.read(path, as_version=4)
    if last:
        notebook.cells.append(nbformat.v4.new_code_cell(last))
    client = NotebookClient(
        notebook,
        timeout=CELL_TIMEOUT_S,
        kernel_name="python3",
        extra_arguments=["--IPKernelApp.log_level=ERROR"],
        resources={"metadata": {"path": str(path.parent)}},
    )
    code = [(index, cell) for index, cell in enumerate(notebook.cells) if cell.cell_type == "code"]
    log = files.ARTIFACTS / "logs/kernel.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    start = time.perf_counter()
    with (
        log.open("ab") as errors,
        client.setup_kernel(env=os.environ | {"TQDM_DISABLE": "1", lesson_clock.HEADLESS: "1"}, stderr=errors),
        PeakMemory(client.km.provisioner.pid) as memory,
        tqdm(total=repeat * len(code), desc=path.stem, unit="célula") as bar,
    ):
        for index, cell in repeat * code:
            client.execute_cell(cell, index)
            bar.update()
    return notebook, (path.stem, time.perf_counter() - start, memory.peak)


def normalise(notebook):
    """Deixa o notebook como ele é guardado: sem datas, widgets, endereços nem páginas vivas; contagem 1, 2, 3…

    Uma célula com a etiqueta `personal` mostra o que é de quem a roda: guarda-se só um convite. O código de uma
    com a etiqueta `plumbing` fica recolhido; a saída de uma que responde a um Preveja, também, até que ela rode.
    """
    notebook.metadata = nbformat.from_dict(METADATA)
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    for cell in notebook.cells:
        kept = {"tags": cell.metadata.tags} if "tags" in cell.metadata else {}
        if "plumbing" in kept.get("tags", []):
            kept["jupyter"] = {"source_hidden": True}
        if cell.cell_type == "code" and ".compare(" in cell.source and "guess" in cell.source:
            kept.setdefault("jupyter", {})["outputs_hidden"] = True
        cell.metadata = nbformat.from_dict(kept)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    for number, cell in enumerate(code, start=1):
        cell.execution_count = number
        if "personal" in cell.metadata.get("tags", []):
            cell.outputs = [nbformat.v4.new_output("stream", text=PERSONAL)]
        else:
            cell.outputs = _stored(cell.outputs, number)
    return slides.mark(notebook)


def _stored(outputs, number):
    """As saídas como se guardam: sem metadados voláteis; os pedaços de um fluxo, que só o relógio partiu, juntos.

    Widgets não sobrevivem ao kernel, nem o lugar de uma barra que já sumiu: não se guardam. Uma página servida por
    um processo que já acabou vira uma frase.
    """
    kept = []
    for output in outputs:
        data = output.get("data", {})
        if "application/vnd.jupyter.widget-view+json" in data or data == {"text/plain": ""}:
            continue
        if kept and output.output_type == "stream" and kept[-1].get("name") == output.name:
            kept[-1].text += output.text
            continue
        if "execution_count" in output:
            output.execution_count = number
        if "metadata" in output:
            output.metadata = nbformat.from_dict({})
        if "<iframe" in data.get("text/html", ""):
            output.data = nbformat.from_dict({"text/plain": LIVE_PAGE})
        kept.append(output)
    return kept


def table(runs):
    """Tabela de texto: tempo e pico de memória de cada notebook, e o tempo total; `runs` vêm de `execute`."""
    width = max(len(name) for name, *_ in runs)
    lines = [f"{'notebook':{width}}     tempo  pico de memória"]
    lines += [f"{name:{width}}  {br(seconds):>6} s  {peak / 1e6:12.0f} MB" for name, seconds, peak in runs]
    total = br(sum(seconds for _, seconds, _ in runs))
    return "\n".join([*lines, f"{'total':{width}}  {total:>6} s"])


def main(arguments=None):
    """Executa os notebooks pedidos; devolve 0, ou 1 se algum falhou."""
    parser = argparse.ArgumentParser(prog="python -m course_utils run", description=__doc__.splitlines()[0])
    parser.add_argument("--save", action="store_true", help="grava as saídas normalizadas nos notebooks")
    paths, options = choose(parser, arguments)
    runs = []
    for path in paths:
        try:
            notebook, run = execute(path)
        except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
            print(f"O notebook {path.name} parou:\n{error}", file=sys.stderr)
            return 1
        if options.save:
            files.write_text(path, nbformat.writes(normalise(notebook)) + "\n")
        runs.append(run)
    print(f"\n{table(runs)}\n\n{passport.text(passport.read())}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
