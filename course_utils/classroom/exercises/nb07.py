"""Exercício do notebook 07."""

import asyncio
import inspect
import threading

from course_utils.classroom.exercises.engine import NotYetError, exercise


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
        requests = asyncio.gather(*(answer(lookup, cep) for cep in ceps))
        await asyncio.sleep(0.05)
        gate.set()
        return await asyncio.wait_for(requests, 5)

    try:
        received = asyncio.run(serve())
    except TypeError as error:
        if "await" not in str(error):
            raise
        advice = "lookup é uma função comum: espere por asyncio.to_thread(lookup, cep)."
        raise NotYetError("await diante do que se pode esperar", "await diante de um texto", advice) from None
    except TimeoutError:
        raise NotYetError("três respostas", "nenhuma em 5 s", "confira se todo await termina.") from None
    if blocked:
        raise NotYetError("o laço livre enquanto lookup espera", "o laço parado", "use await asyncio.to_thread.")
    if any(inspect.isawaitable(value) for item in received if isinstance(item, dict) for value in item.values()):
        raise NotYetError("a rua, em texto", "uma corrotina", "falta um await diante de asyncio.to_thread.")
    expected = [{"cep": cep, "rua": f"Rua do CEP {cep}"} for cep in ceps]
    if received != expected:
        raise NotYetError(f"{expected[0]}", f"{received[0]}", "devolva o mesmo dicionário da rota original.")
