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
    expected = {"A": ".keras", "B": "SavedModel", "C": "safetensors", "D": ".pt2"}
    code = "nele pode vir código; o que é só número não executa nada."
    graph = "ele leva só os pesos, e quem recebe não tem o código; procure o que leva o grafo."
    reasons = {
        ("A", ".h5"): "o .h5 volta com um otimizador que não reconhece as variáveis.",
        ("A", "SavedModel"): "ele não guarda o estado do otimizador.",
        ("A", "safetensors"): "ele guarda só os pesos; sem o estado do Adam, o treino não é o mesmo.",
        ("B", ".keras"): "o TensorFlow Serving lê pastas numeradas, não um zip do Keras.",
        ("C", ".pt"): "ele leva um pickle dentro, e abrir um pickle pode executar código.",
        ("C", "SavedModel"): code,
        ("C", ".keras"): code,
        ("C", ".pt2"): code,
        ("D", "safetensors"): graph,
        ("D", ".pt"): graph,
    }
    if not isinstance(answer, dict):
        raise NotYetError("um dicionário", type(answer).__name__, 'escreva {"A": "…", "B": "…", "C": "…", "D": "…"}.')
    if set(answer) != set(expected):
        raise NotYetError("os casos A, B, C e D", f"{list(answer)}", "dê um formato a cada caso, e só a eles.")
    for case, right in expected.items():
        if answer[case] != right:
            next_step = reasons.get((case, str(answer[case])), "procure o caso na tabela de formatos.")
            raise NotYetError(f"outro formato no caso {case}", repr(answer[case]), next_step)


@exercise
def salvar_arquivo_misterioso(answer):
    """01: uma função que diz o formato de um arquivo sem extensão, só pelos bytes; testada em quatro arquivos."""
    import tempfile
    import zipfile
    from pathlib import Path

    if not callable(answer):
        raise NotYetError("uma função", type(answer).__name__, "escreva resposta = identify, sem parênteses.")
    header = b'{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}'
    with tempfile.TemporaryDirectory() as folder:
        files = {name: Path(folder, f"misterio_{n}") for n, name in enumerate(("h5", "keras", "pt", "safetensors"))}
        files["h5"].write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(100))
        files["safetensors"].write_bytes(len(header).to_bytes(8, "little") + header + bytes(4))
        for name, content in (("keras", "config.json"), ("pt", "archive/data.pkl")):
            with zipfile.ZipFile(files[name], "w") as package:
                package.writestr(content, "{}")
        for name, path in files.items():
            received = answer(path)
            if received != name:
                next_step = f"veja como começa um {name}; se for um zip, o que há dentro dele."
                raise NotYetError(f'"{name}" para um arquivo desse tipo', repr(received), next_step)
