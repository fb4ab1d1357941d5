"""O motor dos exercícios "Sua vez": registra as conferências, roda uma e conta o resultado ao aluno."""

from collections.abc import Callable

from course_utils.classroom import progress
from course_utils.classroom.exercises import bounded

LIMIT_S = 20


class NotYetError(Exception):
    """A resposta ainda não está certa."""

    def __init__(self, expected, received, next_step):
        super().__init__(f"Esperava {expected}; recebi {received}. Próximo passo: {next_step}")


CHECKS: dict[str, Callable] = {}
NOTEBOOKS: dict[str, str] = {}
LIMITS: dict[str, float] = {}


def exercise(notebook, *, seconds=LIMIT_S):
    """Registra a função como conferência do exercício de mesmo nome; ela levanta `NotYetError` ou termina.

    `notebook`: o notebook do exercício, sem extensão e a partir de notebooks/ ("02_onnx",
    "laboratorios/02_conversoes"); `seconds`: o prazo da conferência.
    """

    def register(function):
        name = function.__name__
        CHECKS[name], NOTEBOOKS[name], LIMITS[name] = function, notebook, seconds
        return function

    return register


def check(name, answer):
    """Confere `answer` do exercício `name` e imprime o resultado; nunca levanta um erro do aluno.

    Enquanto a resposta for `...` (ainda em branco) só lembra o que fazer: "Run All" continua. A certa fica
    anotada no progresso do aluno.
    """
    if answer is ...:
        print("Ainda sem resposta: troque os três pontos (...) pela sua resposta e rode de novo.")
        return
    limit = LIMITS.get(name, LIMIT_S)
    try:
        bounded.run(lambda: CHECKS[name](answer), limit)
    except NotYetError as feedback:
        print(f"✘ Ainda não. {feedback}")
    except bounded.StuckError:
        step = "procure o laço que não acaba e rode a sua função sozinha numa célula nova."
        print(f"✘ Ainda não. Esperava o fim em {limit} s; recebi silêncio. Próximo passo: {step}")
    except (Exception, SystemExit) as error:  # o código é do aluno: a falha dele vira uma frase, não um traceback
        reason = f"Sua resposta levantou {_words(error)}"
        print(f"✘ Ainda não. {reason}. Próximo passo: rode-a sozinha numa célula nova.")
    else:
        progress.record(name)
        print("✔ Certo!")


def _words(error):
    """O erro em uma linha, mesmo que ele não saiba virar texto."""
    try:
        return f"{type(error).__name__}: {error}"
    except Exception:
        return type(error).__name__
