"""O servidor Flask do curso: um adaptador fino (WSGI) entre HTTP, o contrato e o serviço."""

from pathlib import Path
from time import perf_counter

from flask import Flask, Response, abort, g, jsonify, request, send_from_directory
from werkzeug.exceptions import ClientDisconnected, HTTPException, RequestEntityTooLarge

from course_utils.serving import contract, engines
from course_utils.serving.service import BODY_DEADLINE_S, Service, log, request_id

PAGE = Path(__file__).parent / "web"


def create_app(model=None):
    """Aplicação WSGI do contrato. `model`: arquivo ONNX ou pasta de versões (padrão: a variável AULA_MODEL)."""
    service = Service(model)
    app = Flask("leitor_de_cep", static_folder=PAGE, static_url_path="/web")
    app.url_map.merge_slashes = False  # sem redirecionar: nem todo cliente repete o POST
    app.json.ensure_ascii, app.json.sort_keys = False, False
    _add_errors(app)
    _add_observer(app, service)

    @app.post("/predict")
    def predict():
        kind = request.headers.get("Content-Type", "")
        with service.admit(large=contract.is_picture(kind)):
            images = _read_images(service, kind)
            return jsonify(_infer(service, images))

    @app.get("/health/live")
    def live():
        return jsonify(status="vivo")

    @app.get("/health/ready")
    def ready():
        return jsonify(service.readiness())

    @app.get("/metrics")
    def metrics():
        return Response(service.metrics(), content_type="text/plain; version=0.0.4")

    @app.get("/")
    def page():
        return send_from_directory(PAGE, "index.html")

    @app.get("/engines/<path:name>", defaults={"find": engines.find_engine})
    @app.get("/models/<path:name>", defaults={"find": engines.find_model})
    def asset(name, find):
        found = find(name) or abort(404)
        return Response(found.body, content_type=found.kind, headers={"Cache-Control": found.cache})

    return app


def _read_images(service, kind):
    """As imagens do corpo; abrir uma figura custa memória: poucas por vez, no executor delas, e com prazo."""
    body = _read_body(contract.body_limit(kind))
    if not contract.is_picture(kind):
        return contract.read_images(kind, body)
    return _in_time(service, service.pictures, contract.read_images, kind, body)


def _infer(service, images):
    """Direto, se a inferência é curta; senão, no executor do serviço, com prazo."""
    if service.is_quick(images):
        return service.predict(images)
    return _in_time(service, service.executor, service.predict, images)


def _in_time(service, executor, function, *arguments):
    """`function(*arguments)` numa thread de `executor`; levanta o 504 se passar do prazo do serviço."""
    future = executor.submit(function, *arguments)
    try:
        return future.result(timeout=service.deadline_s)
    except TimeoutError:
        future.cancel()
        raise service.late() from None


def _read_body(limit):
    """Lê o corpo até `limit` bytes (o Werkzeug conta também o que chega sem Content-Length).

    Um cliente que fica `BODY_DEADLINE_S` sem mandar nada recebe o 408; contra um que manda gota a gota,
    põe-se um proxy na frente, como a documentação do gunicorn recomenda.
    """
    connection = request.environ.get("gunicorn.socket") or request.environ.get("werkzeug.socket")
    if connection is not None:
        connection.settimeout(BODY_DEADLINE_S)
    # Um byte a mais que o limite: o Werkzeug corta ali um corpo sem Content-Length, e o contrato vê que passou.
    request.max_content_length = limit + 1
    try:
        body = request.get_data(cache=False)
        if len(body) < (request.content_length or 0):
            raise ClientDisconnected
    except RequestEntityTooLarge:
        raise contract.too_large(limit) from None
    except (ClientDisconnected, TimeoutError):
        slow = perf_counter() - g.start >= BODY_DEADLINE_S
        raise contract.ContractError(*(contract.SLOW if slow else contract.CUT)) from None
    return contract.decode(request.headers.getlist("Content-Encoding"), body, limit)


def _add_errors(app):
    """Todo erro vira `application/problem+json`, com o identificador da requisição."""

    @app.errorhandler(contract.ContractError)
    def refuse(error):
        response = _problem(error.status, error.detail)
        response.headers.update(error.headers)
        return response

    @app.errorhandler(HTTPException)
    def refuse_route(error):
        response = _problem(error.code, contract.route_problem(request.method, request.path))
        if getattr(error, "valid_methods", None):
            response.headers["Allow"] = contract.allow(error.valid_methods)
        return response

    @app.errorhandler(Exception)
    def fail(error):
        log.exception("falha na requisição %s", g.request_id)
        return _problem(500, contract.FAILURE)


def _problem(status, detail):
    response = jsonify(contract.problem(status, detail, g.request_id))
    response.status_code, response.content_type = status, contract.PROBLEM_TYPE
    return response


def _add_observer(app, service):
    """Identificador, métricas e uma linha de registro por requisição."""

    @app.before_request
    def begin():
        g.start, g.request_id = perf_counter(), request_id(request.headers.get("X-Request-ID"))
        if request.headers.get("Upgrade", "").strip().lower() == "websocket":
            raise contract.ContractError(*contract.NO_WEBSOCKET)

    @app.after_request
    def end(response):
        response.headers["X-Request-ID"] = g.request_id
        if request.method == "OPTIONS" and response.status_code == 200:
            # A resposta automática do Flask, sem corpo. Sem CORS: a página de outra origem fica sem a permissão.
            response.status_code = 204
            response.headers["Allow"] = contract.allow(response.allow)
            del response.headers["Content-Type"]
        route = request.url_rule.rule if request.url_rule else "outra"
        service.observe(g.request_id, request.method, request.path, route, response.status_code, g.start)
        return response
