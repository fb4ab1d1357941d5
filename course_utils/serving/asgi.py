"""O que os servidores FastAPI do curso têm em comum: ler com limite, inferir, errar com clareza, registrar.

Cada um só acrescenta as rotas do seu contrato. As que leem dígitos recebem a `Request`, e não um corpo já lido:
antes dele há uma vaga a pedir, um limite a contar e um tipo a escolher. Quem o confere é o `contract`.
"""

import asyncio
from contextlib import asynccontextmanager
from functools import partial
from time import perf_counter

from fastapi import FastAPI, Response
from fastapi.responses import JSONResponse
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from course_utils.serving import contract, schemas
from course_utils.serving.service import BODY_DEADLINE_S, log, request_id


def new_app(service, *, write_error=contract.problem, error_type=contract.PROBLEM_TYPE, **options):
    """Aplicação FastAPI vazia sobre `service`, com vida, prontidão, métricas, erros e registro.

    `write_error(status, detail, identifier)` → o corpo (dict) de um erro, e `error_type`, o tipo de conteúdo dele:
    a forma dos erros deste contrato. `options`: as do `FastAPI`.
    """

    @asynccontextmanager
    async def lifespan(app):
        yield
        await asyncio.to_thread(service.close)  # no fim, as inferências em curso terminam

    def respond(identifier, status, detail, headers=None):
        return JSONResponse(write_error(status, detail, identifier), status, headers, error_type)

    # O endereço "." é relativo à própria página: a documentação funciona também atrás de um proxy.
    options = {"version": "1", "servers": [{"url": "."}], "docs_url": None, "redoc_url": None} | options
    # Sem redirecionar: um endereço com a barra no fim é outro endereço, e nem todo cliente repete o POST.
    app = FastAPI(lifespan=lifespan, redirect_slashes=False, **options)
    app.add_middleware(Observer, service=service, respond=respond)

    @app.exception_handler(contract.ContractError)
    async def refuse(request, error):
        # Depois de um corpo recusado pela metade não se reaproveita a conexão: o resto dele ainda está a caminho.
        headers = error.headers | ({"Connection": "close"} if error.status in (408, 413) else {})
        return respond(request.scope["aula32.id"], error.status, error.detail, headers)

    @app.exception_handler(HTTPException)
    async def refuse_route(request, error):
        headers = error.headers or {}
        if error.status_code == 405:
            methods = headers.get("Allow", "GET").split(", ")  # uma pasta de arquivos não diz: só GET
            headers = {"Allow": contract.allow(methods)}
            if request.method == "OPTIONS":  # sem CORS: a página de outra origem fica sem a permissão que pediu
                return Response(status_code=204, headers=headers)
        detail = contract.route_problem(request.method, request.url.path)
        return respond(request.scope["aula32.id"], error.status_code, detail, headers)

    @app.get("/health/live", summary="O processo está vivo?", tags=["Operação"])
    async def live():
        return {"status": "vivo"}

    @app.get("/health/ready", summary="O modelo está carregado e aquecido?", tags=["Operação"])
    async def ready():
        return service.readiness()

    @app.get("/metrics", include_in_schema=False)
    async def metrics():
        return Response(service.metrics(), media_type="text/plain; version=0.0.4")

    return app


class Observer:
    """Middleware ASGI: identificador, métricas, uma linha de registro, HEAD, e o 500 que não conta segredos."""

    def __init__(self, app, service, respond):
        self.app, self.service, self.respond = app, service, respond

    async def __call__(self, scope, receive, send):
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        headers = Headers(scope=scope)
        identifier, method = request_id(headers.get("x-request-id")), scope["method"]
        # HEAD é um GET de que o uvicorn só manda os cabeçalhos; "//predict" sai de "http://…/" + "/predict".
        changed = {"method": "GET" if method == "HEAD" else method, "path": "/" + scope["path"].lstrip("/")}
        scope = scope | changed | {"aula32.id": identifier}
        start, status = perf_counter(), 0

        async def send_with_id(message):
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], (b"x-request-id", identifier.encode())]
            await send(message)

        websocket = headers.get("upgrade", "").strip().lower() == "websocket"
        app = self.respond(identifier, *contract.NO_WEBSOCKET) if websocket else self.app
        try:
            await app(scope, receive, send_with_id)
        except Exception:
            log.exception("falha na requisição %s", identifier)
            if status:
                raise  # a resposta já tinha começado: só resta cortar a conexão
            await self.respond(identifier, 500, contract.FAILURE)(scope, receive, send_with_id)
        finally:
            # O modelo da rota, não o caminho: um cliente não pode criar séries de métricas à vontade.
            route = getattr(scope.get("route"), "path", "outra")
            self.service.observe(identifier, method, scope["path"], route, status, start)


async def read_images(request, service, *, limit=None, schema=schemas.PredictRequest):
    """As imagens da requisição, já conferidas: uint8 (n, 28, 28).

    `limit` e `schema`: os de `contract.read_images`. Levanta `ContractError` 4xx, ou o 504 se passar do prazo.
    """
    kind = request.headers.get("content-type", "")
    body = await read_body(request, limit or contract.body_limit(kind))
    read = partial(contract.read_images, kind, body, limit=limit, schema=schema)
    # Abrir uma figura grande leva décimos de segundo: fora do laço de eventos.
    return await in_time(service, service.pictures, read) if contract.is_picture(kind) else read()


async def read_body(request, limit=contract.MAX_BODY_BYTES):
    """O corpo (bytes), contado enquanto chega: um corpo sem Content-Length também tem limite, e tem prazo.

    Levanta `ContractError` 400 (cortado), 408 (lento demais), 413 (maior que `limit` bytes, antes ou depois de
    descompactado) ou 415 (uma compressão que não é gzip).
    """
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_DEADLINE_S):
            async for piece in request.stream():
                body += piece
                if len(body) > limit:
                    raise contract.too_large(limit)
    except TimeoutError:
        raise contract.ContractError(*contract.SLOW) from None
    except ClientDisconnect:
        raise contract.ContractError(*contract.CUT) from None
    return contract.decode(request.headers.getlist("content-encoding"), bytes(body), limit)


async def infer(service, images):
    """Imagens já validadas → a resposta do serviço (dict); levanta o 504 se passar do prazo."""
    if service.is_quick(images):
        return service.predict(images)
    return await in_time(service, service.executor, service.predict, images)


async def in_time(service, executor, function, *arguments):
    """`function(*arguments)` numa thread de `executor`; levanta o 504 se passar do prazo do serviço."""
    try:
        async with asyncio.timeout(service.deadline_s):
            return await asyncio.get_running_loop().run_in_executor(executor, function, *arguments)
    except TimeoutError:
        raise service.late() from None
