"""O progresso do aluno: que notebooks rodou, em quantos minutos, que exercícios resolveu e perguntas respondeu.

O mesmo vai para o resumo que ele leva: um HTML sem nada de fora, que um leitor de tela lê bem. Nada sai daqui.
"""

import json
import re
from datetime import date
from html import escape
from pathlib import Path
from string import Template

from IPython.display import display

from course_utils import files
from course_utils.classroom import passport, predictions, quiz, state, tables
from course_utils.classroom.exercises import NOTEBOOKS, engine
from course_utils.measure.numbers import br

HEADS = ("Notebook", "Rodado", "Minutos: previstos", "usados", "Exercícios", "Perguntas", "Certas de primeira")
SUMMARY = files.ARTIFACTS / "certificado.html"
PAGE = Path(__file__).with_suffix(".html")


def table():
    """O que foi feito em cada notebook da aula, em ordem (`Table`)."""
    stamps, solved, quizzes = passport.read(), state.read(engine.FILE), quiz.score().by_notebook
    rows = []
    for path in sorted((files.ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb")):
        names = [name for name, notebook in NOTEBOOKS.items() if notebook == path.stem]
        done = f"{sum(name in solved for name in names)} de {len(names)}"
        right, answered, total = quizzes[path.stem]
        run = "sim" if path.stem in stamps else "não"
        taken = br(passport.number(path.stem, passport.MINUTES, stamps), 0)
        rows.append((path.stem, run, _planned(path), taken, done, f"{answered} de {total}", right))
    return tables.Table("O seu caminho", HEADS, rows)


def show():
    """Mostra na célula a tabela do progresso e, embaixo, o notebook em que continuar."""
    found = table()
    display(found)
    left = next((name for name, run, *_ in found.rows if run == "não"), None)
    print(f"Continue em {left}." if left else "Todos os notebooks rodados!")


def export(name):
    """Grava em HTML o resumo em nome de `name` e devolve o arquivo (Path); com o nome em branco, só lembra."""
    if not name.strip():
        print("Escreva o seu nome entre as aspas e rode de novo: o resumo vai para artifacts/certificado.html.")
        return None
    stamps = [passport.table(notebook, measures) for notebook, measures in passport.read().items()]
    page = Template(PAGE.read_text(encoding="utf-8")).substitute(
        name=escape(name.strip()),
        day=f"{date.today():%d/%m/%Y}",
        done="\n".join(found.html() for found in (table(), predictions.table()) if found),
        stamps="\n".join(found.html() for found in stamps) or "<p>Ainda em branco.</p>",
    )
    files.write_text(SUMMARY, page)
    print("Gravado em artifacts/certificado.html: abra-o no navegador; de lá, imprima ou salve em PDF.")
    return SUMMARY


def _planned(path):
    """Os minutos do título do notebook (int)."""
    title = "".join(json.loads(path.read_text(encoding="utf-8"))["cells"][0]["source"])
    return int(re.search(r"\*\*(\d+) minutos\*\*", title)[1])
