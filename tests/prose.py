"""O que um aluno lê, arquivo por arquivo, sem o código: é o que o corretor ortográfico e o glossário conferem."""

import ast
import dataclasses
import io
import re
import tokenize

import nbformat

from course_utils import lesson
from course_utils.classroom import exercises
from course_utils.classroom.quiz import questions
from course_utils.model import artifacts

CODE = re.compile(r"```.*?```|`[^`]*`|\$\$.*?\$\$|\$[^$\n]+\$", re.S)
ABSTRACT = re.compile(r"\*English abstract: .*?\*", re.S)
PORTUGUESE = re.compile(r"\b(ao|da|de|e|em|é|não|na|o|os|para|que|se|sem|um|uma|você)\b", re.I)
MACHINE = re.compile(r"\{[^{}]*:[^{}]*;|^#.*(noqa|fmt: )")  # CSS, recados ao ruff
IMITATION = "pocket_cloud/aws*.py"  # fala inglês, como a AWS que imita
NOT_WORDS = re.compile(r"https?://\S+|\]\([^)]*\)|<[^>]*>|\S*[_/\\@{}=<>\[\]]\S*|\w+\.\w[\w.]*|\w*\d\w*")


def learner_texts():
    """`{nome do arquivo: texto}` de tudo o que a aula mostra em português."""
    root = artifacts.ROOT
    notebooks = lesson.find_notebooks([""])
    texts = {lesson.name_of(path): notebook_text(path) for path in notebooks}
    costs = [list(case.values()) for choices in exercises.CHOICES.values() for case in choices.values()]
    texts["choices.json"] = CODE.sub(" ", str(costs))
    for name in ("README.md", "CONTRIBUTING.md", "data/README.md", "notebooks/ROTEIRO.md"):
        texts[name] = CODE.sub(" ", ABSTRACT.sub(" ", (root / name).read_text(encoding="utf-8")))
    for path in sorted((root / "course_utils").rglob("*.py")):
        if not path.match(IMITATION):
            texts[str(path.relative_to(root))] = python_text(path.read_text(encoding="utf-8"))
    for path in sorted((root / "course_utils/serving/web").glob("*.html")):
        texts[path.name] = re.sub(r"<(script|style).*?</\1>", " ", path.read_text(encoding="utf-8"), flags=re.S)
    for path in sorted((root / "course_utils/serving/web").glob("*.js")):
        quoted = re.findall(r'"([^"\n]* [^"\n]*)"|`([^`\n]* [^`\n]*)`', path.read_text(encoding="utf-8"))
        texts[path.name] = "\n".join(text for pair in quoted for text in pair if PORTUGUESE.search(text))
    asked = [value for question in questions.load() for value in dataclasses.astuple(question)[2:]]
    texts[questions.FILE.name] = CODE.sub(" ", str(asked))
    return {name: NOT_WORDS.sub(" ", text) for name, text in texts.items()}


def notebook_text(path):
    """O Markdown, os comentários e as frases das células de código."""
    parts = []
    for cell in nbformat.read(path, as_version=4).cells:
        parts.append(CODE.sub(" ", cell.source) if cell.cell_type == "markdown" else python_text(cell.source))
    return "\n".join(parts)


def python_text(source):
    """Os comentários e as frases em português de um código; "" se ele não é Python puro."""
    try:
        tree = ast.parse(source)
        tokens = list(tokenize.generate_tokens(io.StringIO(source).readline))
    except SyntaxError:
        return ""
    comments = [token.string for token in tokens if token.type == tokenize.COMMENT]
    texts = [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)]
    sentences = [text for text in texts if isinstance(text, str) and " " in text and PORTUGUESE.search(text)]
    return CODE.sub(" ", "\n".join(text for text in comments + sentences if not MACHINE.search(text)))
