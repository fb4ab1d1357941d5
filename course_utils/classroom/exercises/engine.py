"""O motor dos exercícios "Sua vez": registra as conferências, roda uma e conta o resultado ao aluno."""

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
