"""O motor dos exercícios "Sua vez": registra as conferências, roda uma com prazo e conta o resultado ao aluno."""

import copy
import ctypes
import functools
import threading
import unicodedata
from concurrent.futures import Future
from datetime import date

from course_utils.classroom import state

LIMIT_S = 20
FILE = state.FOLDER / "exercises.json"

CHECKS, NOTEBOOKS, LIMITS = {}, {}, {}


class NotYetError(Exception):
    """A resposta ainda não está certa."""

    def __init__(self, expected, received, next_step):
        super().__init__(f"Esperava {expected}; recebi {_short(received)}. Próximo passo: {next_step}")


def exercise(notebook, *, function=None, mapping=None, seconds=LIMIT_S):
    """Registra a função como conferência do exercício de mesmo nome; ela levanta `NotYetError` ou termina.

    `notebook`: o notebook do exercício, sem extensão e a partir de notebooks/ ("02_onnx",
    "laboratorios/02_conversoes"); `seconds`: o prazo. Se a resposta é uma função, `function` é o nome dela no
    enunciado; se é um dicionário, `mapping` mostra a forma dele: outra coisa nem chega à conferência.
    """

    def register(judge):
        @functools.wraps(judge)
        def guarded(answer):
            if function and not callable(answer):
                step = f"escreva resposta = {function}, sem parênteses."
                raise NotYetError("uma função", type(answer).__name__, step)
            if mapping and not isinstance(answer, dict):
                raise NotYetError("um dicionário", type(answer).__name__, f"escreva {mapping}.")
            judge(answer)

        name = judge.__name__
        CHECKS[name], NOTEBOOKS[name], LIMITS[name] = guarded, notebook, seconds
        return guarded

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
        _run(lambda: CHECKS[name](answer), limit)
    except NotYetError as feedback:
        print(f"✘ Ainda não. {feedback}")
    except TimeoutError:
        step = "procure o laço que não acaba e rode a sua função sozinha numa célula nova."
        print(f"✘ Ainda não. Esperava o fim em {limit} s; recebi silêncio. Próximo passo: {step}")
    except (Exception, SystemExit) as error:  # o código é do aluno: a falha dele vira uma frase, não um traceback
        reason = _short(f"Sua resposta levantou {type(error).__name__}: {error}")
        print(f"✘ Ainda não. {reason}. Próximo passo: rode-a sozinha numa célula nova.")
    else:
        record(name)
        print("✔ Certo!")


def record(name):
    """Anota que o exercício `name` foi resolvido, com a data da primeira vez."""
    state.note(FILE, lambda solved: {name: date.today().isoformat()} | solved)


def choose(answer, reasons, options):
    """Confere um dicionário com uma das `options` (textos) para cada caso de `reasons`.

    `reasons`: `{caso: {opção errada: o que ela custaria}}`; a que falta ali serve. Levanta `NotYetError` com o
    porquê de cada escolha errada.
    """
    known = {plain(name): name for name in (*reasons, *options)}
    choices = {known.get(plain(case), plain(case)): known.get(plain(option)) for case, option in answer.items()}
    if set(choices) != set(reasons):
        received = ", ".join(choices) or "nenhum"
        raise NotYetError(f"os casos {', '.join(reasons)}", received, "dê uma opção a cada um, e só a eles.")
    lost = [case for case, option in choices.items() if option not in options]
    if lost:
        expected = f"uma destas opções: {', '.join(options)}"
        raise NotYetError(expected, "outra coisa", f"corrija: {', '.join(lost)}.")
    wrong = [(case, option) for case, option in choices.items() if option in reasons[case]]
    if wrong:
        expected = f"outra opção em {len(wrong)} de {len(reasons)} casos"
        received = ", ".join(f"{option} em {case}" for case, option in wrong)
        told = "".join(f"\n  {case}, {option}: {reasons[case][option]}" for case, option in wrong)
        raise NotYetError(expected, received, f"veja o que cada uma custaria:{told}")


def compare_calls(answer, name, cases):
    """Chama `answer` com os argumentos de cada caso e levanta `NotYetError` no primeiro que não dá o esperado.

    `name`: o nome da função no enunciado; `cases`: `(argumentos, o esperado, o próximo passo de quem erra)`, do
    mais simples ao mais completo, para que cada engano caia no caso que o explica.
    """
    for arguments, expected, step in cases:
        received = answer(*copy.deepcopy(arguments))
        if received != expected:
            given = ", ".join(map(repr, arguments))
            raise NotYetError(f"{expected} em {name}({given})", repr(received), step)


def plain(text):
    """O texto (até 100 letras) em minúsculas, sem acentos, aspas, ponto nem espaços sobrando."""
    letters = unicodedata.normalize("NFKD", str(text)[:100]).encode("ascii", "ignore").decode()
    return " ".join(letters.strip(" .\"'").lower().split())


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
