"""O servidor FastAPI do curso: um adaptador fino entre HTTP, o contrato e o preditor."""

import asyncio
import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from time import perf_counter

import numpy as np
from fastapi import FastAPI, Request
from fastapi.responses import FileResponse, JSONResponse
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException

from course_utils.model.predictor import MODEL, Predictor
from course_utils.serving import contract

PAGE = Path(__file__).parent / "web"


def create_app(model=MODEL, version="1"):
    """Aplicação com `POST /predict`, `GET /health/live`, `GET /health/ready` e a página de desenho em `/`.

    `model`: o arquivo ONNX a servir; `version`: o que a resposta traz em `model_version`.
    """

    @asynccontextmanager
    async def lifespan(app):
        app.state.predictor = await asyncio.to_thread(_load_and_warm_up, model)
        app.state.executor = ThreadPoolExecutor(max_workers=os.cpu_count())
        yield
        app.state.executor.shutdown()

    app = FastAPI(title="Leitor de CEP", version=version, lifespan=lifespan, docs_url=None, redoc_url=None)

    @app.get("/health/live")
    async def live():
        return {"status": "vivo"}

    @app.get("/health/ready")
    async def ready():
        return {"status": "pronto"}  # o lifespan só deixa o servidor atender depois do aquecimento

    @app.post("/predict")
    async def predict(request: Request):
        body = await _read_body(request)
        images = contract.read_images(request.headers.get("content-type", ""), body)
        start = perf_counter()
        # Uma inferência passa de 1 ms: fora do laço de eventos, para não parar os outros clientes.
        state, loop = request.app.state, asyncio.get_running_loop()
        predictions = await loop.run_in_executor(state.executor, state.predictor.predict, images)
        elapsed_ms = 1000 * (perf_counter() - start)
        return contract.answer(predictions, model_version=version, inference_ms=elapsed_ms)

    @app.exception_handler(contract.ContractError)
    async def refuse(request, error):
        return _problem(error.status, error.detail)

    @app.exception_handler(HTTPException)
    async def refuse_route(request, error):
        detail = f"Este servidor não atende {request.method} em {request.url.path}."
        return _problem(error.status_code, detail, error.headers)

    @app.exception_handler(Exception)
    async def fail(request, error):
        return _problem(500, "O servidor falhou ao responder; o registro dele diz por quê.")

    @app.get("/", include_in_schema=False)
    async def page():
        return FileResponse(PAGE / "index.html")

    app.mount("/web", StaticFiles(directory=PAGE), name="web")
    return app


def _load_and_warm_up(model):
    """Carregar e aquecer: a primeira inferência, mais lenta, não fica para o primeiro cliente."""
    predictor = Predictor(model)
    predictor.predict(np.zeros((1, 28, 28), np.uint8))
    return predictor


async def _read_body(request):
    """Lê o corpo contando os bytes que chegam: um corpo sem Content-Length também tem limite."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > contract.MAX_BODY_BYTES:
            raise contract.too_large()
    return bytes(body)


def _problem(status, detail, headers=None):
    """Resposta de erro `application/problem+json`."""
    content = contract.problem(status, detail)
    return JSONResponse(content, status, headers=headers, media_type=contract.PROBLEM_TYPE)
