"""A aula inteira sem navegador: executa os notebooks, mede tempo e memória, mostra o passaporte.

`python -m course_utils run` executa todos; `run 01 02`, só esses; `run 01 --save` também grava as saídas,
normalizadas, no próprio notebook (é assim que um notebook alterado volta ao repositório).
"""

import argparse
import os
import sys
import time
from dataclasses import dataclass

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from tqdm import tqdm

from course_utils.classroom import passport
from course_utils.measure.memory import PeakMemory
from course_utils.model import artifacts

FOLDER = artifacts.ROOT / "notebooks"
CELL_TIMEOUT_S = 300
METADATA = {
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
LIVE_PAGE = "[Página ao vivo: rode esta célula para vê-la aqui.]"


@dataclass(frozen=True)
class Run:
    """O que custou executar um notebook: segundos e o pico de memória (bytes) do kernel e do que ele iniciou."""

    notebook: str
    seconds: float
    peak_bytes: int


def find_notebooks(prefixes=()):
    """Os notebooks em ordem (lista de Path); com `prefixes`, só os que começam por um deles."""
    found = sorted(FOLDER.glob("*.ipynb"))
    return [path for path in found if not prefixes or path.name.startswith(tuple(prefixes))]


def execute(path, *, repeat=1):
    """Executa o notebook `repeat` vezes no mesmo kernel, com barra de progresso; devolve `(notebook, Run)`.

    As barras de progresso dos próprios notebooks ficam desligadas, para que as saídas se repitam.
    Levanta `CellExecutionError` se uma célula falha.
    """
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(
        notebook,
        timeout=CELL_TIMEOUT_S,
        kernel_name="python3",
        extra_arguments=["--IPKernelApp.log_level=ERROR"],
        resources={"metadata": {"path": str(path.parent)}},
    )
    code = [index for index, cell in enumerate(notebook.cells) if cell.cell_type == "code"]
    start = time.perf_counter()
    with (
        client.setup_kernel(env=os.environ | {"TQDM_DISABLE": "1"}),
        PeakMemory(client.km.provisioner.pid) as memory,
        tqdm(total=repeat * len(code), desc=path.stem, unit="célula") as bar,
    ):
        for _ in range(repeat):
            for number, index in enumerate(code, start=1):
                client.execute_cell(notebook.cells[index], index, execution_count=number)
                bar.update()
    return notebook, Run(path.stem, time.perf_counter() - start, memory.peak)


def normalise(notebook):
    """Deixa o notebook como ele é guardado: sem datas, widgets, endereços nem páginas vivas; contagem 1, 2, 3…"""
    notebook.metadata = nbformat.from_dict(METADATA)
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    executed = 0
    for cell in notebook.cells:
        cell.metadata = nbformat.from_dict({k: v for k, v in cell.metadata.items() if k in ("tags", "slideshow")})
        if cell.cell_type != "code":
            continue
        executed += 1
        cell.execution_count = executed
        kept = [_normalise_output(output, executed) for output in cell.outputs if _is_kept(output)]
        cell.outputs = _join_streams(kept)
    return notebook


def _is_kept(output):
    """Widgets não sobrevivem ao kernel: não são guardados."""
    return "application/vnd.jupyter.widget-view+json" not in output.get("data", {})


def _join_streams(outputs):
    """Junta os pedaços seguidos de um mesmo fluxo: onde ele se parte depende só do relógio."""
    joined = []
    for output in outputs:
        if joined and output.output_type == "stream" and joined[-1].get("name") == output.name:
            joined[-1].text += output.text
        else:
            joined.append(output)
    return joined


def _normalise_output(output, executed):
    """Uma saída sem metadados voláteis; uma página servida por um processo que já acabou vira uma frase."""
    if "execution_count" in output:
        output.execution_count = executed
    if "metadata" in output:
        output.metadata = nbformat.from_dict({})
    if "<iframe" in output.get("data", {}).get("text/html", ""):
        output.data = nbformat.from_dict({"text/plain": LIVE_PAGE})
    return output


def report(runs):
    """Tabela de texto: minutos e pico de memória de cada notebook e o total."""
    width = max(len(run.notebook) for run in runs)
    rows = [f"{run.notebook:{width}}  {run.seconds:6.1f} s  {run.peak_bytes / 1e6:7.0f} MB" for run in runs]
    total = f"{'total':{width}}  {sum(run.seconds for run in runs):6.1f} s"
    return "\n".join([f"{'notebook':{width}}     tempo   pico de memória", *rows, total])


def main(arguments=None):
    """Executa os notebooks pedidos; devolve 0, ou 1 se algum falhou."""
    parser = argparse.ArgumentParser(prog="python -m course_utils run", description=__doc__.splitlines()[0])
    parser.add_argument("notebooks", nargs="*", help="começo do nome dos notebooks (padrão: todos)")
    parser.add_argument("--save", action="store_true", help="grava as saídas normalizadas nos notebooks")
    options = parser.parse_args(arguments)
    paths = find_notebooks(options.notebooks)
    if not paths:
        parser.error(f"nenhum notebook começa por {' ou '.join(options.notebooks)}")
    runs = []
    for path in paths:
        try:
            notebook, run = execute(path)
        except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
            print(f"O notebook {path.name} parou:\n{error}", file=sys.stderr)
            return 1
        if options.save:
            nbformat.write(normalise(notebook), path)
        runs.append(run)
    print(f"\n{report(runs)}\n\n{passport.text(passport.read())}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
