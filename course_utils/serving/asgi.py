"""O que todo servidor ASGI do curso tem em comum: ler o corpo com limite, inferir, errar com clareza, registrar.

`fastapi_app`, `cloud`, `tf_serving` e `open_inference` só acrescentam rotas: cada um traduz o seu contrato.
"""

import asyncio
import logging
from contextlib import asynccontextmanager
from functools import partial
from time import perf_counter

from fastapi import FastAPI, Response
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.routing import Match

from course_utils.serving import contract, schemas
from course_utils.serving.service import BODY_DEADLINE_S, request_id

log = logging.getLogger("aula32.serving")


def write_problem(status, detail, identifier):
    """Um erro como a RFC 9457 o quer: `(dicionário, tipo de conteúdo)`."""
    return contract.problem(status, detail, identifier), contract.PROBLEM_TYPE


def new_app(service, *, write_error=write_problem, **options):
    """Aplicação FastAPI vazia sobre `service`, com vida, prontidão, métricas, erros e registro.

    `write_error(status, detail, identifier)` → `(corpo, tipo de conteúdo)`: a forma dos erros deste contrato.
    `options`: as do `FastAPI`.
    """

    @asynccontextmanager
    async def lifespan(app):
        app.state.service = service
        yield
        await asyncio.to_thread(service.close)

    # O endereço "." é relativo à própria página: a documentação funciona também atrás de um proxy.
    options = {"version": "1", "servers": [{"url": "."}], "docs_url": None, "redoc_url": None} | options
    # Sem redirecionar: um endereço com a barra no fim é outro endereço, e nem todo cliente repete o POST.
    app = FastAPI(lifespan=lifespan, redirect_slashes=False, **options)
    app.add_middleware(Observer, service=service, write_error=write_error)
    _add_errors(app, write_error)
    _add_operation(app, service)
    return app


class DirectRoute(APIRoute):
    """Uma rota que recebe a `Request` e devolve a `Response` pronta: o FastAPI a documenta, e não a atravessa.

    Sem nada a injetar nem a converter, resolver dependências custaria cerca de um décimo da requisição.
    """

    def get_route_handler(self):
        return self.endpoint


async def infer(service, images):
    """Imagens já validadas → a resposta do serviço (dict); levanta o 504 se passar do prazo.

    Direto, se a inferência é curta e ninguém espera; senão, fora do laço de eventos.
    """
    for _ in range(2):  # duas voltas do laço: as requisições que já chegaram entram na conta das que esperam
        await asyncio.sleep(0)
    if service.runs_inline(images):
        return service.predict(images)
    future = asyncio.get_running_loop().run_in_executor(service.executor, service.predict, images)
    try:
        return await asyncio.wait_for(future, service.deadline_s)
    except TimeoutError:
        raise service.late() from None


async def read_images(service, content_type, body, **rules):
    """`contract.read_images`, sem parar o laço de eventos: abrir uma figura grande leva décimos de segundo.

    Levanta `ContractError` 4xx, ou o 504 se passar do prazo.
    """
    read = partial(contract.read_images, content_type, body, **rules)
    if not contract.is_picture(content_type):
        return read()
    future = asyncio.get_running_loop().run_in_executor(service.pictures, read)
    try:
        return await asyncio.wait_for(future, service.deadline_s)
    except TimeoutError:
        raise service.late() from None


async def read_body(request, limit=contract.MAX_BODY_BYTES):
    """O corpo (bytes), contado enquanto chega: um corpo sem Content-Length também tem limite, e tem prazo.

    Levanta `ContractError` 400 (cortado), 408 (lento demais), 413 (maior que `limit` bytes, antes ou depois de
    descompactado) ou 415 (uma compressão que não é gzip).
    """
    body, more = bytearray(), True
    try:
        async with asyncio.timeout(BODY_DEADLINE_S):
            while more:
                message = await request.receive()
                if message["type"] == "http.disconnect":
                    raise contract.cut_short()
                body += message.get("body", b"")
                more = message.get("more_body", False)
                if len(body) > limit:
                    raise contract.too_large(limit)
    except TimeoutError:
        raise contract.too_slow() from None
    if len(body) < int(request.headers.get("content-length", 0)):
        raise contract.cut_short()
    return contract.decode(request.headers.getlist("content-encoding"), bytes(body), limit)


