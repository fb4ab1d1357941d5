"""Português do Brasil sem erros de grafia, e as palavras do glossário, em tudo o que a aula mostra.

O corretor é o hunspell do sistema, com o dicionário pt_BR e a nossa lista (tests/vocabulario.txt). Sem ele o teste
é pulado com uma frase, menos na CI, onde falha. Para refazer a lista: `python tests/test_prose.py`, e leia o que
entrou antes de aceitar.
"""

import re
import shutil
import subprocess
from pathlib import Path

import prose
import pytest
from needs import miss

VOCABULARY = Path(__file__).with_name("vocabulario.txt")

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
TEXTS = prose.learner_texts()


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
