"""Cada exercício: a solução do notebook passa, outras certas também, e cada engano ouve o que lhe falta."""

import asyncio
from math import ceil
from types import SimpleNamespace

import numpy as np
import pytest
from notebook_cells import RIGHT, WRONG, feedback, solution

from course_utils.classroom import exercises
from course_utils.model.predictor import Predictor

HEAVY = {"onnx_lote_dinamico", "central_no_ar"}  # exportam uma rede, abrem um servidor: são das provas demoradas
SOLVED = {name: solution(name) for name in exercises.CHECKS if name not in HEAVY}
FORMATS, HOMES = SOLVED["salvar_formato_certo"], SOLVED["opcoes_cinco_casos"]
identify, desired = SOLVED["salvar_arquivo_misterioso"], SOLVED["cluster_replicas_desejadas"]
per_channel, prune_pair, alarm = (
    SOLVED[name] for name in ("quantizacao_por_canal", "poda_em_cadeia", "vigiar_alarme")
)


def distance(grey):
    return np.abs(grey.astype(float) - np.median(grey))


def ink_forgets_the_type(grey):
    found = np.abs(grey - np.uint8(np.median(grey)))
    return found / max(found.max(), 1)


def ink_trusts_the_corner(grey):
    found = np.abs(grey.astype(float) - grey[0, 0])
    return found / max(found.max(), 1)


def ink_divides_by_zero(grey):
    with np.errstate(invalid="ignore"):
        return distance(grey) / distance(grey).max()


async def still_blocks(lookup, cep):
    return {"cep": cep, "rua": lookup(cep)}


async def waits_and_then_blocks(lookup, cep):
    await asyncio.sleep(0.1)
    return {"cep": cep, "rua": lookup(cep)}


async def forgets_to_await(lookup, cep):
    return {"cep": cep, "rua": asyncio.to_thread(lookup, cep)}


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


def truncates(weights, bits):
    _, scales = per_channel(weights, bits)
    return (weights / scales[:, None]).astype(np.int8), scales


def with_part(place, change):
    """A poda certa, com a parte `place` de (w1, b1, w2) trocada por `change` dela e da inteira."""

    def prune(*given):
        parts = list(prune_pair(*given))
        parts[place] = change(parts[place], given[place])
        return parts

    return prune


def by(strength):
    """A poda certa, mas que fica com os `count` neurônios de maior `strength(w1)`, do mais forte ao mais fraco."""

    def prune(w1, b1, w2, count):
        kept = np.argsort(-strength(w1))[:count]
        return w1[kept], b1[kept], w2[:, kept]

    return prune


strongest_first = by(lambda w1: np.linalg.norm(w1, axis=1))


def forgets_the_sign(weights, bits):
    scales = np.maximum(weights.max(axis=1), 1e-9) / (2 ** (bits - 1) - 1)
    return np.rint(weights / scales[:, None]), scales


def never_resets(values, limit=0.25, windows=3):
    above = [place for place, value in enumerate(values) if value > limit]
    return above[windows - 1] if len(above) >= windows else None


