"""O pedido da central, em números, e o que cada escolha custaria nela."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Brief:
    """O que a central exige. `deadline_ms`: o p95 de um envelope, que são oito dígitos numa requisição."""

    envelopes_per_hour: int = 18_000
    digits: int = 8
    deadline_ms: float = 150
    accuracy: float = 0.97
    model_mb: float = 1.0
    memory_mb: float = 256


BRIEF = Brief()
FIELDS = ("servidor", "modelo", "formato", "casa", "api", "otimizacao")

# O que cada escolha conhecida custaria nesta central; as que servem têm None.
HEAVY = "pede o framework inteiro no aparelho; veja no notebook 06 a memória do processo do Keras."
COSTS = {
    "casa": {
        "borda": None,
        "nuvem": "a imagem sairia do prédio, e a conexão cai três vezes por dia: a esteira pararia com ela.",
        "dedicado": "não há sala de máquinas nem equipe, e o dinheiro já foi para os aparelhos.",
    },
    "formato": {
        "onnx": None,
        "litert": None,
        **dict.fromkeys(("keras", "h5", "savedmodel", "pt", "pt2", "safetensors"), HEAVY),
    },
    "otimizacao": {
        "poda": None,
        "poda + int8": None,
        "int8": "deixa um quarto dos bytes: os 7,4 MB viram perto de 1,9.",
        "float16": "deixa metade dos bytes: os 7,4 MB viram 3,7.",
        "nenhuma": "são 7,4 MB, e cabe 1.",
    },
    "api": {
        "fastapi": None,
        "flask": None,
    },
}
SUFFIXES = {"onnx": ".onnx", "litert": ".tflite"}
SAME = {
    "edge": "borda", "edge ai": "borda", "dispositivo de borda": "borda", "cloud": "nuvem",
    "servidor dedicado": "dedicado", "on-premise": "dedicado", "tflite": "litert", "tensorflow lite": "litert",
    "poda e int8": "poda + int8", "int8 + poda": "poda + int8", "poda+int8": "poda + int8",
    "poda estruturada": "poda", "quantização": "int8", "quantizacao": "int8",
}  # fmt: skip


def plain(choice):
    """A escolha em minúsculas, sem ponto nem espaços sobrando, pelo nome que usamos aqui."""
    text = " ".join(str(choice)[:40].strip(" .").lower().split())
    return SAME.get(text, text)
