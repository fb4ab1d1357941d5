"""Uma célula num kernel de verdade."""

import time

from waiting import PATIENCE_S


def run_cell(client, code, expression="None"):
    """Executa a célula no kernel e devolve o valor de `expression`, como texto."""
    reply = client.execute(code, user_expressions={"value": expression}, reply=True, timeout=PATIENCE_S)
    content = reply["content"]
    assert content["status"] == "ok", content
    return content["user_expressions"]["value"]["data"]["text/plain"]


def interrupt_cell(manager, client, code):
    """Começa a célula e, quando ela já está no meio, faz o que faz o botão ■."""
    # Sem `stop_on_error`: depois de um erro, o ipykernel descarta por um instante o que há na fila, e a célula
    # seguinte podia estar nela.
    client.execute(f"print('já', flush=True)\n{code}", stop_on_error=False)
    while client.get_iopub_msg(timeout=PATIENCE_S)["content"].get("text") != "já\n":
        pass
    time.sleep(0.5)  # para que a interrupção a pegue no meio; cedo demais, a prova só fica mais fácil
    manager.interrupt_kernel()
    assert client.get_shell_msg(timeout=PATIENCE_S)["content"].get("ename") == "KeyboardInterrupt", code
