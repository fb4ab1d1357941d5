"""Os tipos do contrato, em Pydantic: a forma da OpenAI (https://platform.openai.com/docs/api-reference/chat).

Só o que este servidor faz de verdade: um campo que ele não atende é recusado, e não ignorado.
"""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from course_utils.serving.language.engine import Order
from course_utils.serving.language.weights import NAME

MAX_TOKENS, DEFAULT_TOKENS = 512, 128
MAX_MESSAGES, MAX_CHARACTERS = 32, 8_000
# O que separa as falas na língua do modelo: quem pudesse escrevê-lo falaria em nome do sistema.
CONTROL = re.compile(r"<\|\w+\|>")
EXAMPLE = {"model": NAME, "messages": [{"role": "user", "content": "Say hello."}], "max_tokens": 16}
PHRASES = {  # o que dizer de cada tipo de erro do Pydantic
    "missing": "falta este campo",
    "extra_forbidden": "este servidor não atende este campo",
    "value_error": "{error}",
    "string_too_long": "o texto passa de {max_length} caracteres",
    "string_too_short": "o texto está vazio",
    "too_long": "são mais de {max_length}",
    "too_short": "a lista está vazia",
    "less_than_equal": "o máximo é {le}",
    "greater_than_equal": "o mínimo é {ge}",
    "greater_than": "tem de ser maior que {gt}",
    "less_than": "tem de ser menor que {lt}",
    "literal_error": "esperava {expected}",
    "finite_number": "esperava um número finito",
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


class StreamOptions(BaseModel):
    """O que vem a mais numa resposta aos pedaços."""

    model_config = ConfigDict(extra="forbid", strict=True)

    include_usage: bool = Field(default=False, description="Um pedaço a mais, com os tokens gastos.")


class ChatRequest(BaseModel):
    """Uma conversa a continuar."""

    model_config = ConfigDict(extra="forbid", strict=True, json_schema_extra={"example": EXAMPLE})

    model: Annotated[str, Field(max_length=100)] = NAME
    messages: Annotated[list[Message], Field(min_length=1, max_length=MAX_MESSAGES)]
    stream: bool = False
    stream_options: StreamOptions | None = None
    max_tokens: Annotated[int, Field(ge=1, le=MAX_TOKENS)] = DEFAULT_TOKENS
    max_completion_tokens: Annotated[int, Field(ge=1, le=MAX_TOKENS)] | None = Field(
        default=None, description="O nome novo de `max_tokens`; vale mais que ele."
    )
    temperature: Annotated[float, Field(ge=0, le=2, allow_inf_nan=False)] = 0.8
    top_p: Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)] = 0.95
    seed: Annotated[int, Field(ge=0, lt=2**32)] | None = None
    stop: Stop | Annotated[list[Stop], Field(max_length=4)] | None = None
    n: Literal[1] = 1

    def order(self):
        """O pedido, como o motor o entende."""
        return Order(
            messages=[message.model_dump() for message in self.messages],
            max_tokens=self.max_completion_tokens or self.max_tokens,
            temperature=self.temperature,
            top_p=self.top_p,
            seed=self.seed,
            stop=[self.stop] if isinstance(self.stop, str) else self.stop or [],
        )


def usage(timings):
    """Os tokens da pergunta e da resposta, na forma da OpenAI (dict).

    `timings`: as contas do motor; nelas, `cache_n` é o começo da pergunta que ele já tinha lido.
    """
    prompt = int(timings.get("prompt_n", 0) + timings.get("cache_n", 0))
    answered = int(timings.get("predicted_n", 0))
    return {"prompt_tokens": prompt, "completion_tokens": answered, "total_tokens": prompt + answered}


def explain(error):
    """O primeiro erro do Pydantic (dict), como frase em português, com o lugar em que aconteceu."""
    place = ".".join(str(part) for part in error["loc"] if not str(part).startswith(("function", "constrained")))
    phrase = PHRASES.get(error["type"], "não é do tipo que se espera").format(**error.get("ctx", {}))
    return f"{place or 'O corpo'}: {phrase.replace(' or ', ' ou ')}."
