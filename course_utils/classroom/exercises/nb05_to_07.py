"""Exercícios dos notebooks 06 e 07 e dos laboratórios 05 e 06: o LiteRT, o servidor, a imagem, a rota."""

import asyncio
import inspect
import threading

import numpy as np

from course_utils.classroom.exercises.engine import call, require

FEW, MANY = np.array([0, 10, 20], np.int8), np.array([-128, -1, 0, 127], np.int8)
# Os inteiros, a escala e o zero_point; os reais, `escala × (inteiro − zero_point)` (LiteRT 8-bit quantization
# specification); o próximo passo de quem erra.
STEPS = (
    ((FEW, 0.25, 0), np.array([0, 2.5, 5]), "multiplique por scale: ela é o tamanho de um degrau."),
    (
        (FEW, 0.25, 4), np.array([-1, 1.5, 4]),
        "subtraia o zero_point, que representa o real 0, antes de multiplicar.",
    ),
    (
        (MANY, 0.0625, 21), 0.0625 * (MANY.astype(float) - 21),
        "em int8 a subtração dá a volta (−128 − 21 vira 107): antes dela, q.astype('float32').",
    ),
)  # fmt: skip
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
# As duas linhas que têm de ficar juntas, e por quê.
TOGETHER = {
    "BG": "o @ vem logo acima do def, ou não há rota /predict.",
    "GA": "o corpo da função vem logo abaixo do def, e começa por validar o que chegou.",
    "AH": "images nasce na validação, e só então se pré-processa.",
    "HC": "batch nasce no pré-processamento, e só então se infere.",
    "CE": "logits nasce na inferência, e só então se responde.",
}


def _page(paper, faint, strong, kind=np.uint8):
    """Uma folha com dois pixels de tinta, uma fraca e outra forte."""
    return np.array([[paper] * 4, [paper, faint, strong, paper], [paper] * 4], kind)


INK, NO_INK = _page(0, 0.5, 1, float), _page(0, 0, 0, float)
# A mesma folha, com tinta também no canto.
INKED, CORNER = _page(255, 127, 0), INK.copy()
INKED[0, 0], CORNER[0, 0] = 0, 1
FLOAT = "a tinta é a distância ao tom do papel, que vale 0; uint8 não tem negativos: converta para float."
PAGES = (
    ((_page(255, 127, 0),), INK, FLOAT),
    ((_page(0, 127, 255),), INK, "giz em lousa: a distância não tem sinal, use np.abs."),
    ((_page(240, 210, 180),), INK, "lápis claro: divida pela maior distância, e a tinta mais forte vale 1."),
    ((INKED,), CORNER, "o canto pode ter tinta: o papel é a mediana de todos os tons."),
    ((_page(200, 200, 200),), NO_INK, "folha em branco: a maior distância é 0, não divida por ela."),
)


def endpoint(answer):
    """As linhas de `ENDPOINT_LINES` em ordem; vale toda ordem que funcione: o modelo se carrega fora da função."""
    letters = "".join(letter for letter in str(answer).upper() if letter in ENDPOINT_LINES)
    step = "só uma linha sobra, e nenhuma se repete."
    require(len(letters) == len(set(letters)) == 8, "8 das 9 letras, cada uma uma vez", letters, step)
    step = "carregue fora da função, uma vez só, e não a cada requisição."
    require("I" not in letters, "sem a linha I", letters, step)
    for pair, step in TOGETHER.items():
        require(pair in letters, f"a linha {pair[1]} logo abaixo da {pair[0]}", letters, step)
    step = "a rota é da aplicação, que se cria antes dela."
    require(letters.index("F") < letters.index("B"), "a linha F antes da B", letters, step)


def free_route(answer):
    """Uma rota async que chama uma função bloqueante sem parar o laço de eventos."""
    step = "conserve o async def route(lookup, cep)."
    require(inspect.iscoroutinefunction(answer), "um async def", "outra coisa", step)
    gate, loop = threading.Event(), None

    def lookup(cep):
        # Só o laço abre o portão, e só depois que lookup começou: quem o bloqueia espera em vão.
        loop.call_soon_threadsafe(gate.set)
        free, step = gate.wait(2), "use await asyncio.to_thread."
        require(free, "o laço livre enquanto lookup espera", "o laço parado", step)
        return f"Rua do CEP {cep}"

    async def serve():
        nonlocal loop
        loop = asyncio.get_running_loop()
        return await call(answer, lookup, "01310100")

    received, expected = asyncio.run(serve()), {"cep": "01310100", "rua": "Rua do CEP 01310100"}
    step = "devolva o dicionário da rota original, com um await diante de asyncio.to_thread."
    require(received == expected, expected, received, step)
