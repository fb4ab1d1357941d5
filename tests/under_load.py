"""A suíte rápida numa máquina ocupada: `python tests/under_load.py [vezes] [laços] [opções do pytest]`.

Sem argumentos, três vezes, com quatro laços que não param ao lado, tudo na menor prioridade (nice 19): é como o
aluno a roda, com o navegador, o antivírus e a videochamada abertos. Leva de meia hora a uma hora e meia.
"""

import multiprocessing
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def spin():
    while True:
        pass


def main(times=3, loops=4, *options):
    """Devolve 0 se a suíte passou em todas as vezes."""
    if hasattr(os, "nice"):
        os.nice(19)  # os laços e os testes herdam
    busy = [multiprocessing.Process(target=spin, daemon=True) for _ in range(int(loops))]
    for loop in busy:
        loop.start()
    codes = []
    for number in range(1, int(times) + 1):
        codes.append(subprocess.run([sys.executable, "-m", "pytest", *options], cwd=ROOT).returncode)
        verdict = f"falhou (código {codes[-1]})" if codes[-1] else "passou"
        print(f"== {number} de {times}, com {loops} laços ao lado: {verdict} ==", flush=True)
    return int(any(codes))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
