"""Os exercícios em que se escreve uma função: toda solução certa passa, cada engano ouve o que lhe falta."""

import asyncio
import functools
from math import ceil, nan, prod

import numpy as np
import pytest
from checking import RIGHT, WRONG, Explosive, cases, feedback


def identify(path):
    """A solução do notebook, com outras palavras."""
    start = path.read_bytes()
    if start[:2] == b"PK":
        return "keras" if b"config.json" in start else "pt"
    return "h5" if start[1:4] == b"HDF" else "safetensors"


def by_fixed_folder(path):
    """Supõe que a pasta de dentro do zip se chama sempre `pesos`."""
    start = path.read_bytes()
    if start[:2] != b"PK" or b"config.json" in start:
        return identify(path)
    return "pt" if b"pesos/data.pkl" in start else "keras"


def enough(peak, rate, target):
    return ceil(peak / (rate * target))


def desired(ongoing, target, low, high):
    return max(low, min(high, ceil(ongoing / target)))


def dequantize(q, scale, zero_point):
    return scale * (q.astype("float32") - zero_point)


def dequantize_in_place(q, scale, zero_point):
    q -= zero_point
    return scale * q.astype("float32")


def distance(grey):
    return np.abs(grey.astype(float) - np.median(grey))


def ink_by_corner(grey):
    found = np.abs(grey.astype(int) - int(grey[0, 0]))
    return found if not found.any() else found / found.max()


def ink_forgets_the_type(grey):
    found = np.abs(grey - np.uint8(np.median(grey)))
    return found / max(found.max(), 1)


def ink_divides_by_zero(grey):
    with np.errstate(invalid="ignore"):
        return distance(grey) / distance(grey).max()


async def to_thread(lookup, cep):
    return {"cep": cep, "rua": await asyncio.to_thread(lookup, cep)}


async def still_blocks(lookup, cep, wait=None):
    if wait is not None:
        await asyncio.sleep(wait)
    return {"cep": cep, "rua": lookup(cep)}


async def forgets_to_await(lookup, cep):
    return {"cep": cep, "rua": asyncio.to_thread(lookup, cep)}


async def awaits_the_text(lookup, cep):
    return {"cep": cep, "rua": await lookup(cep)}


async def forgets_the_cep(lookup, cep):
    return {"rua": await asyncio.to_thread(lookup, cep)}


async def never_answers(lookup, cep):
    await asyncio.Event().wait()


def not_async(lookup, cep):
    return {"cep": cep, "rua": lookup(cep)}


def per_channel(weights, bits):
    top = 2 ** (bits - 1) - 1
    peaks = np.abs(weights).max(axis=1)
    scales = np.where(peaks > 0, peaks / top, 1)
    return np.rint(weights / scales[:, None]).astype(np.int8), scales


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


def spoiled(change):
    """A solução certa, com o par trocado por `change(marcas, escalas)`."""
    return lambda weights, bits: change(*per_channel(weights, bits))


def truncates(weights, bits):
    _, scales = per_channel(weights, bits)
    return (weights / scales[:, None]).astype(np.int8), scales


def ruins_the_weights(weights, bits):
    weights[:] = 0
    return per_channel(weights, bits)


def strongest(w1, count):
    return np.argsort(np.linalg.norm(w1, axis=1))[-count:]


def pruned(choose=strongest, first=lambda kept: kept, bias=lambda kept: kept, second=lambda kept: kept):
    """Uma poda; as funções dizem que linhas, que vieses e que colunas ficam, a partir dos escolhidos."""

    def prune_pair(w1, b1, w2, count):
        kept = choose(w1, count)
        return w1[first(kept)], b1[bias(kept)], w2[:, second(kept)]

    return prune_pair


def rows_of_second(w1, b1, w2, count):
    kept = strongest(w1, count)
    return w1[kept], b1[kept], w2[:count]


def prunes_in_place(w1, b1, w2, count):
    w1[:] = 0
    return pruned()(w1, b1, w2, count)


def alarm(values, limit=0.25, windows=3):
    in_a_row = 0
    for place, value in enumerate(values):
        in_a_row = in_a_row + 1 if value > limit else 0
        if in_a_row == windows:
            return place
    return None


