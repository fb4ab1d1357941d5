"""O motor dos exercícios "Sua vez": roda uma conferência com prazo e conta o resultado ao aluno.

Uma conferência recebe a resposta e termina, ou levanta `NotYetError` pelo primeiro `require` que não se cumpre.
"""

import copy
import ctypes
import threading
import unicodedata
from concurrent.futures import Future
from datetime import date

import numpy as np

from course_utils.classroom import state

FILE = state.FOLDER / "exercises.json"


class NotYetError(Exception):
    """A resposta ainda não está certa."""


def judge(check, answer, seconds):
    """O que se diz ao aluno da `answer`, pela conferência `check`, com o prazo de `seconds`; e se ela está certa.

    O código é do aluno: o erro dele e o laço sem fim viram uma frase.
    """
    try:
        _run(lambda: check(answer), seconds)
    except NotYetError as feedback:
        return f"✘ Ainda não. {feedback}", False
    except TimeoutError:
        reason = f"Esperava que ela terminasse em {seconds} s; não terminou"
        step = "procure o laço que não acaba e rode a sua função sozinha numa célula nova."
        return f"✘ Ainda não. {reason}. Próximo passo: {step}", False
    except (Exception, SystemExit) as error:
        reason = _short(f"Sua resposta levantou {type(error).__name__}: {error}")
        return f"✘ Ainda não. {reason}. Próximo passo: rode-a sozinha numa célula nova.", False
    return "✔ Certo!", True


def record(name):
    """Anota que o exercício `name` foi resolvido, com a data da primeira vez."""
    state.note(FILE, lambda solved: {name: date.today().isoformat()} | solved)


def require(right, expected, received, next_step):
    """Levanta `NotYetError`, com o que se esperava, o que veio e o próximo passo, se `right` é falso."""
    if not right:
        raise NotYetError(f"Esperava {expected}; recebi {_short(str(received))}. Próximo passo: {next_step}")


def choose(costs, answer):
    """Confere um dicionário com uma opção (texto) para cada caso de `costs`.

    `costs`: `{caso: {opção: o que ela custaria, ou None se serve}}`; cada escolha errada ouve o seu porquê.
    Acentos, maiúsculas, e pontos e espaços nas pontas, não contam.
    """
    shape = "{" + ", ".join(f'"{case}": "…"' for case in costs) + "}"
    require(isinstance(answer, dict), "um dicionário", type(answer).__name__, f"escreva {shape}.")
    options = list(next(iter(costs.values())))
    known = {_plain(name): name for name in (*costs, *options)}
    choices = {known.get(_plain(case)): known.get(_plain(option)) for case, option in answer.items()}
    named = set(choices) == set(costs) and set(choices.values()) <= set(options)
    expected = f"uma destas opções para cada caso, e só para eles: {', '.join(options)}"
    require(named, expected, answer, f"confira os nomes em {shape}.")
    wrong = {case: option for case, option in choices.items() if costs[case][option]}
    told = "".join(f"\n  {case}, {option}: {costs[case][option]}" for case, option in wrong.items())
    expected = f"outra opção em {len(wrong)} de {len(costs)} casos"
    require(not wrong, expected, ", ".join(wrong), f"veja o que cada uma custaria:{told}")


def compare_calls(cases, answer):
    """Chama a função `answer` em cada caso, até o primeiro que não dá o esperado.

    `cases`: `(argumentos, o esperado, o próximo passo de quem erra)`, do mais simples ao mais completo, para que
    cada engano caia no caso que o explica.
    """
    for arguments, expected, step in cases:
        received = call(answer, *arguments)
        given = ", ".join(map(show, arguments))
        require(same(received, expected), f"{show(expected)} com ({given})", show(received), step)


def call(answer, *arguments):
    """O que a função do aluno devolve; ela recebe cópias, que pode mudar à vontade."""
    step = "ponha em resposta só o nome da sua função, sem parênteses."
    require(callable(answer), "uma função", type(answer).__name__, step)
    return answer(*copy.deepcopy(arguments))


def unpack(received, names):
    """Os vários valores que uma função devolveu, como arrays; `names`: os nomes deles ("w1, b1, w2")."""
    count = len(names.split(", "))
    several = isinstance(received, tuple | list) and len(received) == count
    require(several, f"{count} valores", type(received).__name__, f"termine com return {names}.")
    return [np.asarray(item, float) for item in received]


def same(received, expected):
    """A resposta é a esperada? Um array, na mesma forma e com a tolerância de um centésimo."""
    if not isinstance(expected, np.ndarray):
        return received == expected
    received = np.asarray(received, float)
    return received.shape == expected.shape and np.allclose(received, expected, atol=0.01)


def show(value):
    """O valor como se escreveria; um array ou um número do NumPy, com três decimais."""
    return repr(np.round(value, 3).tolist() if isinstance(value, np.ndarray | np.generic) else value)


def _plain(text):
    """O texto sem acentos, maiúsculas nem o que sobra nas pontas."""
    letters = unicodedata.normalize("NFD", str(text)[:100]).encode("ascii", "ignore").decode()
    return letters.strip(" .").lower()


def _run(function, seconds):
    """Chama `function()` noutra thread, sem laço de eventos; passado o prazo, levanta `TimeoutError`."""
    outcome = Future()

    def work():
        try:
            outcome.set_result(function())
        except BaseException as error:
            outcome.set_exception(error)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        outcome.result(seconds)
    finally:  # também quando o aluno interrompe a célula
        if not outcome.done():  # um laço sem fim disputaria o processador com o resto do notebook
            exit_now = ctypes.py_object(SystemExit)
            ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident), exit_now)


def _short(text):
    """O texto sem o que passa de 200 letras: o que se recebe pode ser enorme."""
    return f"{text[:200]}…" if len(text) > 200 else text
