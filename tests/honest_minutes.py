"""O relógio de um notebook: os minutos de quem o faz sozinho, pela conta que o CONTRIBUTING explica.

palavras ÷ 180 por minuto (leitura silenciosa de português: 181 ± 29 palavras/min; IReST, Trauzettel-Klosinski
e Dietz, 2012) + 2 s por linha de código à vista (uma célula de encanamento conta como uma) + 5 s por célula de
código + 10 s por Preveja + 25 s por pergunta do quiz + o que o título de "Sua vez" diz, ou 2 min por exercício.
"""

import re

import nbformat

from course_utils.classroom.quiz import questions

HIDDEN = re.compile(r"<details>.*?</details>|```.*?```|<[^>]+>|https?://\S+|data:\S+", re.S)
QUIZ = re.compile(r'quiz\.show\(\s*"([^"]+)",\s*"([^"]+)"')


def prose(cells):
    """O texto à vista das células de texto, sem o que está dobrado nem os blocos de código."""
    return " ".join(HIDDEN.sub(" ", cell.source) for cell in cells if cell.cell_type == "markdown")


def words(cells):
    return len(re.findall(r"[^\W\d_]{2,}", prose(cells)))


def lines(cell):
    """As linhas de uma célula de código que o aluno vê."""
    if "plumbing" in cell.metadata.get("tags", []):
        return 1
    return len([line for line in cell.source.splitlines() if line.strip()])


def minutes(path):
    """Os minutos (float) do notebook em `path`."""
    cells = nbformat.read(path, as_version=4).cells
    code = [cell for cell in cells if cell.cell_type == "code"]
    text = prose(cells)
    asked = [questions.group(*pair) for cell in code for pair in QUIZ.findall(cell.source)]
    exercises = [120 for cell in code if "exercises.check" in cell.source]
    stated = [60 * int(number) for number in re.findall(r"Sua vez[^\n]*\((\d+) min", text)]
    seconds = words(cells) / 3 + 2 * sum(map(lines, code)) + 5 * len(code) + 10 * text.count("Preveja")
    return (seconds + 25 * sum(map(len, asked)) + sum(stated or exercises)) / 60
