"""Um modelo de linguagem no ar: a mesma casa do leitor de dígitos, para uma resposta que chega aos pedaços.

`weights` acha o arquivo dos pesos e o confere; `engine` diz o que se pede a um motor e traz o llama.cpp; `desk`
reparte as vagas do motor entre quem pergunta; `schemas` são os tipos do contrato, o da OpenAI; `app` é a aplicação
FastAPI. Pesos e motor vêm com `python -m course_utils --extra llm`: nada da aula precisa deles.
"""

from importlib.util import find_spec


class MissingLanguageError(RuntimeError):
    """O extra não está instalado; a mensagem diz como instalá-lo."""


def require():
    """Levanta `MissingLanguageError` se o extra falta."""
    if find_spec("xllamacpp") is None:
        how = "instale-o com python -m course_utils --extra llm"
        raise MissingLanguageError(f"Falta o modelo de linguagem, que só este laboratório usa: {how}")
