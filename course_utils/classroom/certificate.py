"""O resumo da aula que o aluno leva consigo: um arquivo HTML sem nada de fora, que um leitor de tela lê bem."""

from datetime import date
from html import escape
from pathlib import Path
from string import Template

from course_utils import files
from course_utils.classroom import passport, predictions, progress

FILE = files.ARTIFACTS / "certificado.html"
MONTHS = "janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro"
PAGE = Path(__file__).with_suffix(".html")


def write(name):
    """Grava o resumo em nome de `name` e devolve o arquivo (Path); com o nome em branco, só lembra."""
    name = " ".join(str(name).split())[:120]
    if not name:
        print("Escreva o seu nome entre as aspas e rode de novo: o resumo vai para artifacts/certificado.html.")
        return None
    found, guesses = progress.stages(), predictions.table()
    stamps = [passport.table(notebook, measures).html() for notebook, measures in passport.read().items()]
    page = Template(PAGE.read_text(encoding="utf-8")).substitute(
        name=escape(name),
        day=_in_words(date.today()),
        line=escape(progress.line(found)),
        stages=progress.table(found).html(),
        guesses=guesses.html() if guesses else "",
        stamps="\n".join(stamps) or "<p>Ainda em branco.</p>",
    )
    files.write_text(FILE, page)
    print("Gravado em artifacts/certificado.html: abra-o no navegador; de lá, imprima ou salve em PDF.")
    return FILE


def _in_words(day):
    """ "3 de novembro de 2026"."""
    return f"{day.day} de {MONTHS.split()[day.month - 1]} de {day.year}"
