# -*- coding: utf-8 -*-
"""Os comandos do curso: ``python -m course_utils [comando]``.

Qualquer Python, até o 2.7, precisa conseguir ler este arquivo para chegar à frase que diz qual versão serve;
por isso não há aqui sintaxe nova, e o resto só é importado depois dessa conferência.
"""

from __future__ import print_function

import os
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
FIRST_NOTEBOOK = "notebooks/00_a_ponte.ipynb"
# nome do extra: o notebook dele (setup/lock.py diz o que ele instala)
EXTRA_NOTEBOOKS = {
    "ray": "notebooks/laboratorios/alem_de_uma_maquina.ipynb",
    "llm": "notebooks/laboratorios/modelo_de_linguagem.ipynb",
}
OLDEST, NEWEST = (3, 11), (3, 13)

# Só ASCII: um Python antigo, num terminal antigo, também precisa conseguir escrever esta frase.
WRONG_PYTHON = (
    "Este comando rodou com o Python %d.%d, mas o curso precisa do 3.11, 3.12 ou 3.13: "
    "instale um deles e rode de novo, por exemplo com: %s -m course_utils"
)

COURSE = ["-m", "course_utils.setup.launch"]

# comando: (argumentos do Python do ambiente, explicação)
COMMANDS = {
    "test": (["-m", "pytest"], "roda os testes do curso e, pelo nbval, todos os notebooks"),
    "run": (COURSE + ["course_utils.lesson"], "roda a aula inteira sem abrir o navegador e mostra o passaporte"),
    "slides": (COURSE + ["course_utils.slides"], "faz os slides dos notebooks em artifacts/slides/, sem internet"),
    "train": (COURSE + ["course_utils.model.train"], "treina de novo o modelo de referência"),
    "data": (COURSE + ["course_utils.model.digits"], "refaz o arquivo de dígitos da pasta data/"),
    "bench": (COURSE + ["course_utils.bench"], "mede o que o curso promete; faz o relatório em artifacts/bench/"),
    "serve": (COURSE + ["course_utils.serving"], "serve o modelo e a página de desenho"),
    "kit": (COURSE + ["course_utils.setup.kit"], "junta numa pasta o que uma turma sem internet precisa"),
}


def usage():
    lines = [
        "Uso: python -m course_utils [--kit PASTA] [--extra [NOME]] [comando] [opções]",
        "",
        "Todo comando prepara antes o ambiente do curso (pasta .venv), se ele ainda não estiver pronto.",
        "",
        "  (nenhum)  abre o JupyterLab em %s; aceita as opções dele, como --no-browser" % FIRST_NOTEBOOK,
    ]
    lines += ["  %-8s  %s" % (name, COMMANDS[name][1]) for name in COMMANDS]
    lines += [
        "  --extra   antes do comando, acrescenta ao ambiente o que só um laboratório usa: --extra ray (o Ray) ou",
        "            --extra llm (um modelo de linguagem); sem nome, os dois. Sem comando, abre esse laboratório",
        "  --kit     antes do comando, prepara o ambiente sem internet, com a pasta que o comando kit fez",
        "  --help    mostra esta ajuda",
    ]
    return "\n".join(lines)


def main(argv):
    version = sys.version_info[:2]
    if not OLDEST <= version <= NEWEST:
        good = "py -3.12" if os.name == "nt" else "python3.12"
        print(WRONG_PYTHON % (version + (good,)), file=sys.stderr)
        return 1
    for stream in (sys.stdout, sys.stderr):
        # Num console de página de código antiga um acento vira "?", nunca um erro.
        stream.reconfigure(errors="replace")
    extras, kit, argv = split(argv)
    unknown = [name for name in extras if name not in EXTRA_NOTEBOOKS]
    problem = None
    if kit == "":
        problem = "Falta a pasta depois de --kit."
    elif unknown:
        problem = "Não conheço o extra %r: há %s." % (unknown[0], " e ".join(EXTRA_NOTEBOOKS))
    elif argv and argv[0] not in COMMANDS and not argv[0].startswith("-"):
        problem = "Não conheço o comando %r." % argv[0]
    if problem:
        print("%s\n\n%s" % (problem, usage()), file=sys.stderr)
        return 2
    if argv[:1] in (["--help"], ["-h"]):
        print(usage())
        return 0
    return prepare_and_run(argv, extras, kit)


def split(argv):
    """`(extras, a pasta do kit, o resto)`: a pasta é None se não se pediu um kit, e vazia se ela falta.

    Um `--extra` sem nome pede todos; o que vem depois dele, e não é comando nem opção, é um nome.
    """
    extras, kit, argv = [], None, list(argv)
    while argv[:1] in (["--extra"], ["--kit"]):
        if argv.pop(0) == "--kit":
            kit = argv.pop(0) if argv else ""
        elif argv and argv[0] not in COMMANDS and not argv[0].startswith("-"):
            extras.append(argv.pop(0))
        else:
            extras += list(EXTRA_NOTEBOOKS)
    return extras, kit, argv


def prepare_and_run(argv, extras, folder):
    from course_utils.setup import environment, launch
    from course_utils.setup.failures import SetupError
    from course_utils.setup.kit import open_kit

    try:
        python = environment.ensure(ROOT, extras, open_kit(ROOT, folder) if folder else None)
        if argv and argv[0] in COMMANDS:
            return launch.run_child(ROOT, [python] + COMMANDS[argv[0]][0] + argv[1:])
        return launch.open_lab(ROOT, python, EXTRA_NOTEBOOKS[extras[0]] if extras else FIRST_NOTEBOOK, argv)
    except SetupError as problem:
        print(problem, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nEncerrado. Para voltar, rode o mesmo comando.", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
