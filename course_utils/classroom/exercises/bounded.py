"""O código do aluno com prazo: um laço sem fim vira um aviso, e não um notebook travado."""

import ctypes
import threading


class StuckError(Exception):
    """O código não terminou no prazo."""


def run(function, seconds):
    """O que `function()` devolve ou levanta; roda noutra thread, e passado o prazo levanta `StuckError`.

    A thread atrasada recebe um `SystemExit`, que encerra qualquer laço escrito em Python.
    """
    outcome = {}

    def work():
        try:
            outcome["value"] = function()
        except BaseException as error:
            outcome["error"] = error

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        thread.join(seconds)
    finally:  # também quando o aluno interrompe a célula
        if thread.is_alive():
            _stop(thread)
    if "error" in outcome:
        raise outcome["error"]
    if "value" not in outcome:
        raise StuckError
    return outcome["value"]


def _stop(thread):
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident), ctypes.py_object(SystemExit))
