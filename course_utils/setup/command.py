"""Roda um módulo do curso como comando: Ctrl-C, disco cheio ou arquivo estragado viram uma frase.

`python -m course_utils.setup.command course_utils.lesson 01` é o mesmo que `python -m course_utils.lesson 01`,
menos o traceback que não ajuda o aluno; um erro que ninguém previu aparece inteiro. Só biblioteca padrão.
"""

from __future__ import annotations

import runpy
import sys

from course_utils import files

INTERRUPTED = 130  # o código de saída de quem recebeu um Ctrl-C


def explain(problem: BaseException) -> str | None:
    """O problema numa frase, com o que fazer; None se não é dos que o aluno pode resolver."""
    if isinstance(problem, OSError) and problem.errno in files.REASONS:
        return f"Não consegui gravar {problem.filename or 'no disco'} {files.explain(problem)} e rode de novo."
    # Os erros do próprio curso já nascem como frase.
    return str(problem) if type(problem).__module__.startswith("course_utils.") else None


def main(arguments: list[str]) -> int:
    """Roda o módulo `arguments[0]` com os outros argumentos; devolve o código de saída."""
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="replace")  # página de código antiga: um sinal vira "?", nunca um erro
    sys.argv = arguments
    try:
        runpy.run_module(arguments[0], run_name="__main__", alter_sys=True)
    except KeyboardInterrupt:
        return INTERRUPTED  # a frase é de quem nos iniciou
    except Exception as problem:
        sentence = explain(problem)
        if sentence is None:
            raise
        print(sentence, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
