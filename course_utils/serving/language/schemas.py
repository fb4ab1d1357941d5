"""Os tipos do contrato, em Pydantic: a forma da OpenAI (https://platform.openai.com/docs/api-reference/chat).

Só o que este servidor faz de verdade: um campo que ele não atende é recusado, e não ignorado.
"""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, AliasChoices, BaseModel, ConfigDict, Field

from course_utils.serving.language.engine import Order
from course_utils.serving.language.weights import NAME

MAX_TOKENS = 512
MAX_MESSAGES, MAX_CHARACTERS = 32, 8_000
# O que separa as falas na língua do modelo: quem pudesse escrevê-lo falaria em nome do sistema.
CONTROL = re.compile(r"<\|\w+\|>")
EXAMPLE = {"model": NAME, "messages": [{"role": "user", "content": "Say hello."}], "max_tokens": 16}
PHRASES = {  # o que dizer dos erros do Pydantic que mais acontecem
    "missing": "falta este campo",
    "extra_forbidden": "este servidor não atende este campo",
    "value_error": "{error}",
    "string_too_long": "o texto passa de {max_length} caracteres",
    "less_than_equal": "o máximo é {le}",
}


def _no_control(text):
    if CONTROL.search(text):
        raise ValueError("marcas de controle do modelo (<|…|>) não se aceitam")
    return text


Text = Annotated[str, Field(min_length=1, max_length=MAX_CHARACTERS), AfterValidator(_no_control)]
Stop = Annotated[str, Field(min_length=1, max_length=64)]


class Message(BaseModel):
    """Uma fala da conversa."""

    model_config = ConfigDict(extra="forbid", strict=True)

    role: Literal["system", "user", "assistant"]
    content: Text


class ChatRequest(BaseModel):
    """Uma conversa a continuar."""

    model_config = ConfigDict(extra="forbid", strict=True, json_schema_extra={"example": EXAMPLE})

    model: Annotated[str, Field(max_length=100)] = NAME
    messages: Annotated[list[Message], Field(min_length=1, max_length=MAX_MESSAGES)]
    stream: bool = False
    max_tokens: Annotated[int, Field(ge=1, le=MAX_TOKENS)] = Field(
        default=Order.max_tokens,
        validation_alias=AliasChoices("max_tokens", "max_completion_tokens"),
        description="Ou `max_completion_tokens`, o seu nome novo.",
    )
    temperature: Annotated[float, Field(ge=0, le=2, allow_inf_nan=False)] = Order.temperature
    top_p: Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)] = Order.top_p
    seed: Annotated[int, Field(ge=0, lt=2**32)] | None = None
    stop: Stop | Annotated[list[Stop], Field(max_length=4)] | None = None
    n: Literal[1] = 1

    def order(self):
        """O pedido, como o motor o entende."""
        return Order(**self.model_dump(exclude={"model", "stream", "n"}))


def explain(error):
    """O primeiro erro do Pydantic (dict), como frase em português, com o lugar em que aconteceu."""
    place = ".".join(str(part) for part in error["loc"] if not str(part).startswith(("function", "constrained")))
    phrase = PHRASES.get(error["type"], "o valor não serve; /docs diz qual serviria")
    return f"{place or 'O corpo'}: {phrase.format(**error.get('ctx', {}))}."
