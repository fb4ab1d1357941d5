"""O servidor FastAPI do curso: um adaptador fino (ASGI) entre HTTP, o contrato e o serviço."""

from pathlib import Path

import fastapi_offline
from fastapi import Request, Response
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import FileResponse
from fastapi.staticfiles import StaticFiles
from pydantic_core import to_json
from starlette.exceptions import HTTPException

from course_utils.serving import asgi, browser, contract, schemas
from course_utils.serving.service import Service

PAGE = Path(__file__).parent / "web"
SWAGGER = Path(fastapi_offline.__file__).parent / "static"
BODY = {
    contract.JSON_TYPE: {"schema": schemas.PredictRequest.model_json_schema()},
    contract.BYTES_TYPE: {"schema": {"type": "string", "format": "binary"}},
    **dict.fromkeys(contract.PICTURE_TYPES, {"schema": {"type": "string", "format": "binary"}}),
    contract.FORM_TYPE: {
        "schema": {
            "type": "object",
            "required": ["figura"],
            "properties": {"figura": {"type": "string", "format": "binary"}},
        }
    },
}
PROBLEMS = {
    status: {
        "description": title,
        "content": {contract.PROBLEM_TYPE: {"schema": schemas.Problem.model_json_schema()}},
    }
    for status, title in contract.TITLES.items()
    if status not in (404, 405)
}


def create_app(model=None, *, service=None, infer=asgi.infer, **limits):
    """Aplicação ASGI do contrato. `model`: arquivo ONNX ou pasta de versões (padrão: a variável AULA_MODEL).

    `limits`: `max_pending` e `deadline_s` do `Service`. Quem infere noutro processo traz o seu `service` e o seu
    `infer(service, imagens)`, como `ray_app`.
    """
    service = service or Service(model, **limits)
    app = asgi.new_app(service, title="Leitor de CEP")
    _add_page_and_docs(app)

    async def predict(request: Request):
        kind = request.headers.get("content-type", "")
        with service.admit(large=contract.is_picture(kind)):
            body = await asgi.read_body(request, contract.body_limit(kind))
            images = await asgi.read_images(service, kind, body)
            answer = await infer(service, images)
        return Response(to_json(answer), media_type=contract.JSON_TYPE)

    app.router.add_api_route(
        "/predict",
        predict,
        methods=["POST"],
        response_model=schemas.PredictResponse,
        responses=PROBLEMS,
        openapi_extra={"requestBody": {"required": True, "content": BODY}},
        summary="Lê de 1 a 32 dígitos",
        tags=["Leitura"],
        route_class_override=asgi.DirectRoute,
    )
    # O roteador tenta as rotas em ordem: a mais pedida vem primeiro.
    app.router.routes.insert(0, app.router.routes.pop())
    return app


def _add_page_and_docs(app):
    """A página de desenho em `/` e o Swagger em `/docs`, só com arquivos locais e endereços relativos."""

    @app.get("/", include_in_schema=False)
    async def page():
        return FileResponse(PAGE / "index.html")

    @app.get("/engines/{name:path}", include_in_schema=False)
    def engine(name: str):
        return _send(browser.find_engine(name))

    @app.get("/models/{name:path}", include_in_schema=False)
    def model(name: str):
        return _send(browser.find_model(name))

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


def _send(asset):
    """Um arquivo de `browser` como resposta; levanta o 404 se ele não existe."""
    if asset is None:
        raise HTTPException(404)
    return Response(asset.body, media_type=asset.kind, headers={"Cache-Control": asset.cache})
