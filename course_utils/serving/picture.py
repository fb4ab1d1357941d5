"""De uma foto, um scan ou um desenho a um dígito como os do MNIST: o pré-processamento, um passo por função.

*abrir → encolher → endireitar → achatar → separar a tinta → achar a figura → engrossar o traço → centrar*. O fim
é o que os autores do MNIST descrevem (LeCun, Cortes e Burges, "The MNIST database"): caixa de 20×20, centro de
massa no meio de 28×28. Só Pillow e NumPy; cada passo cita de onde vem.
"""

import heapq
import io
import struct

import numpy as np
from PIL import Image, ImageFilter, UnidentifiedImageError
from PIL.Image import Resampling, Transpose

from course_utils.model.predictor import SIDE, InvalidInputError
from course_utils.serving import figure

BOX = 20  # o dígito do MNIST, dentro dos 28
FINE = 120  # a caixa em que se mede e engrossa o traço
WORK = 800  # o maior lado em que se procura a figura
COARSE = 80  # o maior lado em que se estima o papel
STROKE = 0.11  # a espessura mínima do traço, em frações da caixa
MAX_PIXELS = 4096 * 4096
LEAST_CONTRAST = 14  # tons, de 0 a 255
FORMATS = {"image/png": "PNG", "image/jpeg": "JPEG", "image/webp": "WEBP"}
TURNS = {
    2: Transpose.FLIP_LEFT_RIGHT,
    3: Transpose.ROTATE_180,
    4: Transpose.FLIP_TOP_BOTTOM,
    5: Transpose.TRANSPOSE,
    6: Transpose.ROTATE_270,
    7: Transpose.TRANSVERSE,
    8: Transpose.ROTATE_90,
}
ORIENTATION = 0x0112
HEIC = "HEIC não se abre aqui: converta para JPEG (no iPhone, Ajustes › Câmera › Formatos › Mais Compatível)."
SIGNATURES = {b"GIF8": "GIF", b"BM": "BMP", b"II*\0": "TIFF", b"MM\0*": "TIFF", b"%PDF": "PDF"}
LUMA = np.array([0.299, 0.587, 0.114])
EMPTY = (
    "Não encontrei traço na figura: a folha parece vazia. Desenhe um dígito com tinta que contraste com o papel."
)


def to_digit(body, kind=None):
    """Figura de qualquer tamanho (bytes) → uint8 (1, 28, 28), 0 = papel e 255 = tinta.

    `kind`: o tipo declarado, um de `FORMATS` (None: vale o que os bytes disserem). Levanta `InvalidInputError` se
    não é um arquivo desse tipo, inteiro, parado e de até 16 megapixels, ou se nele não há um traço, e um só.
    """
    picture = upright(*shrink(open_picture(body, kind)))
    ink = find_ink(to_grey(flatten(picture)))
    stroke = thicken(fit(figure.isolate(ink), FINE))
    return centre(fit(stroke, BOX))[None]


def open_picture(body, kind=None):
    """Confere tipo, tamanho e quadros pelo cabeçalho, antes de descompactar um pixel."""
    try:
        picture = Image.open(io.BytesIO(body), formats=[*FORMATS.values()])
    except Image.DecompressionBombError:
        raise InvalidInputError("A figura tem pixels demais; aceito até 4096×4096.") from None
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError):
        raise InvalidInputError(_unknown(body)) from None
    found = "JPEG" if picture.format == "MPO" else picture.format  # MPO: o JPEG de telefones com duas lentes
    if kind and found != FORMATS[kind]:
        raise InvalidInputError(
            f"O tipo declarado é {kind}, mas os bytes são {found}; declare image/{found.lower()}."
        )
    if picture.width * picture.height > MAX_PIXELS:
        raise InvalidInputError(f"Recebi {picture.width}×{picture.height} pixels; aceito até 4096×4096 no total.")
    if found != "JPEG" and getattr(picture, "n_frames", 1) > 1:
        raise InvalidInputError("A figura é animada; mande um quadro só.")
    return picture


