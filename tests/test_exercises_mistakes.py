"""Cada exercício: a solução do notebook passa, outras certas também, e cada engano ouve o que lhe falta."""

import asyncio
from itertools import product
from math import ceil, prod

import numpy as np
import onnx
import onnxruntime
import pytest
from checking import WRONG, feedback, solution
from solved import RIGHT, cells

from course_utils import lesson
from course_utils.classroom import exercises
from course_utils.classroom.exercises import nb01_to_04
from course_utils.model.predictor import MODEL

HEAVY = {"onnx_lote_dinamico", "central_no_ar"}  # exportam uma rede, abrem um servidor: são das provas demoradas
SOLVED = {name: solution(name) for name in exercises.CHECKS if name not in HEAVY}
HOMES, FORMATS = SOLVED["opcoes_cinco_casos"], SOLVED["salvar_formato_certo"]
TABLES = {
    "salvar_formato_certo": nb01_to_04.FORMAT_REASONS,
    "opcoes_cinco_casos": nb01_to_04.HOME_REASONS,
    "nuvem_modo_certo": nb01_to_04.MODE_REASONS,
}
identify, desired, to_real = (
    SOLVED[name] for name in ("salvar_arquivo_misterioso", "cluster_replicas_desejadas", "borda_desquantizar")
)
per_channel, prune_pair, alarm = (
    SOLVED[name] for name in ("quantizacao_por_canal", "poda_em_cadeia", "vigiar_alarme")
)


def every_case(table):
    """`{exercício: [caso, …]}` como uma lista de `(exercício, *caso)`, para o `parametrize`."""
    return [(name, *case) for name, found in table.items() for case in found]


def distance(grey):
    return np.abs(grey.astype(float) - np.median(grey))


def ink_forgets_the_type(grey):
    found = np.abs(grey - np.uint8(np.median(grey)))
    return found / max(found.max(), 1)


def ink_divides_by_zero(grey):
    with np.errstate(invalid="ignore"):
        return distance(grey) / distance(grey).max()


async def still_blocks(lookup, cep):
    return {"cep": cep, "rua": lookup(cep)}


async def forgets_to_await(lookup, cep):
    return {"cep": cep, "rua": asyncio.to_thread(lookup, cep)}


async def awaits_the_text(lookup, cep):
    return {"cep": cep, "rua": await lookup(cep)}


def in_columns(weights, bits):
    """Escalas em pé, marcas em float, outra escala para a linha de zeros: também serve."""
    scales = np.abs(weights).max(axis=1, keepdims=True) / (2 ** (bits - 1) - 1)
    scales[scales == 0] = 0.5
    return [np.round(weights / scales), scales]


def along(axis):
    """Uma escala por linha (1), por coluna (0) ou só uma (None), sem cuidar dos zeros."""

    def quantize(weights, bits):
        scales = np.abs(weights).max(axis=axis, keepdims=axis == 1) / (2 ** (bits - 1) - 1)
        return np.rint(weights / scales), scales

    return quantize


def per_tensor_repeated(weights, bits):
    marks, scale = along(None)(weights, bits)
    return marks, np.full(len(weights), scale)


def truncates(weights, bits):
    _, scales = per_channel(weights, bits)
    return (weights / scales[:, None]).astype(np.int8), scales


def rows_of_second(w1, b1, w2, count):
    first, bias, _ = prune_pair(w1, b1, w2, count)
    return first, bias, w2[:count]


def keeps_the_biases(w1, b1, w2, count):
    first, _, second = prune_pair(w1, b1, w2, count)
    return first, b1, second


def mixes_the_columns(w1, b1, w2, count):
    first, bias, second = prune_pair(w1, b1, w2, count)
    return first, bias, second[:, [1, 0, 2]]


def never_resets(values, limit=0.25, windows=3):
    above = [place for place, value in enumerate(values) if value > limit]
    return above[windows - 1] if len(above) >= windows else None