def never_resets(values, limit=0.25, windows=3):
    above = [place for place, value in enumerate(values) if value > limit]
    return above[windows - 1] if len(above) >= windows else None


def tells_the_first_of_the_run(values, limit=0.25, windows=3):
    place = alarm(values, limit, windows)
    return None if place is None else place - windows + 1


GOOD = {
    "salvar_arquivo_misterioso": [(identify,)],
    "opcoes_reserva": [(lambda *case: enough(*case) + 1,), (lambda *case: float(enough(*case) + 1),)],
    "cluster_replicas_desejadas": [(desired,)],
    "borda_desquantizar": [
        (dequantize,),
        (lambda q, scale, zero_point: (q.astype(np.int32) - zero_point) * scale,),
        (lambda q, scale, zero_point=0: np.vectorize(lambda one: scale * (float(one) - zero_point))(q),),
    ],
    "imagens_tinta": [(lambda grey: distance(grey) / max(distance(grey).max(), 1),), (ink_by_corner,)],
    "fastapi_rota_livre": [(to_thread,), (functools.partial(to_thread),)],
    "quantizacao_por_canal": [(per_channel,), (in_columns,)],
    "poda_em_cadeia": [(pruned(),), (pruned(lambda w1, count: np.sort(strongest(w1, count))),)],
    "vigiar_alarme": [(alarm,)],
    "linguagem_cache_kv": [(lambda *sizes: 2 * prod(sizes),)],
}
BAD = {
    "salvar_arquivo_misterioso": [
        (lambda path: "h5", "config.json"),
        (lambda path: path.suffix, "primeiros bytes"),
        (lambda path: "pt" if path.read_bytes()[:2] == b"PK" else identify(path), "config.json dentro"),
        (by_fixed_folder, "nome da pasta"),
        (lambda path: None, "recebi None"),
        (lambda: "h5", "levantou TypeError"),
        ("h5", "sem parênteses"),
    ],
    "opcoes_reserva": [
        (enough, "some a reserva"),
        (lambda peak, rate, target: int(peak / (rate * target)) + 1, "some a reserva"),
        (lambda peak, rate, target: peak / (rate * target) + 1, "arredonde para cima"),
        (lambda peak, rate, target: ceil(peak / rate) + 1, "arredonde para cima"),
        (lambda *case: nan, "float"),
    ],
    "cluster_replicas_desejadas": [
        (lambda ongoing, target, low, high: max(low, min(high, round(ongoing / target))), "arredonde para cima"),
        (lambda ongoing, target, low, high: max(low, min(high, ongoing // target + 1)), "não pede uma a mais"),
        (lambda ongoing, target, low, high: max(low, ceil(ongoing / target)), "nunca passe do máximo"),
        (lambda ongoing, target, low, high: min(high, ceil(ongoing / target)), "fica o mínimo"),
        (lambda ongoing, target, low, high: max(1, low, min(high, ceil(ongoing / target))), "pode ser zero"),
        (lambda ongoing, target, low, high: max(low, min(high, -(-ongoing // int(target)))), "fracionário"),
        (lambda *arguments: True, "recebi True"),
    ],
    "borda_desquantizar": [
        (lambda q, s, z: s * (q - z), "a subtração dá a volta"),
        (lambda q, s, z: s * q.astype("float32") - z, "antes de multiplicar"),
        (lambda q, s, z: s * (q.astype("float32") + z), "que representa o real 0"),
        (lambda q, s, z: s * q.astype("float32"), "falta o zero_point"),
        (lambda q, s, z: (q.astype("float32") - z) / s, "multiplique por scale"),
        (lambda q, s, z: q.astype("float32") - z, "falta multiplicar por scale"),
        (lambda q, s, z: q.astype("float32") * 0 + np.nan, "confira a fórmula"),
        (lambda q, s, z: dequantize(q, s, z).astype(int), "Esperava 2.5; recebi 2 para q = 10"),
        (lambda q, s, z: dequantize(q, s, z).tolist(), "recebi list"),
        (lambda q, s, z: dequantize(q, s, z).max(), "recebi float32"),
        (lambda q, s, z: dequantize(q, s, z)[:1], "recebi a forma (1,)"),
        (dequantize_in_place, "q modificado"),
    ],
    "imagens_tinta": [
        (lambda grey: (255 - grey) / 255, "np.abs"),
        (lambda grey: distance(grey) / 255, "divida pela maior distância"),
        (ink_divides_by_zero, "não divida por ela"),
        (ink_forgets_the_type, "converta para float"),
        (lambda grey: grey.mean(), "um número por pixel"),
        (lambda grey: grey, "ao tom do papel"),
    ],
    "fastapi_rota_livre": [
        (still_blocks, "await asyncio.to_thread"),
        (functools.partial(still_blocks, wait=0.01), "await asyncio.to_thread"),
        (forgets_to_await, "falta um await"),
        (awaits_the_text, "lookup é uma função comum"),
        (forgets_the_cep, "o mesmo dicionário"),
        (never_answers, "todo await termina"),
        (not_async, "async def"),
    ],
    "quantizacao_por_canal": [
        (along(None), "5 escalas; recebi 1"),
        (per_tensor_repeated, "maior |peso| da linha"),
        (along(0), "5 escalas; recebi 64"),
        (along(1), "cuide da linha de zeros"),
        (lambda weights, bits: per_channel(weights, 8), "com 4 bits"),
        (spoiled(lambda marks, scales: marks), "return marks, scales"),
        (spoiled(lambda marks, scales: (scales, marks)), "cada peso vira uma marca"),
        (truncates, "arredonde com np.rint"),
        (spoiled(lambda marks, scales: (marks * scales[:, None], scales)), "a marca mais próxima"),
        (spoiled(lambda marks, scales: (np.abs(marks.astype(int)) + 128, scales)), "a régua é simétrica"),
        (spoiled(lambda marks, scales: (marks.astype(str), scales)), "devolva dois arrays"),
        (ruins_the_weights, "maior |peso| da linha"),
    ],
    "poda_em_cadeia": [
        (rows_of_second, "w2[:, kept]"),
        (pruned(lambda w1, count: np.argsort(np.linalg.norm(w1, axis=1))[:count]), "maior norma"),
        (pruned(lambda w1, count: range(count)), "maior norma"),
        (pruned(bias=lambda kept: slice(None)), "b1[kept]"),
        (pruned(second=lambda kept: np.sort(kept)[[1, 0, 2]]), "mesma ordem"),
        (prunes_in_place, "intactos"),
        (lambda w1, b1, w2, count: (w1, b1), "três arrays"),
        (lambda w1, b1, w2, count: (w1[:count] * np.nan, b1[:count], w2[:, :count]), "maior norma"),
    ],
    "vigiar_alarme": [
        (never_resets, "zere a conta"),
        (lambda values, **options: alarm([value + 1e-9 for value in values], **options), "acima do limite é `>`"),
        (lambda values, **options: alarm([x for x in values if x == x], **options), "um NaN interrompe"),
        (tells_the_first_of_the_run, "na janela que completa a sequência"),
        (lambda values, **options: alarm(values), "use `limit` e `windows`"),
        (lambda values, **options: alarm(values, **options) is not None, "recebi True"),
        (lambda values, **options: alarm(values, **options) or 0, "zere a conta"),
    ],
    "linguagem_cache_kv": [
        (lambda tokens, layers, heads, size, width: layers * heads * size * width * tokens, "chaves (K)"),
        (lambda tokens, layers, heads, size, width: 2 * heads * size * width * tokens, "cada camada"),
        (lambda tokens, layers, heads, size, width: 16 * layers * heads * size * width * tokens, "não em bits"),
        (lambda tokens, layers, heads, size, width: 2 * layers * heads * size * tokens, "tamanho de cada número"),
        (lambda tokens, layers, heads, size, width: 2 * layers * heads * size * width, "multiplique"),
        (lambda *arguments: True, "recebi True"),
        (lambda *arguments: Explosive(), "recebi <"),
    ],
}


@pytest.mark.parametrize(("name", "answer"), cases(GOOD))
def test_every_right_function_passes(capsys, name, answer):
    assert feedback(capsys, name, answer) == RIGHT


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # as corrotinas que o aluno esqueceu de esperar
@pytest.mark.parametrize(("name", "answer", "words"), cases(BAD))
def test_each_wrong_function_hears_what_it_lacks(capsys, name, answer, words):
    text = feedback(capsys, name, answer)
    assert text.startswith(WRONG) and words in text and len(text) < 1000
