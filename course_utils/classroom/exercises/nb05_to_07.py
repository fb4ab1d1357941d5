"""Exercícios dos notebooks 06 e 07 e dos laboratórios 05 e 06: o LiteRT, o servidor, a imagem, a rota."""

import asyncio
import inspect
import threading

import numpy as np

from course_utils.classroom.exercises.engine import NotYetError, exercise

# Os inteiros, a escala, o zero_point, o próximo passo de quem erra.
STEPS = (
    ([0, 10, 20], 0.25, 0, "multiplique por scale: ela é o tamanho de um degrau."),
    ([0, 10, 20], 0.25, 4, "subtraia o zero_point, que representa o real 0, antes de multiplicar."),
    (
        [[-128, -1, 0, 127]], 0.0625, 21,
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
FLOAT = "a tinta é a distância ao tom do papel, que vale 0; uint8 não tem negativos: converta para float."
# (o que se experimenta, o tom do papel, o da tinta, quanto vale a tinta, o próximo passo); o papel vale 0
PAGES = (
    ("tinta escura em papel claro", 255, 0, 1, FLOAT),
    ("giz em lousa", 0, 255, 1, "a distância não tem sinal: use np.abs."),
    ("lápis claro", 240, 180, 1, "divida pela maior distância: a tinta mais forte vale 1."),
    ("folha em branco", 200, 200, 0, "sem tinta a maior distância é 0: não divida por ela."),
)


@exercise("laboratorios/05_litert_e_aparelhos", function="e o nome dela")
def borda_desquantizar(answer):
    """Uma função `(q, scale, zero_point)` que devolve os números reais por trás dos inteiros de 8 bits.

    A fórmula é `real = scale × (q − zero_point)` (LiteRT 8-bit quantization specification).
    """
    for values, scale, zero_point, step in STEPS:
        q = np.array(values, np.int8)
        expected = scale * (q.astype(float) - zero_point)
        received = np.asarray(answer(q.copy(), scale, zero_point), float)
        if received.shape != q.shape:
            shapes = f"um array de forma {q.shape}", f"a forma {received.shape}"
            raise NotYetError(*shapes, "devolva um real para cada inteiro de q.")
        if not np.allclose(received, expected, rtol=1e-6, atol=1e-6):
            given = f"q = {q.tolist()}, scale = {scale}, zero_point = {zero_point}"
            raise NotYetError(f"{expected.tolist()} para {given}", f"{received.tolist()}", step)


@exercise("06_api_flask")
def flask_parsons(answer):
    """As linhas de `ENDPOINT_LINES` em ordem; vale toda ordem que funcione: o modelo se carrega fora da função."""
    letters = "".join(letter for letter in str(answer).upper() if letter in ENDPOINT_LINES)
    if len(letters) != 8 or len(set(letters)) != 8:
        expected = "8 das 9 letras, cada uma uma vez"
        raise NotYetError(expected, letters or "nenhuma", "só uma linha sobra, e nenhuma se repete.")
    if "I" in letters:
        step = "carregue fora da função, uma vez só, e não a cada requisição."
        raise NotYetError("sem a linha I", letters, step)
    for pair, step in TOGETHER.items():
        if pair not in letters:
            raise NotYetError(f"a linha {pair[1]} logo abaixo da {pair[0]}", letters, step)
    if letters.index("F") > letters.index("B"):
        raise NotYetError("a linha F antes da B", letters, "a rota é da aplicação, que se cria antes dela.")


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


@exercise("07_api_fastapi", function="route")
def fastapi_rota_livre(answer):
    """Uma rota async que chama uma função bloqueante sem parar o laço de eventos."""
    if not inspect.iscoroutinefunction(answer):
        raise NotYetError("um async def", "outra coisa", "conserve o async def route(lookup, cep).")
    ceps, gate, blocked = ["01310100", "20040002", "70040010"], threading.Event(), []

    def lookup(cep):
        # Só o laço de eventos abre o portão: quem o bloqueia espera em vão.
        if not gate.wait(2):
            blocked.append(cep)
            gate.set()
        return f"Rua do CEP {cep}"

    async def serve():
        # `return_exceptions`: do que o prazo interrompe, o `asyncio` não reclama depois, quando ninguém espera.
        requests = asyncio.gather(*(answer(lookup, cep) for cep in ceps), return_exceptions=True)
        await asyncio.sleep(0.05)
        gate.set()
        return await requests

    received = asyncio.run(serve())
    for failure in received:
        if isinstance(failure, Exception):
            raise failure
    if blocked:
        raise NotYetError("o laço livre enquanto lookup espera", "o laço parado", "use await asyncio.to_thread.")
    expected = [{"cep": cep, "rua": f"Rua do CEP {cep}"} for cep in ceps]
    if received != expected:
        step = "devolva o dicionário da rota original, com um await diante de asyncio.to_thread."
        raise NotYetError(f"{expected[0]}", f"{received[0]}", step)
