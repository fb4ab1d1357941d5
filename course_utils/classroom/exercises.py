"""A conferência dos exercícios "Sua vez": diz o que esperava, o que recebeu e o próximo passo."""

from collections.abc import Callable


class NotYetError(Exception):
    """A resposta ainda não está certa."""

    def __init__(self, expected, received, next_step):
        super().__init__(f"Esperava {expected}; recebi {received}. Próximo passo: {next_step}")


CHECKS: dict[str, Callable] = {}


def exercise(function):
    """Registra a função como conferência do exercício de mesmo nome; ela levanta `NotYetError` ou termina."""
    CHECKS[function.__name__] = function
    return function


def check(name, answer):
    """Confere `answer` do exercício `name` e imprime o resultado; nunca levanta um erro do aluno.

    Enquanto a resposta for `...` (ainda em branco) só lembra o que fazer: "Run All" continua.
    """
    if answer is ...:
        print("Ainda sem resposta: troque os três pontos (...) pela sua resposta e rode de novo.")
        return
    try:
        CHECKS[name](answer)
    except NotYetError as feedback:
        print(f"✘ Ainda não. {feedback}")
    except Exception as error:  # o código é do aluno: qualquer falha dele vira uma frase, não um traceback
        reason = f"{type(error).__name__}: {error}"
        print(f"✘ Ainda não. Sua resposta levantou {reason}. Próximo passo: rode-a sozinha numa célula nova.")
    else:
        print("✔ Certo!")


@exercise
def ponte_tres_imagens(answer):
    """00: os dígitos que o servidor leu nas três primeiras imagens do teste, numa requisição só."""
    from course_utils.model import digits
    from course_utils.model.predictor import Predictor

    expected = [item.digit for item in Predictor().predict(digits.load("test")[0][:3])]
    if not isinstance(answer, list):
        raise NotYetError("uma lista", type(answer).__name__, "junte os três dígitos entre colchetes.")
    if len(answer) != 3:
        raise NotYetError("3 dígitos", f"{len(answer)}", "envie images[:3], que são três imagens.")
    if any(isinstance(item, dict) for item in answer):
        raise NotYetError("só os dígitos", "dicionários", 'de cada previsão, pegue a chave "digit".')
    if answer != expected:
        raise NotYetError(f"{expected}", f"{answer}", "confira se enviou as três primeiras imagens do teste.")


@exercise
def salvar_formato_certo(answer):
    """01: um formato para cada caso; cada erro diz o que falta ao formato escolhido."""
    expected = {"A": "keras", "B": "savedmodel", "C": "safetensors", "D": "pt2"}
    code = "ele leva mais que números, e o que leva pode executar código."
    no_graph = "ele leva só os pesos, e quem recebe não tem o código da rede."
    reasons = {
        "Ah5": "o .h5 volta com um otimizador que não reconhece as variáveis.",
        "Asavedmodel": "o SavedModel não guarda o estado do otimizador.",
        "Asafetensors": "ele guarda só os pesos; sem o estado do Adam, o treino é outro.",
        "Bkeras": "o TensorFlow Serving lê pastas numeradas, não o zip do Keras.",
        "Cpt": "dentro dele há um pickle, e abrir um pickle pode executar código.",
        **{f"C{name}": code for name in ("keras", "h5", "savedmodel", "pt2")},
        **{f"D{name}": no_graph for name in ("pt", "safetensors")},
    }
    if not isinstance(answer, dict):
        raise NotYetError("um dicionário", type(answer).__name__, 'escreva {"A": "…", "B": "…", …}, até D.')
    if set(answer) != set(expected):
        raise NotYetError("os casos A, B, C e D", f"{list(answer)}", "dê um formato a cada caso, e só a eles.")
    for case, right in expected.items():
        chosen = str(answer[case]).strip(" .").lower()
        if chosen != right:
            reason = reasons.get(case + chosen)
            next_step = f"escolha outro: {reason}" if reason else "procure o caso na tabela de formatos."
            raise NotYetError(f"outro formato no caso {case}", repr(answer[case]), next_step)


@exercise
def salvar_arquivo_misterioso(answer):
    """01: uma função que reconhece o formato de um arquivo sem extensão, pelos bytes; cinco arquivos de prova."""
    import tempfile
    import zipfile
    from pathlib import Path

    if not callable(answer):
        raise NotYetError(
            "uma função", type(answer).__name__, "escreva resposta = e o nome da sua função, sem parênteses."
        )
    header = b'{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}'
    files = [
        ("h5", b"\x89HDF\r\n\x1a\n" + bytes(100), "leia os primeiros bytes: um HDF5 começa por b'\\x89HDF'."),
        ("keras", ["metadata.json", "config.json", "model.weights.h5"], "abra o zip: há um config.json dentro."),
        (
            "safetensors",
            len(header).to_bytes(8, "little") + header + bytes(4),
            "leia o nono byte: nele está a chave {.",
        ),
        ("pt", ["pesos/data.pkl", "pesos/data/0"], "abra o zip: não há config.json."),
        ("pt", ["leitor/data.pkl", "leitor/data/0"], "não conte com o nome da pasta: ele muda em cada arquivo."),
    ]
    with tempfile.TemporaryDirectory() as folder:
        for number, (name, content, next_step) in enumerate(files):
            path = Path(folder, f"misterio_{number}")
            if isinstance(content, bytes):
                path.write_bytes(content)
            else:
                with zipfile.ZipFile(path, "w") as package:
                    for member in content:
                        package.writestr(member, "{}")
            received = answer(path)
            if received != name:
                raise NotYetError(f'"{name}" no arquivo {number + 1} de {len(files)}', repr(received), next_step)


