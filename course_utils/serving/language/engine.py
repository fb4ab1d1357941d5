"""O que o servidor pede a um motor de texto, o que ele devolve, e o motor: o llama.cpp, pelo xllamacpp.

O motor não sabe o que é HTTP. Ele escreve um token por vez e pergunta, a cada um, se ainda há quem o leia.
"""

import os
import secrets
from collections.abc import Callable
from dataclasses import asdict, dataclass, field

import requests

from course_utils.serving.language import weights

SLOTS = 4  # conversas ao mesmo tempo, num lote que muda a cada token (continuous batching)
CONTEXT = 1024  # tokens por conversa, entre pergunta e resposta


@dataclass(frozen=True)
class Order:
    """O que se pede: a conversa e como continuá-la."""

    messages: list[dict[str, str]]
    max_tokens: int = 128
    temperature: float = 0.8
    top_p: float = 0.95
    seed: int | None = None
    stop: str | list[str] | None = None


@dataclass(frozen=True)
class Piece:
    """Um pedaço da resposta: um token de texto ou, por último, o fim, com as contas.

    `finish`: "stop" (o modelo acabou) ou "length" (chegou ao limite); `timings`: as contas do motor (tokens, ms).
    """

    text: str = ""
    finish: str | None = None
    timings: dict[str, float] = field(default_factory=dict)


class TooLongError(ValueError):
    """A pergunta tem mais tokens do que cabem no contexto."""


class LlamaEngine:
    """O llama.cpp dentro deste processo: lotes contínuos, uma conversa por vaga, só o processador."""

    def __init__(self, path=None, *, slots=SLOTS, context=CONTEXT):
        """`path`: um GGUF (padrão: os pesos do extra, conferidos); `context`: tokens por vaga."""
        path = path or weights.find()
        import xllamacpp

        self.name, self.slots = weights.NAME, slots
        self._key = secrets.token_hex(16)
        params = xllamacpp.CommonParams()
        params.model.path, params.verbosity = str(path), 0
        params.n_parallel, params.n_ctx = slots, slots * context
        # As threads esperam umas pelas outras a cada camada: se uma perde a vez para outro programa, todas param.
        # Medido em dois núcleos ocupados: 30 tokens/s com uma thread, 3 com duas. Um núcleo fica para os outros.
        for cores in (params.cpuparams, params.cpuparams_batch):
            cores.n_threads = max(1, min(4, (os.cpu_count() or 1) - 1))
        params.cache_ram_mib = 0  # nada de conversas velhas guardadas à parte
        # O llama.cpp abre também um servidor dele: só nesta máquina, em qualquer porta, e só com a chave.
        params.hostnames, params.port, params.ui, params.api_keys = ["127.0.0.1"], 0, False, [self._key]
        self._server = xllamacpp.Server(params)

    def generate(self, order: Order, emit: Callable[[Piece], bool]) -> None:
        """Chama `emit(pedaço)` a cada token, nesta thread, e volta no fim ou quando `emit` devolve verdadeiro.

        Levanta `TooLongError` antes do primeiro pedaço, ou outro erro, do motor, a qualquer hora.
        """
        failure = {}

        def read(chunk):
            if "error" in chunk:
                failure.update(chunk["error"])
                return True
            choice = chunk["choices"][0] if chunk["choices"] else {"delta": {}, "finish_reason": None}
            text, finish = choice["delta"].get("content") or "", choice["finish_reason"]
            return emit(Piece(text, finish, chunk.get("timings", {}))) if text or finish else False

        request = {name: value for name, value in asdict(order).items() if value is not None}
        self._server.handle_chat_completions(request | {"stream": True, "cache_prompt": True}, read)
        if failure.get("type") == "exceed_context_size_error":
            asked, room = failure["n_prompt_tokens"], failure["n_ctx"]
            raise TooLongError(f"A pergunta tem {asked} tokens; cabem {room}, com a resposta.")
        if failure:
            raise RuntimeError(failure["message"])

    def tokenize(self, text):
        """Os tokens de `text`: uma lista de `(número, pedaço de texto)`."""
        answer = requests.post(
            f"{self._server.listening_address}/tokenize",
            json={"content": text, "with_pieces": True},
            headers={"Authorization": f"Bearer {self._key}"},
            timeout=60,
        )
        return [(token["id"], token["piece"]) for token in answer.json()["tokens"]]

    def next_tokens(self, prompt, n):
        """Os `n` tokens mais prováveis depois dos de `prompt` (números): `(número, texto, log da chance)`."""
        answer = self._server.handle_completions(
            {"prompt": prompt, "max_tokens": 1, "temperature": 0, "logprobs": n}
        )
        (first,) = answer["choices"][0]["logprobs"]["content"]
        return [(item["id"], item["token"], item["logprob"]) for item in first["top_logprobs"]]

    def close(self):
        """Devolve a memória; não há mais pedidos em curso."""
        self._server = None  # sem outra referência, o llama.cpp encerra as threads dele
