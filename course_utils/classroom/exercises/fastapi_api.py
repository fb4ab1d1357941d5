"""Exercício do notebook 07."""

from course_utils.classroom.exercises.engine import NotYetError, exercise


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