@exercise
def onnx_lote_dinamico(session):
    """02: a sessão da rede com softmax: entrada `pixels`, saída `probabilidades`, lote livre."""
    import numpy as np
    import onnxruntime

    from course_utils.model import digits
    from course_utils.model.predictor import Predictor

    if not isinstance(session, onnxruntime.InferenceSession):
        raise NotYetError("uma sessão", type(session).__name__, "passe o arquivo selado a open_session.")
    inputs, outputs = session.get_inputs(), session.get_outputs()
    names = [item.name for item in inputs], [item.name for item in outputs]
    if names != (["pixels"], ["probabilidades"]):
        raise NotYetError(
            "a entrada pixels e a saída probabilidades",
            f"{names[0]} e {names[1]}",
            "dê os nomes em input_names e output_names.",
        )
    if isinstance(inputs[0].shape[0], int):
        raise NotYetError("um lote livre", f"{inputs[0].shape[0]} fixo", "falta dynamic_shapes na exportação.")
    if inputs[0].shape[1:] != [1, 28, 28]:
        raise NotYetError("imagens (1, 28, 28)", f"{inputs[0].shape[1:]}", "use torch.zeros(2, 1, 28, 28).")
    images = digits.load("test")[0][:7]
    predictor = Predictor()
    expected = np.array([item.probabilities for item in predictor.predict(images)])
    answers = [session.run(None, {"pixels": predictor.preprocess(images[:count])})[0] for count in (7, 1)]
    if [answer.shape for answer in answers] != [(7, 10), (1, 10)]:
        shapes = " e ".join(str(answer.shape) for answer in answers)
        raise NotYetError("respostas (7, 10) e (1, 10)", shapes, "a rede deve devolver 10 números por imagem.")
    if not np.allclose(answers[0].sum(axis=1), 1, atol=1e-4) or (answers[0] < 0).any():
        raise NotYetError("10 números que somam 1", "outra soma", "ponha torch.nn.Softmax(dim=1) depois da rede.")
    if not np.allclose(np.concatenate(answers), expected[[*range(7), 0]], atol=1e-4):
        raise NotYetError("as probabilidades do modelo do curso", "outras", "exporte networks.torch_network().")


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


@exercise
def flask_parsons(answer):
    """06: as linhas de `ENDPOINT_LINES` em ordem; roda o servidor montado, e vale toda ordem que funcione."""
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
        exec(compile(source, "<suas linhas>", "exec"), scope)
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


@exercise
def fastapi_rota_livre(answer):
    """07: uma rota async que chama uma função bloqueante sem parar o laço de eventos."""
    import asyncio
    import inspect
    import threading

    if not callable(answer):
        raise NotYetError("uma função", type(answer).__name__, "escreva resposta = route, sem parênteses.")
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
        requests = asyncio.gather(*(answer(lookup, cep) for cep in ceps))
        await asyncio.sleep(0.05)
        gate.set()
        return await asyncio.wait_for(requests, 5)

    try:
        received = _in_thread(lambda: asyncio.run(serve()))
    except TimeoutError:
        raise NotYetError("três respostas", "nenhuma em 5 s", "confira se todo await termina.") from None
    if blocked:
        raise NotYetError("o laço livre enquanto lookup espera", "o laço parado", "use await asyncio.to_thread.")
    if any(inspect.isawaitable(value) for item in received if isinstance(item, dict) for value in item.values()):
        raise NotYetError("a rua, em texto", "uma corrotina", "falta um await diante de asyncio.to_thread.")
    expected = [{"cep": cep, "rua": f"Rua do CEP {cep}"} for cep in ceps]
    if received != expected:
        raise NotYetError(f"{expected[0]}", f"{received[0]}", "devolva o mesmo dicionário da rota original.")


def _in_thread(function, seconds=10):
    """O que `function` devolve ou levanta, rodada noutra thread: o kernel já tem o seu laço de eventos."""
    import threading

    result = {}

    def run():
        try:
            result["value"] = function()
        except BaseException as error:
            result["error"] = error

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds)
    if "error" in result:
        raise result["error"]
    if "value" not in result:
        raise TimeoutError
    return result["value"]
