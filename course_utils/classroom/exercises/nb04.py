"""Exercício do notebook 04."""

from course_utils.classroom.exercises.engine import NotYetError, exercise, plain

MODES = ("tempo real", "lote", "assíncrono", "serverless")
# O que cada modo encontraria em cada situação; o que falta é o certo.
PROBLEMS = {
    "A": {
        "lote": "o lote responde quando acaba o arquivo inteiro; o cliente está diante do caixa.",
        "assíncrono": "a resposta iria para o S3 e alguém teria de ir buscá-la: não há 100 ms garantidos.",
        "serverless": "são 200 leituras por segundo o dia todo: pagaria a duração de cada uma, e não a de uma "
        "máquina, e o cold start estouraria os 100 ms.",
    },
    "B": {
        "tempo real": "uma máquina ligada 24 horas para trabalhar numa só; ninguém espera a resposta na hora.",
        "assíncrono": "funciona, mas seriam dois milhões de pedidos, um por um; os arquivos já estão juntos.",
        "serverless": "até 200 execuções ao mesmo tempo, pagas pela duração, num trabalho sem pressa.",
    },
    "C": {
        "tempo real": "400 MB não passam pelo limite de 25 MB (6 MB, no botocore), nem 10 minutos pelo de 60 s.",
        "lote": "um registro do lote vai até 100 MB, e o mapa, que chega a qualquer hora, esperaria o próximo.",
        "serverless": "400 MB não passam pelo limite de 4 MB, nem 10 minutos pelo de 60 s.",
    },
    "D": {
        "tempo real": "a máquina ficaria ligada, e paga, 24 horas para 30 leituras.",
        "lote": "quem lê o envelope quer a resposta em segundos, não de madrugada.",
        "assíncrono": "a resposta iria para o S3, e o tamanho (10 kB) e a pressa (segundos) não pedem fila.",
    },
}
NAMES = {
    "tempo real": "tempo real", "tempo-real": "tempo real", "real time": "tempo real", "real-time": "tempo real",
    "lote": "lote", "em lote": "lote", "batch": "lote", "batch transform": "lote",
    "assincrono": "assíncrono", "assincrona": "assíncrono", "async": "assíncrono",
    "serverless": "serverless", "sem servidor": "serverless",
}  # fmt: skip


@exercise("04_nuvem", mapping='{"A": "…", "B": "…", …}, até D')
def nuvem_modo_certo(answer):
    """Um modo de inferência do SageMaker para cada situação; cada erro diz o limite em que esbarraria."""
    choices = {str(key).strip().upper(): plain(value) for key, value in answer.items()}
    if set(choices) != set(PROBLEMS):
        received = ", ".join(choices) or "nenhuma"
        raise NotYetError("as situações A, B, C e D", received, "dê um modo a cada uma, e só a elas.")
    for case, problems in PROBLEMS.items():
        chosen = NAMES.get(choices[case])
        if chosen is None:
            expected = f"um destes modos: {', '.join(MODES)}"
            raise NotYetError(expected, repr(choices[case]), f"corrija a situação {case}.")
        if chosen in problems:
            raise NotYetError(f"outro modo na situação {case}", repr(chosen), problems[chosen])
