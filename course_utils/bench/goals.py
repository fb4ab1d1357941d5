"""As metas do projeto, banco por banco, e a tabela que as compara com o que se mediu.

Uma meta de `ratio` vai para a tabela do README; as outras dependem demais da máquina de quem mede.
"""

import math
from dataclasses import dataclass

DISK_BYTES = 6_000_000_000  # o espaço que o README pede


@dataclass(frozen=True)
class Goal:
    """O que se mede, até onde deve ir e, se há, o que a aula promete e o que ainda se gostaria de alcançar."""

    label: str
    limit: float
    least: bool = False  # verdadeiro: o limite é um mínimo
    unit: str = ""
    ratio: bool = True
    promise: str = ""
    further: float | None = None
    digits: int = 1

    @property
    def bound(self):
        """A meta por escrito: `"≥ 40×"`."""
        return f"{'≥' if self.least else '≤'} {self.shown(self.limit, short=True)}"

    def shown(self, value, *, short=False):
        """Um valor com a unidade e vírgula decimal; `short` tira os zeros do fim."""
        if value is None:
            return "não medido"
        tiny = 0 < abs(value) < 10**-self.digits
        form = ".1e" if tiny and not short else "g" if short else f".{self.digits}f"
        text = f"{value:{form}}".replace(".", ",")
        return f"{text}{'' if self.unit in ('', '×') else ' '}{self.unit}"

    def meets(self, value):
        """Cumprida? None se não se mediu."""
        if value is None or math.isnan(value):
            return None
        return bool(value >= self.limit if self.least else value <= self.limit)


FASTER = "mais rápido"
SETUP = {
    "disk_share": Goal("tamanho do ambiente ÷ o espaço que o README pede", 1, unit="×", digits=2),
    "disk_gb": Goal("tamanho do ambiente", DISK_BYTES / 1e9, unit="GB", ratio=False),
}
FORMATS = {
    "onnx_over_torch": Goal("ONNX Runtime ÷ PyTorch, uma imagem", 1, least=True, unit="×", digits=2),
    "int8_size": Goal("ONNX em int8: arquivo, vezes menor", 3.8, least=True, unit="×"),
    "int8_speed": Goal("ONNX em int8: uma imagem, vezes mais rápido", 1.2, least=True, unit="×"),
    "float32_agreement": Goal("mesmo dígito que o original, formatos em float32", 100, True, "%"),
    "reduced_agreement": Goal("mesmo dígito que o original, o pior em 16 ou 8 bits", 99, True, "%"),
    "float32_difference": Goal("maior diferença de probabilidade, float32", 1e-4, ratio=False),
}
SERVING = {
    "fastapi_over_flask_dev": Goal(
        "vazão: FastAPI ÷ Flask de desenvolvimento", 3, True, "×", True, FASTER, digits=2
    ),
    "fastapi_over_flask_production": Goal(
        "vazão: FastAPI ÷ Flask em produção", 1.2, True, "×", True, FASTER, digits=2
    ),
    "batching_gain_32_clients": Goal("vazão: em lotes ÷ direto, 32 clientes", 3, True, "×", digits=2),
    "overhead_ms_median": Goal("o que o servidor acrescenta à inferência", 0.4, unit="ms", ratio=False, digits=2),
    "ready_s": Goal("da partida à prontidão", 1.5, unit="s", ratio=False, digits=2),
    "memory_mb_per_process": Goal("memória de um processo", 150, unit="MB", ratio=False, digits=0),
}
OPTIMIZATION = {
    "size_ratio": Goal("poda + int8: arquivo, vezes menor", 40, True, "×", promise="10×", further=100),
    "speed_ratio_batch1": Goal("poda + int8: uma imagem, vezes mais rápida", 10, True, "×", True, "5×", 12),
    "accuracy_drop_points": Goal("poda + int8: acurácia perdida no teste", 0.5, unit="ponto"),
    "saving_percent": Goal("poda + int8: mais barato por milhão", 75, True, "%", promise="50 %", digits=0),
    "storage_ratio": Goal("Deep Compression na LeNet: arquivo, vezes menor", 40, True, "×"),
    "storage_drop_points": Goal("Deep Compression na LeNet: acurácia perdida", 0.5, unit="ponto", digits=2),
}
# Na ordem em que o comando os roda: os mais curtos antes.
BENCHES = {
    "setup": ("A preparação", SETUP),
    "formats": ("Os formatos", FORMATS),
    "serving": ("Os servidores", SERVING),
    "optimization": ("A otimização", OPTIMIZATION),
}


MARKS = {True: "✔", False: "✘", None: "–"}


def judge(values, goals):
    """O que se mediu, as metas e quais se cumpriram (None: não se mediu), pronto para o JSON."""
    return {
        "values": {name: values[name] for name in goals},
        "goals": {name: goal.limit for name, goal in goals.items()},
        "met": {name: goal.meets(values[name]) for name, goal in goals.items()},
    }


def rows(result, goals):
    """`(medida, valor, meta, ✔ ou ✘, até onde se quis ir)`, tudo texto, uma por meta."""
    return [
        (
            goal.label,
            goal.shown(result["values"][name]),
            goal.bound,
            MARKS[result["met"][name]],
            "" if goal.further is None else f"({goal.shown(goal.further, short=True)})",
        )
        for name, goal in goals.items()
    ]


def table(result, goals):
    """As metas como tabela de texto."""
    cells = [("medida", "valor", "meta", "", ""), *rows(result, goals)]
    widths = [max(len(row[column]) for row in cells) for column in range(3)]
    lines = (
        f"{label:{widths[0]}}  {value:>{widths[1]}}  {bound:>{widths[2]}}  {mark}  {further}".rstrip()
        for label, value, bound, mark, further in cells
    )
    return "\n".join(lines)
