"""Português do Brasil sem erros de grafia, e as palavras do glossário, em tudo o que a aula mostra.

O corretor é o hunspell do sistema, com o dicionário pt_BR e a nossa lista (tests/vocabulario.txt). Sem ele o teste
é pulado com uma frase, menos na CI, onde falha. Para refazer a lista: `python tests/test_prose.py`, e leia o que
entrou antes de aceitar.
"""

import ast
import dataclasses
import io
import re
import shutil
import subprocess
import tokenize
from pathlib import Path

import nbformat
import pytest
from needs import miss

from course_utils import lesson
from course_utils.classroom import exercises
from course_utils.classroom.quiz import questions
from course_utils.model import artifacts

VOCABULARY = Path(__file__).with_name("vocabulario.txt")
# Do que um aluno lê conferimos o texto, e não o código nem os endereços.
CODE = re.compile(r"```.*?```|`[^`]*`|\$\$.*?\$\$|\$[^$\n]+\$", re.S)
ABSTRACT = re.compile(r"\*English abstract: .*?\*", re.S)
PORTUGUESE = re.compile(r"\b(ao|da|de|e|em|é|não|na|o|os|para|que|se|sem|um|uma|você)\b", re.I)
MACHINE = re.compile(r"\{[^{}]*:[^{}]*;|^#.*(noqa|fmt: )")  # CSS, recados ao ruff
IMITATION = "pocket_cloud/aws*.py"  # fala inglês, como a AWS que imita
NOT_WORDS = re.compile(r"https?://\S+|\]\([^)]*\)|<[^>]*>|\S*[_/\\@{}=<>\[\]]\S*|\w+\.\w[\w.]*|\w*\d\w*")

# O que o glossário do curso não quer, e o que escrever no lugar.
FORBIDDEN = {
    r"ficheiros?|utilizador(?:es)?|dete[cç]ão|ecrã|telemóve(?:l|is)": "português de Portugal",
    r"(?<!alta )performances?": "desempenho",
    r"payloads?(?!\*)": "carga útil (*payload*)",
    r"throughput(?!\*)": "vazão (*throughput*)",
    r"overfitting(?!\*)": "sobreajuste (*overfitting*)",
    r"pruning(?!\*)": "poda (*pruning*)",
    r"warm-up(?!\*)": "aquecimento (*warm-up*)",
    r"drift(?!\*)": "deriva (*drift*)",
    r"deprecated(?!\*)|depreciad[oa]s?": "descontinuado (*deprecated*)",
    r"implanta(?:r|do|da|mos)": "fazer o deploy",
    r"(?<!Custom )containers?": "contêiner",
    r"on-premises?(?!\*)": "servidor dedicado (*on-premise*)",
    r"precisão de \d+(?:,\d+)? %": "acurácia",
    r"requests?|responses?": "requisição, resposta",
    r"datasets?": "conjunto de dados",
}


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


TEXTS = learner_texts()


def in_order(words):
    return sorted(words, key=lambda word: (word.lower(), word))


def unknown_words():
    """`{palavra: arquivos}` do que o dicionário pt_BR não conhece."""
    words = {}
    for name, text in TEXTS.items():
        for word in re.findall(r"[^\W\d_]+", text):
            words.setdefault(word, set()).add(name)
    command = ["hunspell", "-d", "pt_BR", "-i", "utf-8", "-l"]
    run = subprocess.run(command, input="\n".join(words), capture_output=True, check=True, encoding="utf-8")
    return {word: words[word] for word in run.stdout.split()}


def test_every_word_is_in_the_dictionary_or_in_our_list_and_the_list_has_no_leftovers():
    if not shutil.which("hunspell"):
        miss("falta o hunspell com o dicionário pt_BR (no Debian: apt install hunspell hunspell-pt-br)")
    listed = VOCABULARY.read_text(encoding="utf-8").split()
    unknown = unknown_words()
    assert listed == in_order(set(listed))
    assert {word: unknown[word] for word in unknown.keys() - set(listed)} == {}
    assert set(listed) - unknown.keys() == set(), "palavras que ninguém usa mais"


@pytest.mark.parametrize("pattern", FORBIDDEN)
def test_the_glossary_is_followed(pattern):
    word = re.compile(rf"(?<![\w*/\".-])(?:{pattern})(?![\w/-])", re.I)
    wrong = [f"{name}: {hit[0]!r}" for name, text in TEXTS.items() for hit in word.finditer(text)]
    assert wrong == [], f"o glossário pede: {FORBIDDEN[pattern]}"


if __name__ == "__main__":
    words = in_order(unknown_words())
    VOCABULARY.write_text("\n".join(words) + "\n", encoding="utf-8")
    print(f"{len(words)} palavras em {VOCABULARY.name}")