GOOD = {
    "salvar_formato_certo": [{"A": "keras", "B": "savedmodel", "c": " Safetensors "}],
    "opcoes_cinco_casos": [HOMES | {"clinica": "borda"}],
    # O modelo antes da aplicação, ou depois da função, que só o procura quando é chamada; noutros formatos.
    "flask_parsons": ["DFBGAHCE", "FBGAHCED", "f → d → b → g → a → h → c → e", list("FDBGAHCE")],
    "quantizacao_por_canal": [in_columns],
    "poda_em_cadeia": [strongest_first],
    "opcoes_reserva": [lambda peak, rate, target: float(ceil(peak / rate / target) + 1)],
}
BAD = [
    ("salvar_formato_certo", FORMATS | {"C": "onnx"}, "safetensors, pt; recebi {'A'"),
    ("salvar_formato_certo", FORMATS | {"D": ".pt"}, "só para eles"),
    ("salvar_formato_certo", "safetensors", 'escreva {"A": "…", "B": "…", "C": "…"}'),
    ("opcoes_cinco_casos", dict.fromkeys(HOMES, "nuvem"), "outra opção em 3 de 5 casos; recebi banco"),
    ("flask_parsons", "FBGIAHCE", "uma vez só"),  # a linha que sobra, no lugar da certa
    ("flask_parsons", "FDBGHACE", "validar o que chegou"),
    ("flask_parsons", "FDBGACHE", "images nasce"),
    ("flask_parsons", "FDBGAHEC", "batch nasce"),
    ("flask_parsons", "BGAHCEFD", "a rota é da aplicação"),
    ("flask_parsons", "FBDGAHCE", "o @ vem logo acima"),
    ("flask_parsons", "FDBGAHC", "8 das 9 letras"),
    ("flask_parsons", "FDBGAHCC", "nenhuma se repete"),
    ("salvar_arquivo_misterioso", lambda path: path.suffix, "primeiros bytes"),
    (
        "salvar_arquivo_misterioso",
        lambda path: "pt" if path.read_bytes()[:2] == b"PK" else identify(path),
        "config.json dentro",
    ),
    (
        "salvar_arquivo_misterioso",
        lambda path: "keras" if b"leitor/" in path.read_bytes() else identify(path),
        "nome da pasta",
    ),
    ("salvar_arquivo_misterioso", lambda: "h5", "levantou TypeError"),
    ("salvar_arquivo_misterioso", "h5", "sem parênteses"),
    ("opcoes_reserva", lambda peak, rate, target: ceil(peak / (rate * target)), "some a reserva"),
    ("opcoes_reserva", lambda peak, rate, target: peak / (rate * target) + 1, "arredonde para cima"),
    ("cluster_replicas_desejadas", lambda *a: max(a[2], min(a[3], round(a[0] / a[1]))), "arredonde para cima"),
    ("cluster_replicas_desejadas", lambda *a: max(a[2], min(a[3], a[0] // a[1] + 1)), "não pede uma a mais"),
    ("cluster_replicas_desejadas", lambda *a: desired(*a[:3], 10**9), "nunca passe do máximo"),
    ("cluster_replicas_desejadas", lambda *a: desired(*a[:2], 0, a[3]), "fica o mínimo"),
    ("cluster_replicas_desejadas", lambda *a: desired(*a[:2], max(1, a[2]), a[3]), "pode ser zero"),
    ("cluster_replicas_desejadas", lambda *a: desired(a[0], int(a[1]), *a[2:]), "fracionário"),
    ("borda_desquantizar", lambda q, s, z: s * (q - z), "a subtração dá a volta"),
    ("borda_desquantizar", lambda q, s, z: s * q.astype("float32") - z, "antes de multiplicar"),
    ("borda_desquantizar", lambda q, s, z: q.astype("float32") - z, "multiplique por scale"),
    ("imagens_tinta", lambda grey: (255 - grey) / 255, "np.abs"),
    ("imagens_tinta", lambda grey: distance(grey) / 255, "divida pela maior distância"),
    ("imagens_tinta", ink_trusts_the_corner, "o papel é a mediana"),
    ("imagens_tinta", ink_divides_by_zero, "não divida por ela"),
    ("imagens_tinta", ink_forgets_the_type, "converta para float"),
    ("fastapi_rota_livre", still_blocks, "o laço parado"),
    ("fastapi_rota_livre", waits_and_then_blocks, "o laço parado"),
    ("fastapi_rota_livre", forgets_to_await, "com um await diante de asyncio.to_thread"),
    ("fastapi_rota_livre", lambda lookup, cep: {"cep": cep, "rua": lookup(cep)}, "async def"),
    ("quantizacao_por_canal", along(None), "use axis=1"),
    ("quantizacao_por_canal", along(0), "da linha (axis=1)"),
    ("quantizacao_por_canal", along(1), "cuide da linha de zeros"),
    ("quantizacao_por_canal", lambda weights, bits: per_channel(weights, 8), "com 4 bits"),
    ("quantizacao_por_canal", lambda weights, bits: per_channel(weights, bits)[0], "return marks, scales"),
    ("quantizacao_por_canal", truncates, "arredonde com np.rint"),
    ("quantizacao_por_canal", forgets_the_sign, "o maior |peso| da linha"),
    ("poda_em_cadeia", with_part(2, lambda part, whole: whole[:2]), "w2[:, kept]"),
    ("poda_em_cadeia", with_part(2, lambda part, whole: part[:, ::-1]), "mesma ordem"),
    ("poda_em_cadeia", with_part(1, lambda part, whole: whole), "b1[kept]"),
    ("poda_em_cadeia", with_part(0, lambda part, whole: whole[:2]), "maior norma"),
    ("poda_em_cadeia", by(lambda w1: w1.sum(axis=1)), "maior norma"),
    ("poda_em_cadeia", lambda w1, b1, w2, count: prune_pair(w1, b1, w2, 2), "`count` diz quantas"),
    ("poda_em_cadeia", lambda w1, b1, w2, count: (w1, b1), "return w1, b1, w2"),
    ("vigiar_alarme", never_resets, "zere a conta"),
    ("vigiar_alarme", lambda values, *a: alarm([value + 1e-9 for value in values], *a), "limite é `>`"),
    ("vigiar_alarme", lambda values, *a: alarm([x for x in values if x == x], *a), "um NaN interrompe"),
    ("vigiar_alarme", lambda values, *a: (alarm(values, *a) or 2) - 2, "na janela que completa a sequência"),
    ("vigiar_alarme", lambda values, *a: alarm(values), "use `limit` e `windows`"),
    ("linguagem_cache_kv", lambda *a: np.prod(a), "chaves (K)"),
    ("linguagem_cache_kv", lambda *a: 2 * a[0] * a[2] * a[3] * a[4], "cada camada"),
    ("linguagem_cache_kv", lambda *a: 2 * a[0] * a[1] * a[2] * a[4], "cada cabeça"),
    ("linguagem_cache_kv", lambda *a: 2 * a[0] * a[1] * a[2] * a[3], "tamanho de cada número"),
    ("linguagem_cache_kv", lambda *a: 2 * a[1] * a[2] * a[3] * a[4], "cada token"),
]


def probabilities(inputs):
    powers = np.exp(Predictor().infer(inputs))
    return powers / powers.sum(axis=1, keepdims=True)


def session(answers=probabilities, *, name="pixels", batch="lote"):
    """O que se pergunta a uma sessão do ONNX Runtime; a de verdade é a do notebook, nas provas demoradas."""
    return SimpleNamespace(
        get_inputs=lambda: [SimpleNamespace(name=name, shape=[batch, 1, 28, 28])],
        get_outputs=lambda: [SimpleNamespace(name="probabilidades")],
        run=lambda outputs, given: [answers(given["pixels"])],
    )


GOOD["onnx_lote_dinamico"] = [session()]
BAD += [
    ("onnx_lote_dinamico", session(name="entrada"), "input_names"),
    ("onnx_lote_dinamico", session(batch=2), "dynamic_shapes"),
    ("onnx_lote_dinamico", session(lambda inputs: Predictor().infer(inputs)), "torch.nn.Softmax"),
    ("onnx_lote_dinamico", session(lambda inputs: np.full((len(inputs), 10), 0.1)), "torch_network()"),
]


@pytest.mark.parametrize("name", SOLVED)
def test_the_solution_folded_in_the_notebook_passes(capsys, name):
    assert feedback(capsys, name, SOLVED[name]) == RIGHT


@pytest.mark.parametrize("name", GOOD)
def test_other_right_answers_pass(capsys, name):
    for answer in GOOD[name]:
        assert feedback(capsys, name, answer) == RIGHT


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # as corrotinas que o aluno esqueceu de esperar
@pytest.mark.parametrize(("name", "answer", "words"), BAD)
def test_each_mistake_hears_what_it_lacks(capsys, name, answer, words):
    text = feedback(capsys, name, answer)
    assert text.startswith(WRONG) and words in text and len(text) < 1000


@pytest.mark.parametrize("name", exercises.CHOICES)
def test_each_choice_hears_what_it_would_cost(capsys, name):
    for case, costs in exercises.CHOICES[name].items():
        for option, cost in costs.items():
            text = feedback(capsys, name, SOLVED[name] | {case: option})
            assert cost in text if cost else text == RIGHT
