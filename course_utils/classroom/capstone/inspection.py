"""A conferência da entrega: abre o servidor, aplica as provas, pesa o modelo e julga as escolhas."""

import contextlib
import math
from pathlib import Path

from course_utils.classroom import servers
from course_utils.classroom.capstone import proofs
from course_utils.classroom.capstone.brief import BRIEF, COSTS, FIELDS, SUFFIXES, plain
from course_utils.classroom.capstone.client import Client
from course_utils.classroom.capstone.report import Item, Report
from course_utils.measure.latency import number
from course_utils.measure.memory import tree_bytes
from course_utils.measure.numbers import br
from course_utils.measure.size import size_bytes

NOT_SEEN = "nada: a prova anterior falhou"
READING = ("Acurácia", "Latência", "Entradas ruins", "De pé depois")
PRUNED_PARAMETERS = 900_000  # menos da metade dos 1,85 milhão da rede original
LABELS = {"otimizacao": "otimização", "api": "API"}


class DeliveryError(ValueError):
    """A entrega não tem a forma combinada; `expected`, `received` e `next_step` dizem o que falta."""

    def __init__(self, expected, received, next_step):
        super().__init__(f"Esperava {expected}; recebi {received}. {next_step}")
        self.expected, self.received, self.next_step = expected, received, next_step


def inspect(delivery, brief=BRIEF):
    """Confere a entrega (`{"servidor": …, "modelo": …, "formato": …, …}`) e devolve o `Report`.

    `servidor`: `"pasta/arquivo.py:app"`, que é iniciado e encerrado aqui; um `Server` já no ar; ou o endereço
    `http://127.0.0.1:porta/` de um. Levanta `DeliveryError` se faltam campos; o que o servidor fizer de
    errado só vai para o laudo, em menos de dois minutos.
    """
    if not isinstance(delivery, dict):
        raise DeliveryError("um dicionário", type(delivery).__name__, f"use as chaves {', '.join(FIELDS)}.")
    missing = [name for name in FIELDS if name not in delivery]
    if missing:
        step = f"faltam: {', '.join(missing)}."
        raise DeliveryError(f"as {len(FIELDS)} chaves da entrega", f"{len(delivery)} chave(s)", step)
    model = Item("Tamanho do modelo", *_weigh(delivery["modelo"], brief))
    return Report((*_server_items(delivery, brief), model, *_choice_items(delivery)))


def _server_items(delivery, brief):
    """As provas por HTTP; se o servidor não abre, um item diz por quê."""
    try:
        with _open(delivery) as (url, process):
            client = Client(url)
            items = [proofs.ready(client), proofs.contract(client, brief)]
            if items[1].ok:
                items += [*proofs.reading(client, brief), *proofs.refusals(client, brief)]
            else:
                items += [Item(name, None, "o contrato cumprido", NOT_SEEN) for name in READING]
            return [*items, proofs.production(client), _memory(process, brief)]
    except servers.ServerError as error:
        last = str(error).strip().splitlines()[-1][:150]
        step = "leia a última linha do registro; o arquivo lê o modelo de os.environ['AULA_MODEL']?"
        return [Item("No ar", False, "um servidor pronto em 30 s", last, step)]
    except ValueError as error:
        step = 'dê "pasta/arquivo.py:app", um Server, ou http://127.0.0.1:porta/.'
        return [Item("No ar", False, "um servidor desta máquina", str(error), step)]


@contextlib.contextmanager
def _open(delivery):
    """`(endereço, processo ou None)` do servidor entregue; encerra só o que iniciou."""
    server = delivery["servidor"]
    if isinstance(server, servers.Server):
        yield server.url, server.process
    elif isinstance(server, str) and ".py:" in server and "://" not in server:
        kind = "waitress" if plain(delivery["api"]) == "flask" else "uvicorn"
        with servers.start(server, model=Path(str(delivery["modelo"])).resolve(), server=kind) as started:
            yield started.url, started.process
    elif isinstance(server, str):
        yield server, None
    else:
        raise ValueError(type(server).__name__)


def _memory(process, brief):
    limit = f"até {brief.memory_mb:.0f} MB"
    used = tree_bytes(process.pid) / 1e6 if process else 0
    if not used:
        return Item("Memória", None, limit, "nada: o processo não foi iniciado aqui")
    step = "veja o que o processo importa: para inferir basta o ONNX Runtime ou o LiteRT."
    return Item("Memória", used <= brief.memory_mb, limit, f"{used:.0f} MB", step)


def _weigh(model, brief):
    """Os campos do item do tamanho: serve?, esperado, recebido, próximo passo."""
    limit = f"até {brief.model_mb:.0f} MB"
    with contextlib.suppress(OSError, TypeError, ValueError):
        if Path(model).is_file():
            size = size_bytes(model) / 1e6
            step = "o notebook 09 chegou lá com poda + int8 (artifacts.DATA / 'small.onnx' é um desses)."
            return size <= brief.model_mb, limit, f"{number(size, 0, 2)} MB", step
    return False, limit, "nenhum arquivo", 'em "modelo", dê o caminho do arquivo que o servidor carrega.'


def _choice_items(delivery):
    """Uma linha por escolha: cabe no pedido, ou o que ela custaria."""
    for field, costs in COSTS.items():
        choice = plain(delivery[field])
        problem = costs.get(choice, f"escolha entre {', '.join(costs)}.")
        if field == "formato" and problem is None and not str(delivery["modelo"]).endswith(SUFFIXES[choice]):
            problem = f"o arquivo entregue não termina em {SUFFIXES[choice]}."
        if field == "otimizacao" and problem is None:
            problem = _contradiction(choice, delivery["modelo"])
        what = f"Escolha: {LABELS.get(field, field)}"
        yield Item(what, problem is None, "a que cabe no pedido", repr(choice), problem or "")


def _contradiction(choice, model):
    """O que o arquivo entregue desmente na otimização declarada; None se nada, ou se não é um ONNX legível."""
    import onnx

    try:
        graph = onnx.load(Path(model)).graph  # um número, `open` o tomaria por um descritor e o fecharia
    except Exception:  # o arquivo é do aluno: o que ele não for, os outros itens já dizem
        return None
    parameters = sum(math.prod(item.dims) for item in graph.initializer)
    is_int8 = any(node.op_type in ("QuantizeLinear", "DequantizeLinear") for node in graph.node)
    if parameters > PRUNED_PARAMETERS:
        return f"o arquivo entregue tem {br(parameters / 1e6, 2)} milhões de parâmetros: não foi podado."
    if is_int8 != ("int8" in choice):
        return f"os pesos do arquivo entregue {'estão' if is_int8 else 'não estão'} em int8."
    return None
