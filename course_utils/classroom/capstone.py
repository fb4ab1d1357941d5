"""O desafio do notebook 10, "o deploy da sua central": o pedido, a conferência da entrega e o laudo."""

import contextlib
import re
from pathlib import Path
from typing import NamedTuple

from course_utils.classroom import capstone_proofs, servers
from course_utils.classroom.capstone_proofs import Item
from course_utils.measure.memory import size_bytes, tree_bytes
from course_utils.measure.numbers import br

MODEL_MB, MEMORY_MB = 1, 256  # o que cabe no aparelho
LOCAL = re.compile(r"http://(127\.0\.0\.1|localhost):\d+/?")  # nada sai daqui

# O que cada escolha custaria nesta central; as que servem têm None.
HEAVY = "pede o framework inteiro no aparelho; veja no notebook 06 a memória do processo do Keras."
COSTS = {
    "casa": {
        "borda": None,
        "nuvem": "a imagem sairia do prédio, e a conexão cai três vezes por dia: a esteira pararia com ela.",
        "dedicado": "não há sala de máquinas nem equipe, e o dinheiro já foi para os aparelhos.",
    },
    "formato": {"onnx": None, "litert": None, "keras": HEAVY, "savedmodel": HEAVY, "pt2": HEAVY},
    "otimizacao": {
        "poda": None,
        "poda + int8": None,
        "int8": "deixa um quarto dos bytes: os 7,4 MB viram perto de 1,9.",
        "float16": "deixa metade dos bytes: os 7,4 MB viram 3,7.",
        "nenhuma": "são 7,4 MB, e cabe 1.",
    },
    "api": {"fastapi": None, "flask": None},
}
SUFFIXES = {"onnx": ".onnx", "litert": ".tflite"}  # dos formatos que cabem
LABELS = {"otimizacao": "otimização", "api": "API"}
MARKS = {True: "✔", False: "✘", None: "–"}


class Report(NamedTuple):
    """O laudo inteiro; `print(laudo)` mostra uma linha por item e, depois de um ✘, o próximo passo."""

    items: tuple[Item, ...]

    def __str__(self):
        passed = sum(item.ok is True for item in self.items)
        lines = [f"LAUDO DA CENTRAL: {passed} de {len(self.items)} itens atendidos"]
        for item in self.items:
            lines.append(f"{MARKS[item.ok]} {item.what}: esperava {item.expected}; recebi {item.received}")
            if item.ok is False:
                lines.append(f"  → {item.next_step}")
        return "\n".join(lines)


def inspect(delivery):
    """Confere a entrega e devolve o `Report`; o que o servidor fizer de errado só vai para o laudo.

    `delivery`: `servidor` (`"pasta/arquivo.py:app"`, que é iniciado e encerrado aqui; um `Server` já no ar; ou o
    endereço `http://127.0.0.1:porta/` de um), `modelo`, `formato`, `casa`, `api` e `otimizacao`.
    """
    try:
        with _open(delivery) as (url, process):
            items = [*capstone_proofs.prove(url), _memory(process)]
    except (servers.ServerError, ValueError) as error:
        last = str(error).strip().splitlines()[-1][:150]
        step = (
            "dê \"pasta/arquivo.py:app\" (o arquivo lê o modelo de os.environ['AULA_MODEL']), um Server, ou "
            "http://127.0.0.1:porta/."
        )
        items = [Item("No ar", False, "um servidor desta máquina, pronto", last, step)]
    return Report((*items, _size(delivery["modelo"]), *_choices(delivery)))


@contextlib.contextmanager
def _open(delivery):
    """`(endereço, processo ou None)` do servidor entregue; encerra só o que iniciou."""
    server = delivery["servidor"]
    if isinstance(server, servers.Server):
        yield server.url, server.process
    elif ".py:" in str(server):
        kind = "waitress" if _choice(delivery, "api") == "flask" else "uvicorn"
        with servers.start(server, model=Path(str(delivery["modelo"])).resolve(), server=kind) as started:
            yield started.url, started.process
    elif LOCAL.fullmatch(str(server)):
        yield server.rstrip("/") + "/", None
    else:
        raise ValueError(f"o endereço {str(server)[:60]!r}")


def _memory(process):
    limit = f"até {MEMORY_MB} MB"
    used = tree_bytes(process.pid) / 1e6 if process else 0
    if not used:
        return Item("Memória", None, limit, "nada: o processo não foi iniciado aqui")
    step = "veja o que o processo importa: para inferir basta o ONNX Runtime ou o LiteRT."
    return Item("Memória", used <= MEMORY_MB, limit, f"{used:.0f} MB", step)


def _size(model):
    exists = Path(str(model)).is_file()
    size = size_bytes(model) / 1e6 if exists else 0
    step = (
        'dê em "modelo" o arquivo que o servidor carrega; o notebook 09 chegou lá com poda + int8 '
        "(artifacts.DATA / 'small.onnx' é um desses)."
    )
    received = f"{br(size, 2)} MB" if exists else "nenhum arquivo"
    return Item("Tamanho do modelo", exists and size <= MODEL_MB, f"até {MODEL_MB} MB", received, step)


def _choices(delivery):
    """Uma linha por escolha: cabe no pedido e é a do arquivo entregue, ou o que ela custaria."""
    for field, costs in COSTS.items():
        choice = _choice(delivery, field)
        problem = costs.get(choice, f"escolha entre {', '.join(costs)}.") or _denied(choice, delivery["modelo"])
        what = f"Escolha: {LABELS.get(field, field)}"
        yield Item(what, problem is None, "a que cabe no pedido", repr(choice[:60]), problem or "")


def _choice(delivery, field):
    """A escolha do aluno, sem maiúsculas nem espaços sobrando."""
    return str(delivery[field]).strip().lower()


def _denied(choice, model):
    """O que o arquivo entregue diz contra a escolha, ou None; o que não existe, ou não se abre, nada diz."""
    model = Path(str(model))
    if not model.is_file():
        return None
    suffix = model.suffix.lower()
    if suffix != SUFFIXES.get(choice, suffix):
        return f"o arquivo entregue é {suffix}: declare o formato dele, ou entregue outro."
    if choice.startswith("poda") and suffix == ".onnx" and _has_int8(model) not in (None, "int8" in choice):
        has = "não tem" if "int8" in choice else "tem"
        return f"o arquivo entregue {has} pesos em int8: declare o que ele traz, ou entregue outro."
    return None


def _has_int8(model):
    """Se um ONNX tem pesos de 8 bits; None, se não se lê."""
    import onnx
    from google.protobuf.message import DecodeError

    try:
        weights = onnx.load(model, load_external_data=False).graph.initializer
    except DecodeError:
        return None
    eight = (onnx.TensorProto.INT8, onnx.TensorProto.UINT8)
    return any(item.data_type in eight and len(item.dims) > 1 for item in weights)