def _add_errors(app, write_error):
    """Todo erro sai na forma do contrato, com o identificador da requisição."""

    @app.exception_handler(contract.ContractError)
    async def refuse(request, error):
        # Depois de um corpo recusado pela metade não se reaproveita a conexão: o resto dele ainda está a caminho.
        headers = error.headers | ({"Connection": "close"} if error.status in (408, 413) else {})
        content, kind = write_error(error.status, error.detail, request.scope["aula32.id"])
        return JSONResponse(content, error.status, headers=headers, media_type=kind)

    @app.exception_handler(HTTPException)
    async def refuse_route(request, error):
        headers = error.headers
        if error.status_code == 405:
            routes = [route for route in app.routes if route.matches(request.scope)[0] != Match.NONE]
            methods = {method for route in routes for method in getattr(route, "methods", None) or ()}
            headers = {"Allow": contract.allow(methods or {"GET"})}  # uma pasta de arquivos não diz: só GET
            if request.method == "OPTIONS":  # sem CORS: a página de outra origem fica sem a permissão que pediu
                return Response(status_code=204, headers=headers)
        detail = contract.route_problem(error.status_code, request.method, request.url.path)
        content, kind = write_error(error.status_code, detail, request.scope["aula32.id"])
        return JSONResponse(content, error.status_code, headers=headers, media_type=kind)


def _add_operation(app, service):
    """O que a operação pergunta a qualquer servidor: está vivo? está pronto? quanto atendeu?"""

    @app.get("/health/live", summary="O processo está vivo?", tags=["Operação"])
    async def live():
        return {"status": "vivo"}

    @app.get("/health/ready", summary="O modelo está carregado e aquecido?", tags=["Operação"])
    async def ready():
        return service.readiness()

    @app.get("/metrics", include_in_schema=False)
    async def metrics():
        return Response(service.metrics(), media_type="text/plain; version=0.0.4")

    if service.shadow:

        @app.get("/shadow", summary="Como a sombra se compara com quem responde?", tags=["Operação"])
        async def shadow() -> schemas.ShadowReport:
            return service.shadow.report()


class Observer:
    """Middleware ASGI: identificador, métricas, uma linha de registro, HEAD, e o 500 que não conta segredos."""

    def __init__(self, app, service, write_error):
        self.app, self.service, self.write_error = app, service, write_error

    async def __call__(self, scope, receive, send):
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        headers = Headers(scope=scope)
        identifier, method = request_id(headers.get("x-request-id")), scope["method"]
        # HEAD é um GET de que só vão os cabeçalhos, e "//predict" é o que sai de "http://…/" + "/predict".
        changed = {"method": "GET" if method == "HEAD" else method, "path": "/" + scope["path"].lstrip("/")}
        scope = scope | changed | {"aula32.id": identifier}
        start, status = perf_counter(), 0

        async def send_with_id(message):
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], (b"x-request-id", identifier.encode())]
            elif method == "HEAD":
                message = message | {"body": b""}
            await send(message)

        try:
            contract.require_http(headers.get("upgrade", ""))
            await self.app(scope, receive, send_with_id)
        except contract.ContractError as error:
            content, kind = self.write_error(error.status, error.detail, identifier)
            await JSONResponse(content, error.status, media_type=kind)(scope, receive, send_with_id)
        except Exception:
            log.exception("falha na requisição %s", identifier)
            if status:
                raise  # a resposta já tinha começado: só resta cortar a conexão
            content, kind = self.write_error(500, contract.FAILURE, identifier)
            await JSONResponse(content, 500, media_type=kind)(scope, receive, send_with_id)
        finally:
            # O modelo da rota, não o caminho: um cliente não pode criar séries de métricas à vontade.
            route = getattr(scope.get("route"), "path", "outra")
            fields = {"method": method, "path": scope["path"], "request_id": identifier}
            fields |= {"route": route, "status": status, "seconds": perf_counter() - start}
            # Na próxima volta do laço, com a resposta já a caminho: o cliente não espera a linha de registro.
            asyncio.get_running_loop().call_soon(partial(self.service.observe, **fields))