def _unknown(body):
    """O que dizer de bytes que não são uma figura das nossas."""
    if body[4:8] == b"ftyp" and body[8:12] in (b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1"):
        return HEIC
    name = next((name for start, name in SIGNATURES.items() if body.startswith(start)), None)
    received = f"Recebi um {name}" if name else "O corpo não é uma figura válida"
    return f"{received}; mande PNG, JPEG ou WebP."


def shrink(picture):
    """Descompacta e encolhe até `WORK` pixels: a média de blocos, o antisserrilhado mais simples que há.

    Devolve `(figura "L", "RGB" ou "RGBa", orientação EXIF)`. O JPEG já se descompacta menor (`draft`).
    """
    try:
        picture.draft("RGB", (WORK, WORK))
        picture.load()
        turn = _orientation(picture)
    except (OSError, SyntaxError, ValueError, EOFError, IndexError, struct.error):
        raise InvalidInputError("A figura está cortada ou estragada; mande o arquivo inteiro.") from None
    factor = -(-max(picture.size) // WORK)
    if picture.mode.startswith("I"):
        tones = np.asarray(picture)
        picture = Image.fromarray((tones >> max(0, int(tones.max()).bit_length() - 8)).astype(np.uint8))
    if "transparency" in picture.info or picture.mode in ("LA", "PA", "RGBA", "La", "RGBa"):
        picture = picture.convert("RGBA").convert("RGBa")  # a cor pesa o que a opacidade vale, ou a média a suja
    elif picture.mode not in ("L", "RGB"):
        picture = picture.convert("L" if picture.mode == "1" else "RGB")
    if factor > 1:  # o borrão iguala o traço fino que caiu num bloco ao que se dividiu entre dois
        picture = picture.reduce(factor).filter(ImageFilter.BoxBlur(1))
    return picture, turn


def _orientation(picture):
    """A orientação do EXIF, de 1 a 8; um EXIF estragado não condena a figura."""
    try:
        return picture.getexif().get(ORIENTATION, 1)
    except Exception:
        return 1


def upright(picture, turn):
    """Gira e espelha como o EXIF manda (CIPA DC-008, "Orientation"): a câmera grava como o sensor estava."""
    return picture.transpose(TURNS[turn]) if turn in TURNS else picture


def flatten(picture):
    """Transparente não é preto nem branco: vale o contrário da tinta, ou o papel, se o opaco é papel com tinta.

    Devolve "L" ou "RGB".
    """
    if picture.mode != "RGBa":
        return picture
    pixels = np.asarray(picture.convert("RGBA"))
    colours, alpha = pixels[..., :3], pixels[..., 3]
    opaque = colours[alpha > 127]
    if not len(opaque):  # nada chega a meio opaco: um véu, ou nada
        opaque = colours[alpha > 0] if alpha.any() else np.zeros((1, 3), np.uint8)
    tones = opaque @ LUMA
    low, high = np.percentile(tones, [2, 98])
    if high - low > 64 and len(opaque) > alpha.size / 2:
        ground = np.median(opaque, axis=0)
    else:
        ground = np.full(3, 0 if tones.mean() > 127 else 255)
    return Image.fromarray(_over(colours, alpha, ground))


def _over(colours, alpha, ground):
    """A figura sobre um fundo de uma cor (Porter e Duff, 1984: "over")."""
    weight = alpha[..., None].astype(np.float32) / 255
    return (colours * weight + ground.astype(np.float32) * (1 - weight)).astype(np.uint8)


def to_grey(picture):
    """Cores → o tom (float32) que mais as separa: a primeira componente principal do detalhe (Pearson, 1901).

    A luminância não vê vermelho em verde. O detalhe, que é a figura menos ela borrada, deixa de fora as sombras.
    """
    if picture.mode == "L":
        return denoise(np.asarray(picture, np.float32))
    pixels = np.asarray(picture, np.float32)
    blurred = np.asarray(picture.filter(ImageFilter.BoxBlur(max(picture.size) / 8)), np.float32)
    detail = (pixels - blurred).reshape(-1, 3)
    axis = np.linalg.eigh(detail.T @ detail + 1e-3 * np.outer(LUMA, LUMA))[1][:, -1]
    axis *= np.sign(axis @ LUMA) or 1
    grey = pixels @ (axis / np.abs(axis).sum()).astype(np.float32)
    return denoise(grey - grey.min())


def denoise(grey):
    """Borra tanto quanto pede o ruído, medido pelo desvio mediano do laplaciano (Immerkær, 1996)."""
    padded = np.pad(grey, 1, mode="edge")
    rows = padded[:-2] - 2 * padded[1:-1] + padded[2:]
    laplacian = rows[:, :-2] - 2 * rows[:, 1:-1] + rows[:, 2:]
    sigma = np.median(np.abs(laplacian[::2, ::2])) / (0.6745 * 6)
    if sigma < 1.5:
        return grey
    radius = float(min(0.7 + sigma / 12, max(grey.shape) / 120))
    picture = Image.fromarray(grey.astype(np.uint8))
    return np.asarray(picture.filter(ImageFilter.GaussianBlur(radius)), np.float32)


def find_ink(grey):
    """Tons → tinta (float32, 0 a 1): o que se destaca do papel, em relação à tinta mais forte da vizinhança.

    Vizinhança: o limiar de Bernsen (1986). Levanta `InvalidInputError` se nada se destaca.
    """
    step = -(-max(grey.shape) // COARSE)
    coarse = _blocks(grey, step, np.mean)
    ground = paper(coarse)
    if not ink_is_dark(coarse, ground - coarse, paper(-coarse) + coarse):
        grey, ground = -grey, paper(-coarse)
    # O mínimo dos blocos vizinhos: na borda nítida de uma sombra, o papel interpolado seria mais claro que ela.
    height = np.maximum(_stretch(_spread(ground, 3, np.min), grey.shape, step) - grey, 0)
    strongest, floor = ink_levels(height)
    if strongest < LEAST_CONTRAST + 3 * floor:
        raise InvalidInputError(EMPTY)
    near = _spread(_blocks(height, step, np.max), COARSE // 4 | 1, np.max).clip(0.7 * strongest, strongest)
    return (height / _stretch(near, grey.shape, step)).clip(0, 1)


def paper(coarse):
    """O papel sob a tinta escura: cada bacia se enche até o ponto mais baixo por onde transborda na borda.

    A luz que cai aos poucos, ou a sombra que chega à borda, escorre por ela e continua papel. O algoritmo é o
    *priority-flood* (Barnes, Lehman e Mulla, 2014), que enche lagos em mapas de relevo.
    """
    framed = frame(coarse)
    stride, tones = framed.shape[1], framed.ravel().tolist()
    edge = np.ones(framed.shape, bool)
    edge[1:-1, 1:-1] = False
    seen = edge.ravel().tolist()
    queue = [(tones[place], place) for place in np.flatnonzero(edge).tolist()]
    heapq.heapify(queue)
    while queue:
        tone, place = heapq.heappop(queue)
        for near in (place - stride, place + stride, place - 1, place + 1):
            if 0 <= near < len(tones) and not seen[near]:
                seen[near], tones[near] = True, max(tones[near], tone)
                heapq.heappush(queue, (tones[near], near))
    return np.reshape(tones, framed.shape)[1:-1, 1:-1]


def frame(level):
    """A folha numa moldura de 1 pixel, com o tom do papel: tinta que encosta na borda não é papel.

    Fechamento morfológico ao longo do perímetro, com janela do maior lado: o mais baixo entre o da própria borda
    e o do que sobra dela depois da luz.
    """
    rows, columns = level.shape
    framed = np.pad(level, 1)
    around, light = (
        np.concatenate([item[0], item[:, -1], item[-1, ::-1], item[::-1, 0]]) for item in (level, lighting(level))
    )
    window = min(max(level.shape), len(around) // 2) | 1
    around = np.minimum(_close(around, window), _close(around - light, window) + light)
    top, right, bottom, left = np.split(around, np.cumsum([columns, rows, columns]))
    framed[0, 1:-1], framed[1:-1, -1], framed[-1, 1:-1], framed[1:-1, 0] = top, right, bottom[::-1], left[::-1]
    framed[[0, 0, -1, -1], [0, -1, 0, -1]] = np.inf
    return framed


def lighting(level):
    """A luz: a superfície de 2º grau rente à borda da folha, por mínimos quadrados assimétricos (Eilers, 2003)."""
    y, x = np.mgrid[-1 : 1 : level.shape[0] * 1j, -1 : 1 : level.shape[1] * 1j]
    terms = np.stack([np.ones_like(x), x, y, x * y, x * x, y * y], axis=-1)
    edge = np.ones(level.shape, bool)
    edge[1:-1, 1:-1] = False
    border, tones, weights = terms[edge], level[edge], np.ones(edge.sum())
    for _ in range(10):
        fitted = np.linalg.lstsq(border * weights[:, None], tones * weights, rcond=None)[0]
        weights = np.where(tones > border @ fitted, 1, 0.1)
    return terms @ fitted


def _close(around, window):
    """Fechamento numa linha que dá a volta."""
    return _slide(_slide(around, window, np.max, "wrap"), window, np.min, "wrap")


def ink_is_dark(coarse, dark, light):
    """Tinta escura em papel claro, ou giz em lousa? `dark` e `light`: o que se destaca em cada hipótese.

    O traço cerca os seus buracos: vale a hipótese que se estende mais. No empate, papel é o que há mais.
    """
    half = max(dark.max(), light.max()) / 2
    extents = [_extent(height > half) for height in (dark, light)]
    if abs(extents[0] - extents[1]) > 0.1 * max(extents):
        return extents[0] > extents[1]
    edge = np.concatenate([coarse[0], coarse[-1], coarse[:, 0], coarse[:, -1]])
    return np.median(coarse) + np.median(edge) + edge.mean() >= 1.45 * (coarse.min() + coarse.max())


def _extent(mask):
    """A área da caixa que contém a máscara, em pixels."""
    return np.prod([np.ptp(np.flatnonzero(mask.any(axis))) + 1 if mask.any() else 0 for axis in (0, 1)])


def ink_levels(height):
    """`(tinta mais forte, mediana do que não é tinta)`, em tons; pelo histograma, que não põe pixels em ordem.

    A mais forte é a dos poucos pixels mais altos, para que um só não decida.
    """
    counts = np.bincount(height.astype(np.uint8).ravel(), minlength=256)
    few = np.clip(height.size // 2000, 12, 400)
    strongest = max(0, 255 - np.searchsorted(counts[::-1].cumsum(), few))
    below = counts[: strongest // 2 + 1].cumsum()
    return strongest, np.searchsorted(below, below[-1] / 2)


def _blocks(array, step, pick):
    """Cada bloco de `step` × `step` vira um número: `pick` (média, máximo) dele."""
    rows, columns = (-(-length // step) * step for length in array.shape)
    padded = np.pad(array, ((0, rows - array.shape[0]), (0, columns - array.shape[1])), mode="edge")
    return pick(padded.reshape(rows // step, step, columns // step, step), axis=(1, 3))


def _spread(array, window, pick):
    """O máximo (dilatação) ou o mínimo (erosão) numa janela quadrada: uma direção de cada vez."""
    return _slide(_slide(array, window, pick).T, window, pick).T


def _slide(array, window, pick, mode="edge"):
    """`pick` numa janela que corre pela última dimensão."""
    padded = np.pad(array, [(0, 0)] * (array.ndim - 1) + [(window // 2, window // 2)], mode=mode)
    return pick(np.lib.stride_tricks.sliding_window_view(padded, window, axis=-1), axis=-1)


def _stretch(coarse, shape, step):
    """Os blocos de volta ao tamanho de `shape`, interpolados."""
    size = (coarse.shape[1] * step, coarse.shape[0] * step)
    full = Image.fromarray(coarse.astype(np.float32)).resize(size, Resampling.BILINEAR)
    return np.asarray(full)[: shape[0], : shape[1]]


def fit(ink, box):
    """Encolhe (ou amplia) a tinta até que o lado maior tenha `box` pixels: float32, 0 a 1."""
    scale = box / max(ink.shape)
    size = [max(1, round(scale * length)) for length in ink.shape[::-1]]
    how = Resampling.BOX if scale < 1 else Resampling.BICUBIC
    return np.asarray(Image.fromarray(ink.astype(np.float32)).resize(size, how)).clip(0, 1)


def thicken(ink):
    """Um traço fino some em 20 pixels: dilata-o até a espessura de um traço do MNIST.

    Espessura: duas vezes a área sobre o perímetro.
    """
    strong = ink / ink.max() > 0.5
    inner = _spread(np.pad(strong, 1), 3, np.min)[1:-1, 1:-1]
    width = 2 * strong.sum() / max(1, (strong & ~inner).sum())
    missing = round((STROKE * FINE - width) / 2)
    if missing <= 0:
        return ink
    padded = np.pad((ink / ink.max()).clip(0, 1), missing)
    return _spread(padded, 2 * missing + 1, np.max)


def centre(ink):
    """Põe o dígito (no máximo 20×20) em 28×28 com o centro de massa no meio: uint8."""
    rows, columns = np.indices(ink.shape)
    mass = np.array([(rows * ink).sum(), (columns * ink).sum()]) / ink.sum()
    top, left = np.clip(np.round((SIDE - 1) / 2 - mass).astype(int), 0, SIDE - np.array(ink.shape))
    image = np.zeros((SIDE, SIDE), np.uint8)
    image[top : top + ink.shape[0], left : left + ink.shape[1]] = np.round(255 * ink)
    return image
