"""A aplicação FastAPI do modelo de linguagem: a rota da OpenAI, inteira ou aos pedaços, e uma página para vê-los.

    python -m course_utils.serving course_utils.serving.language.app:create_app --port 8000

O erro que acontece antes do primeiro byte é um `application/problem+json`; depois dele, o status já foi, e o erro
é o último evento.
"""

import asyncio
import secrets
import time
from contextlib import aclosing
from pathlib import Path
from typing import Annotated

from fastapi import Depends, FastAPI, Request
from fastapi.responses import FileResponse
from fastapi.sse import EventSourceResponse, format_sse_event
from fastapi.staticfiles import StaticFiles
from pydantic_core import to_json

from course_utils.serving import asgi, contract, language
from course_utils.serving.contract import ContractError
from course_utils.serving.fastapi_app import PROBLEMS, add_docs
from course_utils.serving.language import schemas
from course_utils.serving.language.desk import Desk
from course_utils.serving.language.schemas import ChatRequest

PAGE = Path(__file__).parent / "web"
MAX_BODY_BYTES = 512 * 2**10  # 32 falas de 8.000 caracteres, mesmo as que pedem dois bytes cada um
# Onde o esquema do corpo fica em openapi.json, e nele os tipos a que se refere (RFC 6901: "~1" é uma barra).
SCHEMA = "#/paths/~1v1~1chat~1completions/post/requestBody/content/application~1json/schema"
BODY = {contract.JSON_TYPE: {"schema": ChatRequest.model_json_schema(ref_template=SCHEMA + "/$defs/{model}")}}


async def read_chat(request: Request) -> ChatRequest:
    """O corpo, contado enquanto chega e validado; levanta `ContractError` 4xx."""
    kind = contract.media_type(request.headers.get("content-type", ""))
    if kind != contract.JSON_TYPE:
        raise contract.unsupported(kind, [contract.JSON_TYPE])
    return contract.read_json(ChatRequest, await asgi.read_body(request, MAX_BODY_BYTES), schemas.explain)


def create_app(desk: Desk | None = None) -> FastAPI:
    """A aplicação sobre `desk` (padrão: o llama.cpp com os pesos do extra).

    Levanta `MissingLanguageError` se o extra não está instalado.
    """
    if desk is None:
        language.require()
        desk = Desk()
    app = asgi.new_app(desk, title="Modelo de linguagem")

    @app.post(
        "/v1/chat/completions",
        summary="Continua uma conversa",
        tags=["Conversa"],
        response_model=None,
        responses=PROBLEMS | {200: {"content": {"text/event-stream": {}}}},
        openapi_extra={"requestBody": {"required": True, "content": BODY}},
    )
    async def complete(request: Request, chat: Annotated[ChatRequest, Depends(read_chat)]):
        """Um JSON no fim ou, com `stream`, um evento por token e `[DONE]`."""
        name = desk.readiness()["model"]
        if chat.model != name:
            raise ContractError(404, f"Não há o modelo {chat.model}; há {name}.")
        pieces = desk.generate(chat.order())
        about = {"id": f"chatcmpl-{secrets.token_hex(12)}", "created": int(time.time()), "model": name}
        if not chat.stream:
            return await while_there(request, whole(pieces, about))
        first = await while_there(request, anext(pieces))
        events = write_events(first, pieces, about, request.scope["aula32.id"])
        return Stream(events, headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})

    @app.get("/v1/models", summary="Que modelos há?", tags=["Conversa"])
    async def models():
        model = {"id": desk.readiness()["model"], "object": "model", "created": 0, "owned_by": "HuggingFaceTB"}
        return {"object": "list", "data": [model]}

    @app.get("/", include_in_schema=False)
    async def page():
        return FileResponse(PAGE / "index.html")

    app.mount("/web", StaticFiles(directory=PAGE))
    add_docs(app)
    return app


async def while_there(request, awaitable):
    """O resultado de `awaitable`; se o cliente se vai antes, cancela-o e levanta um erro que ninguém lerá."""
    work, gone = asyncio.ensure_future(awaitable), asyncio.ensure_future(request.receive())
    try:
        await asyncio.wait({work, gone}, return_when=asyncio.FIRST_COMPLETED)
        if work.done():
            return work.result()
        raise ContractError(499, "O cliente se foi.")  # o 499 é do nginx
    finally:
        for task in (work, gone):
            task.cancel()
        await asyncio.wait({work, gone})


async def whole(pieces, about):
    """A resposta inteira (dict); `timings`, as contas do motor em tokens e ms, não é da OpenAI."""
    text, last = "", None
    async with aclosing(pieces):
        async for piece in pieces:
            text, last = text + piece.text, piece
    message, timings = {"role": "assistant", "content": text}, last.timings
    # `cache_n` é o começo da pergunta que o motor já tinha lido.
    asked = int(timings.get("prompt_n", 0) + timings.get("cache_n", 0))
    answered = int(timings.get("predicted_n", 0))
    return about | {
        "object": "chat.completion",
        "choices": [{"index": 0, "message": message, "finish_reason": last.finish}],
        "usage": {"prompt_tokens": asked, "completion_tokens": answered, "total_tokens": asked + answered},
        "timings": timings,
    }


class Stream(EventSourceResponse):
    """Eventos de um gerador que se fecha sempre: também quando o cliente se vai no meio."""

    async def __call__(self, scope, receive, send):
        async with aclosing(self.body_iterator):
            await super().__call__(scope, receive, send)


async def write_events(first, pieces, about, identifier):
    """Um evento por pedaço, em bytes; o último diz por que acabou, e `[DONE]` fecha. Um erro vira um evento."""

    def event(delta, finish=None, **more):
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        content = about | {"object": "chat.completion.chunk", "choices": [choice]} | more
        return format_sse_event(data_str=to_json(content).decode())

    async with aclosing(pieces):
        try:
            yield event({"role": "assistant", "content": first.text})
            last = first
            async for last in pieces:
                if last.text:
                    yield event({"content": last.text})
            yield event({}, last.finish, timings=last.timings)
            yield format_sse_event(data_str="[DONE]")
        except Exception as error:
            if not isinstance(error, ContractError):
                asgi.log.exception("falha no meio da resposta %s", identifier)
                error = ContractError(500, contract.FAILURE)
            # O problema (RFC 9457) como evento; `message` é o nome que o cliente da OpenAI lê.
            problem = contract.problem(error.status, error.detail, identifier) | {"message": error.detail}
            yield format_sse_event(event="error", data_str=to_json({"error": problem}).decode())
