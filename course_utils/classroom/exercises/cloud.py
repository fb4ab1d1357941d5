"""Exercício do notebook 04."""

import unicodedata

from course_utils.classroom.exercises.engine import NotYetError, exercise

RIGHT = {"A": "tempo real", "B": "lote", "C": "assíncrono", "D": "serverless"}
# O que cada escolha errada encontraria ali.
PROBLEMS = {
    ("A", "lote"): "o lote responde quando acaba o arquivo inteiro; o cliente está diante do caixa.",
    ("A", "assíncrono"): "a resposta iria para o S3 e alguém teria de ir buscá-la: não há 100 ms garantidos.",
    (
        "A",
        "serverless",
    ): "são 200 leituras por segundo o dia todo: pagaria a duração de cada uma, e não a de uma máquina, e "
    "o cold start estouraria os 100 ms.",
    ("B", "tempo real"): "uma máquina ligada 24 horas para trabalhar numa só; ninguém espera a resposta na hora.",
    ("B", "assíncrono"): "funciona, mas seriam dois milhões de pedidos, um por um; os arquivos já estão juntos.",
    (
        "B",
        "serverless",
    ): "até 200 execuções ao mesmo tempo, pagas pela duração, num trabalho sem pressa.",
    (
        "C",
        "tempo real",
    ): "400 MB não passam pelo limite de 25 MB (6 MB, no botocore), nem 10 minutos pelo de 60 s.",
    ("C", "lote"): "um registro do lote vai até 100 MB, e o mapa, que chega a qualquer hora, esperaria o próximo.",
    ("C", "serverless"): "400 MB não passam pelo limite de 4 MB, nem 10 minutos pelo de 60 s.",
    ("D", "tempo real"): "a máquina ficaria ligada, e paga, 24 horas para 30 leituras.",
    ("D", "lote"): "quem lê o envelope quer a resposta em segundos, não de madrugada.",
    ("D", "assíncrono"): "a resposta iria para o S3, e o tamanho (10 kB) e a pressa (segundos) não pedem fila.",
}
NAMES = {
    "tempo real": "tempo real", "tempo-real": "tempo real", "real time": "tempo real", "real-time": "tempo real",
    "lote": "lote", "em lote": "lote", "batch": "lote", "batch transform": "lote",
    "assincrono": "assíncrono", "assincrona": "assíncrono", "async": "assíncrono",
    "serverless": "serverless", "sem servidor": "serverless",
}  # fmt: skip


@exercise("04_nuvem")
def nuvem_modo_certo(answer):
    """Um modo de inferência do SageMaker para cada situação; cada erro diz o limite em que esbarraria."""
    if not isinstance(answer, dict):
        raise NotYetError("um dicionário", type(answer).__name__, 'escreva {"A": "…", "B": "…", …}, até D.')
    choices = {str(key).strip().upper(): _plain(value) for key, value in answer.items()}
    if set(choices) != set(RIGHT):
        received = ", ".join(choices)[:60] or "nenhuma"
        raise NotYetError("as situações A, B, C e D", received, "dê um modo a cada uma, e só a elas.")
    for case, expected in RIGHT.items():
        chosen = NAMES.get(choices[case])
        if chosen is None:
            modes = ", ".join(dict.fromkeys(RIGHT.values()))
            raise NotYetError(f"um destes modos: {modes}", repr(choices[case]), f"corrija a situação {case}.")
        if chosen != expected:
            raise NotYetError(f"outro modo na situação {case}", repr(chosen), PROBLEMS[case, chosen])


def _plain(text):
    """Em minúsculas, sem acentos nem espaços sobrando."""
    letters = unicodedata.normalize("NFKD", str(text)[:60]).encode("ascii", "ignore").decode()
    return " ".join(letters.strip(" .").lower().split())
