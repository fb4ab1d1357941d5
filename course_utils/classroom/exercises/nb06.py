"""Exercícios do notebook 06 e do laboratório das imagens."""

import numpy as np

from course_utils.classroom.exercises.engine import NotYetError, exercise

ENDPOINT_LINES = {
    "A": '    images = Predictor.validate(request.get_json()["images"])',
    "B": '@app.post("/predict")',
    "C": "    logits = predictor.infer(batch)",
    "D": "predictor = Predictor()",
    "E": "    return jsonify([item.digit for item in Predictor.respond(logits)])",
    "F": "app = Flask(__name__)",
    "G": "def predict():",
    "H": "    batch = Predictor.preprocess(images)",
    "I": "    predictor = Predictor()",
}


@exercise("06_api_flask")
def flask_parsons(answer):
    """As linhas de `ENDPOINT_LINES` em ordem; roda o servidor montado, e vale toda ordem que funcione."""
    if not isinstance(answer, str | list | tuple):
        raise NotYetError("as letras entre aspas", type(answer).__name__, 'escreva, por exemplo, "ABC".')
    letters = [letter for item in answer for letter in str(item).upper() if letter not in " ,;→>-\n"]
    unknown = [letter for letter in letters if letter not in ENDPOINT_LINES]
    if unknown:
        raise NotYetError("letras de A a I", f"{unknown[0]!r}", "use as letras que vêm antes da barra |.")
    if len(letters) != len(set(letters)):
        twice = next(letter for letter in letters if letters.count(letter) > 1)
        raise NotYetError("cada linha uma vez só", f"{twice} repetida", "tire a repetição.")
    if len(letters) != len(ENDPOINT_LINES) - 1:
        raise NotYetError("8 das 9 linhas", f"{len(letters)}", "só uma linha sobra.")
    loads = _serve_twice("\n".join(ENDPOINT_LINES[letter] for letter in letters))
    if loads > 1:
        next_step = "carregue fora do endpoint, antes da primeira requisição."
        raise NotYetError("o modelo carregado uma vez só", f"{loads} vezes em 2 requisições", next_step)


def _serve_twice(source):
    """Roda o servidor de `source` e confere as respostas a dois pedidos; devolve quantas vezes ele carregou."""
    import flask

    from course_utils.model import digits, predictor

    loads = []

    class Predictor(predictor.Predictor):
        def __init__(self):
            super().__init__()
            loads.append(self)

    scope = {"Flask": flask.Flask, "request": flask.request, "jsonify": flask.jsonify, "Predictor": Predictor}
    scope["__name__"] = __name__
    images = digits.load("test")[0][:3].reshape(3, -1)
    expected = [item.digit for item in predictor.Predictor().predict(images)]
    try:
        exec(compile(source, "<suas linhas>", "exec"), scope)  # noqa: S102 – são as linhas do próprio aluno
        scope["app"].testing = True  # um erro do endpoint chega até aqui
        client = scope["app"].test_client()
        received = [client.post("/predict", json={"images": images.tolist()}).get_json() for _ in range(2)]
    except SyntaxError:
        next_step = "as linhas recuadas ficam dentro da função, logo abaixo do def; o @ vem logo acima dele."
        raise NotYetError("um servidor em Python", "linhas que o Python não entende", next_step) from None
    except NameError as error:
        name = str(error).split("'")[1]
        raise NotYetError(f"{name} criado antes de usado", "o contrário", "quem cria o nome vem antes.") from None
    except TypeError:
        next_step = "a última linha da função responde ao cliente."
        raise NotYetError("uma resposta em cada requisição", "um endpoint sem return", next_step) from None
    if received != [expected] * 2:
        raise NotYetError(f"{expected} em cada requisição", f"{received}", "ligue a rota /predict à função.")
    return len(loads)


FLOAT = "a tinta é a distância ao tom do papel, que vale 0; uint8 não tem negativos: converta para float."
# (o que se experimenta, o tom do papel, o da tinta, quanto vale a tinta, o próximo passo); o papel vale 0
PAGES = (
    ("tinta escura em papel claro", 255, 0, 1, FLOAT),
    ("giz em lousa", 0, 255, 1, "a distância não tem sinal: use np.abs."),
    ("lápis claro", 240, 180, 1, "divida pela maior distância: a tinta mais forte vale 1."),
    ("folha em branco", 200, 200, 0, "sem tinta a maior distância é 0: não divida por ela."),
)


@exercise("laboratorios/06_imagens_de_verdade", function="to_ink")
def imagens_tinta(answer):
    """De tons de cinza a tinta, de 0 a 1, seja qual for a cor do papel."""
    for what, paper, ink, full, step in PAGES:
        grey = np.full((6, 6), paper, np.uint8)
        grey[2:5, 3], grey[1, 3] = ink, (paper + ink) // 2
        expected = np.zeros((6, 6))
        expected[2:5, 3], expected[1, 3] = full, full / 2
        received = np.asarray(answer(grey.copy()), float)
        if received.shape != expected.shape:
            raise NotYetError(f"a forma {expected.shape}", str(received.shape), "devolva um número por pixel.")
        if not np.allclose(received, expected, atol=0.01):
            found, wanted = (
                f"papel {i[0, 0]:.3}, tinta fraca {i[1, 3]:.3} e forte {i[3, 3]:.3}" for i in (received, expected)
            )
            raise NotYetError(f"{wanted} ({what})", found, step)
