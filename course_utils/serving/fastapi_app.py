"""O servidor FastAPI do curso: um adaptador fino (ASGI) entre HTTP, o contrato e o serviço."""

from pathlib import Path

import fastapi_offline
from fastapi import Request, Response
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import FileResponse
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException

from course_utils.serving import asgi, contract, engines, schemas
from course_utils.serving.service import Service

PAGE = Path(__file__).parent / "web"
SWAGGER = Path(fastapi_offline.__file__).parent / "static"
FILE = {"type": "string", "format": "binary"}
FORM = {"type": "object", "required": ["figura"], "properties": {"figura": FILE}}
BODY = {
    contract.JSON_TYPE: {"schema": schemas.PredictRequest.model_json_schema()},
    **dict.fromkeys((contract.BYTES_TYPE, *contract.PICTURE_TYPES), {"schema": FILE}),
    contract.FORM_TYPE: {"schema": FORM},
}
PROBLEM = {contract.PROBLEM_TYPE: {"schema": schemas.Problem.model_json_schema()}}
PROBLEMS = {
    status: {"description": title, "content": PROBLEM}
    for status, title in contract.TITLES.items()
    if status not in (404, 405)
}


def create_app(model=None, *, service=None, infer=asgi.infer):
    """Aplicação ASGI do contrato. `model`: arquivo ONNX ou pasta de versões (padrão: a variável AULA_MODEL).

    Quem infere noutro processo traz o seu `service` e o seu `infer(service, imagens)`, como `ray_app`.
    """
    service = service or Service(model)
    app = asgi.new_app(service, title="Leitor de CEP")

    @app.post(
        "/predict",
        summary="Lê de 1 a 32 dígitos",
        tags=["Leitura"],
        responses=PROBLEMS,
        openapi_extra={"requestBody": {"required": True, "content": BODY}},
    )
    async def predict(request: Request) -> schemas.PredictResponse:
        with service.admit(large=contract.is_picture(request.headers.get("content-type", ""))):
            images = await asgi.read_images(request, service)
            return await infer(service, images)

    _add_page(app)
    add_docs(app)
    return app


def _add_page(app):
    """A página de desenho em `/`, e o que ela pede para ler dígitos sem o servidor."""

    @app.get("/", include_in_schema=False)
    async def page():
        return FileResponse(PAGE / "index.html")

    @app.get("/engines/{name:path}", include_in_schema=False)
    def engine(name: str):
        return _send(engines.find_engine(name))

    @app.get("/models/{name:path}", include_in_schema=False)
    def model(name: str):
        return _send(engines.find_model(name))

    app.mount("/web", StaticFiles(directory=PAGE))


def add_docs(app):
    """O Swagger em `/docs`, só com arquivos locais e endereços relativos."""

    @app.get("/docs", include_in_schema=False)
    async def docs():
        return get_swagger_ui_html(
            openapi_url="openapi.json",
            title=f"{app.title}: documentação da API",
            swagger_js_url="swagger/swagger-ui-bundle.js",
            swagger_css_url="swagger/swagger-ui.css",
            swagger_favicon_url="swagger/favicon.png",
        )

    app.mount("/swagger", StaticFiles(directory=SWAGGER))


def _send(asset):
    """Um arquivo de `engines` como resposta; levanta o 404 se ele não existe."""
    if asset is None:
        raise HTTPException(404)
    return Response(asset.body, media_type=asset.kind, headers={"Cache-Control": asset.cache})
