"""De uma foto, um scan ou um desenho a um dígito como os do MNIST: o pré-processamento, um passo por função.

*abrir → encolher → endireitar → achatar → separar a tinta → achar a figura → engrossar o traço → centrar*. O fim
é o que os autores do MNIST descrevem (LeCun, Cortes e Burges, "The MNIST database"): caixa de 20×20, centro de
massa no meio de 28×28. Só Pillow e NumPy; cada passo cita de onde vem.
"""

import io
import struct
from contextlib import suppress

import numpy as np
from PIL import Image, ImageChops, ImageFilter, ImageOps, ImageStat, UnidentifiedImageError
from PIL.Image import Resampling

from course_utils.model.predictor import SIDE, InvalidInputError
from course_utils.serving import figure
from course_utils.serving.ink import find_ink, spread

BOX = 20  # o dígito do MNIST, dentro dos 28
FINE = 120  # a caixa em que se mede e engrossa o traço
WORK = 400  # o maior lado em que se procura a figura
STROKE = 0.11  # a espessura mínima do traço, em frações da caixa
MAX_PIXELS = 4096 * 4096
FORMATS = {"image/png": "PNG", "image/jpeg": "JPEG", "image/webp": "WEBP"}
HEIC_BRANDS = b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1"
HEIC = "HEIC não se abre aqui: converta para JPEG (no iPhone, Ajustes › Câmera › Formatos › Mais Compatível)."
UNKNOWN = "O corpo não é uma figura; mande PNG, JPEG ou WebP."
LUMA = np.array([0.299, 0.587, 0.114])


def to_digit(body, kind=None):
    """Figura de qualquer tamanho (bytes) → uint8 (1, 28, 28), 0 = papel e 255 = tinta.

    `kind`: o tipo declarado, um de `FORMATS` (None: vale o que os bytes disserem). Levanta `InvalidInputError` se
    não é um arquivo desse tipo, inteiro, parado e de até 16 megapixels, ou se nele não há um traço, e um só.
    """
    ink = find_ink(to_grey(flatten(shrink(open_picture(body, kind)))))
    stroke = thicken(fit(figure.isolate(ink), FINE))
    return centre(fit(stroke, BOX))[None]


def open_picture(body, kind=None):
    """Confere tipo, tamanho e quadros pelo cabeçalho, antes de descompactar um pixel."""
    try:
        picture = Image.open(io.BytesIO(body), formats=[*FORMATS.values()])
    except Image.DecompressionBombError:
        raise InvalidInputError("A figura tem pixels demais; aceito até 4096×4096.") from None
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError):
        is_heic = body[4:8] == b"ftyp" and body[8:12] in HEIC_BRANDS
        raise InvalidInputError(HEIC if is_heic else UNKNOWN) from None
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


def shrink(picture):
    """Descompacta, encolhe até `WORK` pixels e põe de pé, como o EXIF manda: "RGB", "RGBA" ou "I;16" (cinza fino).

    O JPEG já se descompacta menor (`draft`); na média, a cor pesa o que a opacidade vale.
    """
    try:
        picture.draft("RGB", (WORK, WORK))
        picture.load()
    except (OSError, SyntaxError, ValueError, EOFError, IndexError, struct.error):
        raise InvalidInputError("A figura está cortada ou estragada; mande o arquivo inteiro.") from None
    if not picture.mode.startswith("I"):
        picture = picture.convert("RGBA" if picture.has_transparency_data else "RGB")
    picture.thumbnail((WORK, WORK), Resampling.BOX, reducing_gap=None)  # de 16 bits, o `reduce` não aceita
    with suppress(Exception):  # um EXIF estragado não condena a figura
        ImageOps.exif_transpose(picture, in_place=True)
    return picture


def flatten(picture):
    """Transparente não é preto nem branco: vale o contrário da tinta, ou o papel, se o opaco é papel com tinta."""
    if picture.mode != "RGBA":
        return picture
    pixels = np.asarray(picture)
    colours, alpha = pixels[..., :3], pixels[..., 3]
    opaque = colours[alpha >= min(128, alpha.max())]  # se nada chega a meio opaco, um véu, ou nada
    tones = opaque @ LUMA
    if np.ptp(np.percentile(tones, [2, 98])) > 64 and len(opaque) > alpha.size / 2:
        ground = np.median(opaque, axis=0).astype(int)
    else:
        ground = [0 if tones.mean() > 127 else 255] * 3
    return Image.alpha_composite(Image.new("RGBA", picture.size, (*ground, 255)), picture).convert("RGB")


def to_grey(picture):
    """Cores → tons (float32, 0 a 255): a luminância, ou o canal que conta bem mais, como o vermelho em verde.

    Conta o detalhe, que é a figura menos ela borrada: fora, as sombras. De 16 bits, ficam os 8 que se usam.
    """
    if picture.mode.startswith("I"):
        tones = np.asarray(picture)
        picture = Image.fromarray((tones >> max(0, int(tones.max()).bit_length() - 8)).astype(np.uint8))
    luma, blur = picture.convert("L"), ImageFilter.BoxBlur(max(picture.size) / 8)

    def detail(channel):
        return ImageStat.Stat(ImageChops.difference(channel, channel.filter(blur))).rms[0]

    channel = max(picture.split(), key=detail)
    return denoise(channel if detail(luma) < 0.7 * detail(channel) else luma)


def denoise(channel):
    """Borra um canal ("L") tanto quanto pede o ruído: o desvio mediano entre um tom e a média dos vizinhos."""
    grey, around = (np.asarray(item, np.float32) for item in (channel, channel.filter(ImageFilter.BoxBlur(1))))
    sigma = np.median(np.abs(grey - around)) / (0.6745 * np.sqrt(8 / 9))
    if sigma < 1.5:
        return grey
    radius = min(0.7 + sigma / 12, max(channel.size) / 120)
    return np.asarray(channel.filter(ImageFilter.GaussianBlur(float(radius))), np.float32)


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
    inner = spread(np.pad(strong, 1), 3, np.min)[1:-1, 1:-1]
    width = 2 * strong.sum() / max(1, (strong & ~inner).sum())
    missing = round((STROKE * FINE - width) / 2)
    if missing <= 0:
        return ink
    padded = np.pad((ink / ink.max()).clip(0, 1), missing)
    return spread(padded, 2 * missing + 1, np.max)


def centre(ink):
    """Põe o dígito (no máximo 20×20) em 28×28 com o centro de massa no meio: uint8."""
    rows, columns = np.indices(ink.shape)
    mass = np.array([(rows * ink).sum(), (columns * ink).sum()]) / ink.sum()
    top, left = np.clip(np.round((SIDE - 1) / 2 - mass).astype(int), 0, SIDE - np.array(ink.shape))
    image = np.zeros((SIDE, SIDE), np.uint8)
    image[top : top + ink.shape[0], left : left + ink.shape[1]] = np.round(255 * ink)
    return image
