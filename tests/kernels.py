"""Uma célula num kernel de verdade."""


def run_cell(client, code, expression="None"):
    """Executa a célula no kernel e devolve o valor de `expression`, como texto."""
    reply = client.execute(code, user_expressions={"value": expression}, reply=True, timeout=60)
    content = reply["content"]
    assert content["status"] == "ok", content
    return content["user_expressions"]["value"]["data"]["text/plain"]
