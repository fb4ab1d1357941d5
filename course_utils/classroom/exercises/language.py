"""Exercício do laboratório sobre o modelo de linguagem."""

from course_utils.classroom.exercises.engine import NotYetError, exercise

# (tokens, camadas, cabeças de chave e valor, números por cabeça, bytes por número) → bytes.
CASES = {
    (1, 30, 3, 64, 4): 46_080,
    (8192, 30, 3, 64, 2): 188_743_680,
    (1, 32, 8, 128, 2): 131_072,
    (1024, 32, 8, 128, 1): 67_108_864,
    (0, 30, 3, 64, 2): 0,
}


@exercise("laboratorios/modelo_de_linguagem")
def linguagem_cache_kv(answer):
    """A memória do cache KV: duas tabelas (chaves e valores), em cada camada, para cada token."""
    if not callable(answer):
        raise NotYetError("uma função", type(answer).__name__, "escreva resposta = kv_bytes, sem parênteses.")
    for arguments, expected in CASES.items():
        received = answer(*arguments)
        if isinstance(received, bool) or not isinstance(received, int | float) or received != expected:
            case = f"{expected} para kv_bytes{arguments}"
            raise NotYetError(case, repr(received)[:60], _advise(received, expected, arguments))


def _advise(received, expected, arguments):
    """O que dizer, pelo quanto falta ou sobra."""
    tokens, layers, heads, size, width = arguments
    number = isinstance(received, int | float) and not isinstance(received, bool)
    if number and received * 2 == expected:
        return "são duas tabelas por camada: a das chaves (K) e a dos valores (V)."
    if number and received and received * width == expected:
        return "falta o tamanho de cada número, em bytes."
    if number and received * layers == expected:
        return "cada camada tem o seu cache."
    if number and received == expected * 8:
        return "a resposta é em bytes, e não em bits."
    return "multiplique 2 × camadas × cabeças × números por cabeça × bytes × tokens."