GOOD = {
    "salvar_formato_certo": [{"A": "keras", "B": "savedmodel", "C": " Safetensors "}],
    "opcoes_cinco_casos": [
        HOMES | {"clinica": "borda"},
        {f" {case}": home.upper() for case, home in HOMES.items()},
    ],
    "nuvem_modo_certo": [{"a": "Tempo real", "b": " LOTE ", "c": "assincrono", "d": "Serverless."}],
    # O modelo antes da aplicação, ou depois da função, que só o procura quando é chamada; noutros formatos.
    "flask_parsons": ["DFBGAHCE", "FBGAHCED", "f → d → b → g → a → h → c → e", list("FDBGAHCE")],
    "quantizacao_por_canal": [in_columns],
    "poda_em_cadeia": [lambda *given: tuple(np.copy(item) for item in prune_pair(*given))],
    "opcoes_reserva": [lambda peak, rate, target: float(ceil(peak / rate / target) + 1)],
    "linguagem_cache_kv": [lambda *sizes: 2 * prod(sizes)],
}
BAD = {
    "salvar_formato_certo": [
        (FORMATS | {"C": "onnx"}, "corrija: C"),
        (FORMATS | {"D": ".pt"}, "só a eles"),
        ("safetensors", "um dicionário"),
    ],
    "opcoes_cinco_casos": [
        ({}, "recebi nenhum"),
        (HOMES | {"padaria": "nuvem"}, "padaria"),
        (HOMES | {"loja": None}, "dedicado, nuvem, borda; recebi outra coisa. Próximo passo: corrija: loja"),
        (dict.fromkeys(HOMES, "nuvem"), "outra opção em 3 de 5 casos; recebi nuvem em banco"),
    ],
    "flask_parsons": [
        ("FBGIAHCE", "uma vez só"),  # a linha que sobra, no lugar da certa
        ("FDBGHACE", "validar o que chegou"),
        ("FDBGACHE", "images nasce"),
        ("FBDGAHCE", "o @ vem logo acima"),
        ("DBGAHCEF", "a rota é da aplicação"),
        ("FDBGIAHC", "uma vez só"),
        ("FDBGAHC", "8 das 9 letras"),
        ("FDBGAHCC", "nenhuma se repete"),
    ],
    "salvar_arquivo_misterioso": [
        (lambda path: path.suffix, "primeiros bytes"),
        (lambda path: "pt" if path.read_bytes()[:2] == b"PK" else identify(path), "config.json dentro"),
        (lambda path: "keras" if b"leitor/" in path.read_bytes() else identify(path), "nome da pasta"),
        (lambda: "h5", "levantou TypeError"),
        ("h5", "sem parênteses"),
    ],
    "opcoes_reserva": [
        (lambda peak, rate, target: ceil(peak / (rate * target)), "some a reserva"),
        (lambda peak, rate, target: peak / (rate * target) + 1, "arredonde para cima"),
    ],
    "cluster_replicas_desejadas": [
        (lambda ongoing, target, low, high: max(low, min(high, round(ongoing / target))), "arredonde para cima"),
        (lambda ongoing, target, low, high: max(low, min(high, ongoing // target + 1)), "não pede uma a mais"),
        (lambda ongoing, target, low, high: desired(ongoing, target, low, 10**9), "nunca passe do máximo"),
        (lambda ongoing, target, low, high: desired(ongoing, target, 0, high), "fica o mínimo"),
        (lambda ongoing, target, low, high: desired(ongoing, target, max(1, low), high), "pode ser zero"),
        (lambda ongoing, target, low, high: desired(ongoing, int(target), low, high), "fracionário"),
    ],
    "borda_desquantizar": [
        (lambda q, s, z: s * (q - z), "a subtração dá a volta"),
        (lambda q, s, z: s * q.astype("float32") - z, "antes de multiplicar"),
        (lambda q, s, z: s * q.astype("float32"), "subtraia o zero_point"),
        (lambda q, s, z: q.astype("float32") - z, "multiplique por scale"),
        (lambda q, s, z: to_real(q, s, z)[:1], "recebi a forma (1,)"),
    ],
    "imagens_tinta": [
        (lambda grey: (255 - grey) / 255, "np.abs"),
        (lambda grey: distance(grey) / 255, "divida pela maior distância"),
        (ink_divides_by_zero, "não divida por ela"),
        (ink_forgets_the_type, "converta para float"),
        (lambda grey: grey.mean(), "um número por pixel"),
    ],
    "fastapi_rota_livre": [
        (still_blocks, "await asyncio.to_thread"),
        (forgets_to_await, "com um await diante de asyncio.to_thread"),
        (awaits_the_text, "levantou TypeError"),
        (lambda lookup, cep: {"cep": cep, "rua": lookup(cep)}, "async def"),
    ],
    "quantizacao_por_canal": [
        (along(None), "use axis=1"),
        (along(0), "5 escalas; recebi a forma (5, 64) e 64"),
        (along(1), "cuide da linha de zeros"),
        (per_tensor_repeated, "maior |peso| da linha"),
        (lambda weights, bits: per_channel(weights, 8), "com 4 bits"),
        (lambda weights, bits: per_channel(weights, bits)[0], "return marks, scales"),
        (truncates, "arredonde com np.rint"),
    ],
    "poda_em_cadeia": [
        (rows_of_second, "w2[:, kept]"),
        (keeps_the_biases, "b1[kept]"),
        (mixes_the_columns, "mesma ordem"),
        (lambda w1, b1, w2, count: (w1[:count], b1[:count], w2[:, :count]), "maior norma"),
        (lambda w1, b1, w2, count: (w1, b1), "três arrays"),
    ],
    "vigiar_alarme": [
        (never_resets, "zere a conta"),
        (lambda values, *options: alarm([value + 1e-9 for value in values], *options), "acima do limite é `>`"),
        (lambda values, *options: alarm([x for x in values if x == x], *options), "um NaN interrompe"),
        (lambda values, *options: (alarm(values, *options) or 2) - 2, "na janela que completa a sequência"),
        (lambda values, *options: alarm(values), "use `limit` e `windows`"),
    ],
    "linguagem_cache_kv": [
        (lambda tokens, layers, heads, size, width: layers * heads * size * width * tokens, "chaves (K)"),
        (lambda tokens, layers, heads, size, width: 2 * heads * size * width * tokens, "cada camada"),
        (lambda tokens, layers, heads, size, width: 2 * layers * heads * size * tokens, "tamanho de cada número"),
        (lambda tokens, layers, heads, size, width: 2 * layers * heads * size * width, "cada token"),
    ],
}  # fmt: skip
# As sessões se montam no teste: importar este arquivo não custa nada.
SESSIONS = [
    ({"softmax": False}, "torch.nn.Softmax"),
    ({"names": ("entrada", "probabilidades")}, "input_names"),
    ({"batch": 2}, "dynamic_shapes"),
    ({"tail": [("Softmax", {"axis": 1})]}, "torch_network()"),
]


@pytest.mark.parametrize("name", SOLVED)
def test_the_solution_folded_in_the_notebook_passes(capsys, name):
    assert feedback(capsys, name, SOLVED[name]) == RIGHT


@pytest.mark.parametrize("name", GOOD)
def test_other_right_answers_pass(capsys, name):
    for answer in GOOD[name]:
        assert feedback(capsys, name, answer) == RIGHT


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # as corrotinas que o aluno esqueceu de esperar
@pytest.mark.parametrize(("name", "answer", "words"), every_case(BAD))
def test_each_mistake_hears_what_it_lacks(capsys, name, answer, words):
    text = feedback(capsys, name, answer)
    assert text.startswith(WRONG) and words in text and len(text) < 1000


@pytest.mark.parametrize("name", TABLES)
def test_each_wrong_choice_hears_its_own_reason(capsys, name):
    table, right = TABLES[name], SOLVED[name]
    for case, option in product(table, {option for reasons in table.values() for option in reasons}):
        text = feedback(capsys, name, right | {case: option})
        assert table[case][option] in text if option in table[case] else text == RIGHT


def session(*, softmax=True, names=("pixels", "probabilidades"), batch="lote", tail=()):
    """A sessão de uma variante do modelo de referência, mexida diretamente no grafo ONNX."""
    model = onnx.load(MODEL)
    graph = model.graph
    source, last = graph.input[0].name, graph.output[0].name
    steps = [("Softmax", {"axis": 1})] if softmax else []
    for number, (operator, attributes) in enumerate([*steps, *tail]):
        graph.node.append(onnx.helper.make_node(operator, [last], [f"extra{number}"], **attributes))
        last = f"extra{number}"
    graph.node.append(onnx.helper.make_node("Identity", [last], [names[1]]))
    graph.node.insert(0, onnx.helper.make_node("Identity", [names[0]], [source]))
    size = {"dim_value": batch} if isinstance(batch, int) else {"dim_param": batch}
    graph.input[0].name = names[0]
    graph.input[0].type.tensor_type.shape.dim[0].CopyFrom(onnx.TensorShapeProto.Dimension(**size))
    del graph.value_info[:]
    graph.output[0].CopyFrom(onnx.helper.make_tensor_value_info(names[1], onnx.TensorProto.FLOAT, None))
    return onnxruntime.InferenceSession(model.SerializeToString())


@pytest.mark.parametrize(("variant", "words"), SESSIONS)
def test_each_wrong_session_says_what_it_lacks(capsys, variant, words):
    text = feedback(capsys, "onnx_lote_dinamico", session(**variant))
    assert text.startswith(f"{WRONG} Esperava") and words in text


def test_the_right_session_passes(capsys):
    assert feedback(capsys, "onnx_lote_dinamico", session()) == RIGHT


def test_the_notebook_shows_the_lines_that_are_checked():
    (path,) = lesson.find_notebooks(["06"])
    outputs = [output.get("text", "") for cell in cells(path, "code") for output in cell.outputs]
    shown = "".join(f"{letter} | {line}\n" for letter, line in exercises.ENDPOINT_LINES.items())
    assert any(text.startswith(shown) for text in outputs)
