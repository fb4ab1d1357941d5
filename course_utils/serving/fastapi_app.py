"""O servidor FastAPI do curso: um adaptador fino (ASGI) entre HTTP, o contrato e o serviço."""

import asyncio
import logging
from contextlib import asynccontextmanager
from pathlib import Path
from time import perf_counter

import fastapi_offline
from fastapi import FastAPI, Request, Response
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import FileResponse, JSONResponse
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from course_utils.serving import contract, schemas
from course_utils.serving.service import BODY_DEADLINE_S, Service, request_id

PAGE = Path(__file__).parent / "web"
SWAGGER = Path(fastapi_offline.__file__).parent / "static"
BODY = {
    contract.JSON_TYPE: {"schema": schemas.PredictRequest.model_json_schema()},
    contract.BYTES_TYPE: {"schema": {"type": "string", "format": "binary"}},
    contract.PNG_TYPE: {"schema": {"type": "string", "format": "binary"}},
}
PROBLEMS = {
    status: {
        "description": title,
        "content": {contract.PROBLEM_TYPE: {"schema": schemas.Problem.model_json_schema()}},
    }
    for status, title in contract.TITLES.items()
    if status not in (404, 405)
}
log = logging.getLogger("aula32.serving")


def create_app(model=None, **limits):
    """Aplicação ASGI do contrato. `model`: arquivo ONNX ou pasta de versões (padrão: a variável AULA_MODEL).

    `limits`: `max_pending` e `deadline_s` do `Service`.
    """

    @asynccontextmanager
    async def lifespan(app):
        app.state.service = service
        yield
        await asyncio.to_thread(service.close)

    service = Service(model, **limits)
    # O endereço "." é relativo à própria página: a documentação funciona também atrás de um proxy.
    app = FastAPI(
        title="Leitor de CEP",
        version="1",
        lifespan=lifespan,
        servers=[{"url": "."}],
        docs_url=None,
        redoc_url=None,
    )
    app.add_middleware(Observer, service=service)
    _add_errors(app)
    _add_page_and_docs(app)

    @app.post(
        "/predict",
        response_model=schemas.PredictResponse,
        responses=PROBLEMS,
        openapi_extra={"requestBody": {"required": True, "content": BODY}},
        summary="Lê de 1 a 32 dígitos",
        tags=["Leitura"],
    )
    async def predict(request: Request):
        with service.admit():
            body = await _read_body(request)
            images = contract.read_images(request.headers.get("content-type", ""), body)
            return JSONResponse(await _infer(service, images))

    @app.get("/health/live", summary="O processo está vivo?", tags=["Operação"])
    async def live():
        return {"status": "vivo"}

    @app.get("/health/ready", summary="O modelo está carregado e aquecido?", tags=["Operação"])
    async def ready():
        service.require_ready()
        return {"status": "pronto", "model_version": service.store.current.version}

    @app.get("/metrics", include_in_schema=False)
    async def metrics():
        return Response(service.metrics(), media_type="text/plain; version=0.0.4")

    return app


async def _infer(service, images):
    """Direto, se a inferência é curta e ninguém espera; senão, fora do laço de eventos."""
    for _ in range(2):  # duas voltas do laço: as requisições que já chegaram entram na conta das que esperam
        await asyncio.sleep(0)
    if service.runs_inline(images):
        return service.predict(images)
    future = asyncio.get_running_loop().run_in_executor(service.executor, service.predict, images)
    try:
        return await asyncio.wait_for(future, service.deadline_s)
    except TimeoutError:
        raise service.late() from None


async def _read_body(request):
    """Lê o corpo contando os bytes que chegam (um corpo sem Content-Length também tem limite) e o tempo."""
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_DEADLINE_S):
            async for chunk in request.stream():
                body += chunk
                if len(body) > contract.MAX_BODY_BYTES:
                    raise contract.too_large()
    except TimeoutError:
        raise contract.too_slow() from None
    except ClientDisconnect:
        raise contract.cut_short() from None
    return bytes(body)


def _add_errors(app):
    """Todo erro vira `application/problem+json`, com o identificador da requisição."""

    @app.exception_handler(contract.ContractError)
    async def refuse(request, error):
        # Depois de um corpo recusado pela metade não se reaproveita a conexão: o resto dele ainda está a caminho.
        headers = {"Connection": "close"} if error.status in (408, 413) else {}
        if error.retry_after is not None:
            headers["Retry-After"] = str(error.retry_after)
        return _problem(request, error.status, error.detail, headers)

    @app.exception_handler(HTTPException)
    async def refuse_route(request, error):
        detail = contract.route_problem(error.status_code, request.method, request.url.path)
        return _problem(request, error.status_code, detail, error.headers)


def _problem(request, status, detail, headers=None):
    content = contract.problem(status, detail, request.scope["aula32.id"])
    return JSONResponse(content, status, headers=headers, media_type=contract.PROBLEM_TYPE)


def _add_page_and_docs(app):
    """A página de desenho em `/` e o Swagger em `/docs`, só com arquivos locais e endereços relativos."""

    @app.get("/", include_in_schema=False)
    async def page():
        return FileResponse(PAGE / "index.html")

    @app.get("/docs", include_in_schema=False)
    async def docs():
        return get_swagger_ui_html(
            openapi_url="openapi.json",
            title="Leitor de CEP: documentação da API",
            swagger_js_url="swagger/swagger-ui-bundle.js",
            swagger_css_url="swagger/swagger-ui.css",
            swagger_favicon_url="swagger/favicon.png",
        )

    app.mount("/web", StaticFiles(directory=PAGE))
    app.mount("/swagger", StaticFiles(directory=SWAGGER))


class Observer:
    """Middleware ASGI: identificador, métricas, uma linha de registro, e o 500 que não conta segredos."""

    def __init__(self, app, service):
        self.app, self.service = app, service

    async def __call__(self, scope, receive, send):
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        header = next((value for name, value in scope["headers"] if name == b"x-request-id"), b"")
        scope["aula32.id"] = identifier = request_id(header.decode("latin-1"))
        start, status = perf_counter(), 0

        async def send_with_id(message):
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], (b"x-request-id", identifier.encode())]
            await send(message)

        try:
            await self.app(scope, receive, send_with_id)
        except Exception:
            log.exception("falha na requisição %s", identifier)
            if status:
                raise  # a resposta já tinha começado: só resta cortar a conexão
            detail = "O servidor falhou ao responder; o registro dele, sob este request_id, diz por quê."
            content = contract.problem(500, detail, identifier)
            await JSONResponse(content, 500, media_type=contract.PROBLEM_TYPE)(scope, receive, send_with_id)
        finally:
            fields = {"method": scope["method"], "path": scope["path"], "request_id": identifier}
            self.service.observe(status=status, seconds=perf_counter() - start, **fields)
