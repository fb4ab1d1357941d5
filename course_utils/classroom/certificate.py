"""O resumo da aula que o aluno leva consigo: um arquivo HTML sem nada de fora, que um leitor de tela lê bem."""

from datetime import date
from html import escape

from course_utils.classroom import passport, predictions, progress, tables
from course_utils.model import artifacts

FILE = artifacts.ARTIFACTS / "certificado.html"
MONTHS = "janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro"
PAGE = """<!DOCTYPE html>
<html lang="pt-BR">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Aula 32: resumo de {name}</title>
<style>
:root {{ color-scheme: light dark }}
body {{ font: 1.05rem/1.6 system-ui, sans-serif; max-width: 46rem; margin: 2rem auto; padding: 0 1rem }}
table {{ border-collapse: collapse; width: 100%; margin-bottom: 1.5rem }}
caption {{ text-align: left; font-weight: bold; padding: .5rem 0 }}
th, td {{ border-bottom: 1px solid; padding: .3rem .5rem; text-align: left }}
</style>
</head>
<body>
<main>
<h1>Aula 32 – Deploy de Modelos de Deep Learning</h1>
<p>Resumo do que <strong>{name}</strong> fez até {day}, na própria máquina.</p>
<p><strong>Este não é um documento oficial:</strong> nenhuma instituição o emite nem o confere. Os números saíram
dos arquivos que os notebooks gravaram, e quem os tem pode mudá-los.</p>
<h2>O caminho</h2>
<p>{line}</p>
{stages}
{guesses}
<h2>O passaporte do modelo</h2>
{stamps}
</main>
</body>
</html>
"""


def write(name, file=FILE, today=None):
    """Grava o resumo em nome de `name` e devolve o arquivo (Path); com o nome em branco, só lembra."""
    name = " ".join(str(name).split())[:120]
    if not name:
        print("Escreva o seu nome entre as aspas e rode de novo: o resumo vai para artifacts/certificado.html.")
        return None
    found, today = progress.stages(), today or date.today()
    month = MONTHS.split()[today.month - 1]
    page = PAGE.format(
        name=escape(name),
        day=f"{today.day} de {month} de {today.year}",
        line=escape(progress.line(found)),
        stages=tables.html(progress.CAPTION, progress.HEADS, progress.rows(found)),
        guesses=_guesses(),
        stamps="\n".join(_stamp(*item) for item in passport.read().items()) or "<p>Ainda em branco.</p>",
    )
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(page, encoding="utf-8")
    print("Gravado em artifacts/certificado.html: abra-o no navegador; de lá, imprima ou salve em PDF.")
    return file


def _guesses():
    """Os palpites do aluno ao lado do que se mediu; nada, se ele não deu nenhum."""
    rows = predictions.rows()
    return tables.html(predictions.CAPTION, predictions.HEADS, rows) if rows else ""


def _stamp(notebook, measures):
    return tables.html(
        notebook, ("Medida", "Valor"), [(name, passport.shown(value)) for name, value in measures.items()]
    )
