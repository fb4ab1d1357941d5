"""O mesmo dígito como o mandam telefones, tablets, scanners e programas de desenho: um gerador por espécie.

Os dígitos são os da validação: o teste fica para o fim da história.
"""

import io

import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageOps

ORIENTATION = 0x0112
UNDO = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # o que fazer para que a orientação EXIF endireite a figura


# ---------------------------------------------------------------- o dígito: máscara de tinta, 255 = tinta


def plain(image, side=280):
    """O dígito ampliado, como a página de desenho o mostraria: "L", 255 = tinta."""
    return Image.fromarray(image).resize((side, side), Image.Resampling.BICUBIC)


def skeleton(mask):
    """O eixo de um traço (bool → bool): o afinamento de Zhang e Suen (1984)."""
    mask = np.pad(mask, 1)
    changed = True
    while changed:
        changed = False
        for first in (True, False):
            shifts = [(-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1), (-1, -1)]
            n, ne, e, se, s, sw, w, nw = ring = [np.roll(mask, (-dy, -dx), (0, 1)) for dy, dx in shifts]
            around = sum(part.astype(int) for part in ring)
            steps = sum((~a & b).astype(int) for a, b in zip(ring, ring[1:] + ring[:1]))
            sides = (n & e & s, e & s & w) if first else (n & e & w, n & s & w)
            peel = mask & (around >= 2) & (around <= 6) & (steps == 1) & ~sides[0] & ~sides[1]
            mask, changed = mask & ~peel, changed or peel.any()
    return mask[1:-1, 1:-1]


def pen(image, side=1600, width=3):
    """O eixo do dígito riscado de novo com outra caneta, de `width` pixels, numa folha de `side`."""
    axis = skeleton(np.asarray(plain(image, 140)) > 110)
    sheet, scale = Image.new("L", (side, side)), side / 140
    draw, points = ImageDraw.Draw(sheet), set(zip(*np.nonzero(axis)))
    for y, x in points:
        for dy, dx in ((0, 1), (1, 0), (1, 1), (1, -1)):
            if (y + dy, x + dx) in points:
                line = [(x * scale, y * scale), ((x + dx) * scale, (y + dy) * scale)]
                draw.line(line, fill=255, width=width)
                if width > 8:  # pontas redondas
                    draw.circle(line[0], width / 2, fill=255)
    return sheet


def place(ink, size, box):
    """A tinta numa folha `size`, o dígito encolhido para caber em `box` = (x, y, lado)."""
    sheet, (x, y, side) = Image.new("L", size), box
    sheet.paste(ink.resize((side, side), Image.Resampling.LANCZOS), (x, y))
    return sheet


def paint(ink, colour="black", paper="white"):
    """Tinta de uma cor sobre papel de outra: "RGB"."""
    return Image.composite(Image.new("RGB", ink.size, colour), Image.new("RGB", ink.size, paper), ink)


# ---------------------------------------------------------------- o que acontece entre a mão e o servidor


def shine(picture, light):
    """Ilumina: multiplica por `light` (float, 0 a 1)."""
    pixels = np.asarray(picture, np.float32)
    light = light[..., None] if pixels.ndim == 3 else light
    return Image.fromarray(np.clip(pixels * light, 0, 255).astype(np.uint8))


def slope(size, random, least=0.6):
    """Luz que cai de 1 a `least` numa direção qualquer."""
    y, x = np.mgrid[-1 : 1 : size[1] * 1j, -1 : 1 : size[0] * 1j]
    angle = random.uniform(0, 2 * np.pi)
    ramp = (x * np.cos(angle) + y * np.sin(angle)) / (abs(np.cos(angle)) + abs(np.sin(angle)))
    return (1 + least) / 2 + (1 - least) / 2 * ramp


def edge(size, random, least=0.55):
    """A sombra de alguma coisa: borda quase nítida, que corta a figura em diagonal."""
    step = slope(size, random, -1.0) + random.uniform(-0.3, 0.3)
    return least + (1 - least) / (1 + np.exp(-step * 40))


def half(size):
    """Metade da folha à sombra, cortada na diagonal como por uma régua."""
    return np.where(np.add(*np.indices(size[::-1])) > max(size), 0.5, 1.0)


def vignette(size, least=0.5):
    y, x = np.mgrid[-1 : 1 : size[1] * 1j, -1 : 1 : size[0] * 1j]
    return 1 - (1 - least) * (x**2 + y**2) / 2


def noise(picture, random, sigma=12):
    pixels = np.asarray(picture, np.float32)
    grain = np.float32(sigma) * random.standard_normal(pixels.shape, np.float32)
    return Image.fromarray(np.clip(pixels + grain, 0, 255).astype(np.uint8))


def rule(picture, colour=(170, 195, 225), step=40, vertical=False, width=2):
    """Papel pautado (ou quadriculado): as linhas estão no papel, a tinta fica por cima."""
    lines = Image.new("RGB", picture.size, "white")
    draw = ImageDraw.Draw(lines)
    for at in range(step // 2, max(picture.size), step):
        draw.line([(0, at), (picture.width, at)], fill=colour, width=width)
        if vertical:
            draw.line([(at, 0), (at, picture.height)], fill=colour, width=width)
    return ImageChops.multiply(picture.convert("RGB"), lines)


def phone(ink, random):
    """Foto de papel: dígito pequeno e torto, luz amarelada e desigual, foco ruim, ruído."""
    ink = ink.rotate(random.uniform(-8, 8), Image.Resampling.BICUBIC)
    size = 900, 1200
    side = int(random.uniform(0.45, 0.75) * size[0])
    corner = [int(random.uniform(0.1, 0.9) * (length - side)) for length in size]
    picture = paint(place(ink, size, (*corner, side)), (40, 45, 80), (228, 222, 205))
    picture = shine(picture, slope(size, random, 0.55) * vignette(size, 0.75))
    return noise(picture.filter(ImageFilter.GaussianBlur(2)), random, 9)


def save(picture, kind="PNG", **options):
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return f"image/{kind.lower()}", file.getvalue()


def jpeg(picture, quality=85, **options):
    return save(picture, "JPEG", quality=quality, **options)


def turned(ink, random):
    """A câmera gravou deitado e anotou a orientação no EXIF."""
    orientation, exif = int(random.integers(2, 9)), Image.Exif()
    exif[ORIENTATION] = orientation
    return jpeg(paint(ink).transpose(Image.Transpose(UNDO[orientation])), exif=exif)


def crop(ink):
    return ink.crop(ink.point(lambda tone: 255 * (tone > 60)).getbbox())


def transparent(ink, colour):
    picture = Image.new("RGBA", ink.size, colour)
    picture.putalpha(ink)
    return picture


def wide(ink, top=65535):
    """Cinza em 16 bits, de que o aparelho usou até `top`."""
    return Image.fromarray(((255 - np.asarray(ink, np.uint32)) * top // 255).astype(np.uint16))


def sticker(ink):
    """Papel recortado sobre transparente: há papel, tinta e nada."""
    picture = paint(ink).convert("RGBA")
    shape = Image.new("L", ink.size)
    ImageDraw.Draw(shape).rounded_rectangle([6, 6, ink.width - 7, ink.height - 7], 40, fill=255)
    picture.putalpha(shape)
    return picture


# espécie → (dígito uint8 (28, 28), sorteio) → (tipo de conteúdo, bytes)
KINDS = {
    "simples": lambda i, r: save(paint(plain(i))),
    "28 × 28": lambda i, r: save(ImageOps.invert(Image.fromarray(i))),
    "28 × 28, tinta clara": lambda i, r: save(Image.fromarray(i)),
    "miniatura de 40": lambda i, r: save(paint(plain(i, 40))),
    "16 megapixels": lambda i, r: jpeg(paint(plain(i, 4000))),
    "pequeno na folha": lambda i, r: save(paint(place(plain(i), (1400, 1000), (900, 100, 200)))),
    "folha larga": lambda i, r: save(paint(place(plain(i), (1200, 300), (850, 10, 280)))),
    "caneta fina": lambda i, r: save(ImageOps.invert(pen(i))),
    "caneta média": lambda i, r: save(ImageOps.invert(pen(i, 280, 8))),
    "marcador": lambda i, r: save(ImageOps.invert(pen(i, 280, 34))),
    "EXIF 2–8": lambda i, r: turned(plain(i), r),
    "16 bits": lambda i, r: save(wide(plain(i, 1000))),
    "12 bits em 16": lambda i, r: save(wide(plain(i), 4095)),
    "1 bit": lambda i, r: save(ImageOps.invert(plain(i)).convert("1", dither=0)),
    "paleta": lambda i, r: save(paint(plain(i), "navy", "beige").quantize(16)),
    "cinza e alfa": lambda i, r: save(transparent(plain(i), "black").convert("LA")),
    "CMYK": lambda i, r: jpeg(paint(plain(i)).convert("CMYK")),
    "recorte justo": lambda i, r: save(paint(crop(plain(i)))),
    "recorte justo, invertido": lambda i, r: save(paint(crop(plain(i)), "white", "black")),
    "preto em transparente": lambda i, r: save(transparent(plain(i), "black")),
    "branco em transparente": lambda i, r: save(transparent(plain(i), "white")),
    "vermelho em transparente": lambda i, r: save(transparent(crop(plain(i)), "red")),
    "adesivo": lambda i, r: save(sticker(plain(i))),
    "giz em lousa": lambda i, r: save(noise(paint(plain(i), (225, 225, 215), (35, 60, 45)), r, 8)),
    "amarelo em branco": lambda i, r: save(paint(plain(i), "yellow")),
    "vermelho em verde": lambda i, r: save(paint(plain(i), (200, 60, 60), (40, 124, 80))),
    "lápis claro": lambda i, r: jpeg(noise(paint(plain(i), (175, 175, 175), (235, 235, 235)), r, 4)),
    "sombra suave": lambda i, r: save(shine(paint(plain(i)), slope((280, 280), r, 0.4)), "PNG"),
    "sombra nítida": lambda i, r: jpeg(noise(shine(paint(plain(i), (40, 40, 60)), edge((280, 280), r)), r, 5)),
    "meia sombra": lambda i, r: save(shine(paint(plain(i)), half((280, 280)))),
    "vinheta": lambda i, r: save(shine(paint(plain(i), (50, 50, 50)), vignette((280, 280), 0.4))),
    "JPEG ruim": lambda i, r: jpeg(paint(plain(i)), 12),
    "WebP": lambda i, r: save(paint(plain(i)), "WEBP", quality=50),
    "ruído de foto": lambda i, r: jpeg(noise(paint(plain(i), (50, 50, 50), (215, 215, 215)), r, 25)),
    "papel pautado": lambda i, r: jpeg(rule(paint(plain(i), (30, 30, 90)))),
    "papel quadriculado": lambda i, r: jpeg(rule(paint(plain(i), (30, 30, 90)), vertical=True, step=28)),
    "foto de papel": lambda i, r: jpeg(phone(plain(i), r)),
    "foto, caneta fina": lambda i, r: jpeg(phone(pen(i, 800, 12), r)),
}


# ---------------------------------------------------------------- o que não é um dígito


def two(first, second, random):
    """Dois dígitos lado a lado, com tamanhos e alturas um pouco diferentes."""
    size, sheet = (560, 320), Image.new("L", (560, 320))
    for image, left in ((first, 10), (second, 290)):
        side = int(random.uniform(190, 260))
        part = plain(image, side)
        sheet.paste(part, (left, int(random.uniform(0, size[1] - side))))
    return sheet


def close(first, second, random):
    """Dois dígitos quase encostados: uns 8 % da altura entre eles."""
    parts = [crop(plain(image)) for image in (first, second)]
    gap = int(0.08 * max(part.height for part in parts)) + 4
    sheet = Image.new("L", (sum(part.width for part in parts) + gap + 60, 320))
    sheet.paste(parts[0], (30, 60))
    sheet.paste(parts[1], (30 + parts[0].width + gap, 60))
    return sheet


def stack(first, second):
    """Um dígito sobre o outro."""
    sheet = Image.new("L", (300, 600))
    sheet.paste(plain(first), (10, 10))
    sheet.paste(plain(second), (10, 310))
    return sheet


def texture(random, size=280, scale=6):
    """Uma textura: ruído ampliado e esticado até usar todos os tons."""
    small = Image.fromarray((random.uniform(0, 255, (size // scale, size // scale))).astype(np.uint8))
    return ImageOps.autocontrast(small.resize((size, size), Image.Resampling.BICUBIC))


def stripes(random, size=280):
    y, x = np.mgrid[0:size, 0:size]
    angle, period = random.uniform(0, np.pi), random.uniform(8, 60)
    wave = np.sin(2 * np.pi * (x * np.cos(angle) + y * np.sin(angle)) / period)
    return Image.fromarray((127 + 120 * wave).astype(np.uint8))


def box(random, size=280):
    sheet = Image.new("L", (size, size), "white")
    left, top = random.integers(5, 60, 2).tolist()
    width = int(random.integers(100, 200))
    height = int(width * random.uniform(0.7, 1.4))
    shape = ImageDraw.Draw(sheet)
    (shape.rectangle if random.random() < 0.6 else shape.ellipse)([left, top, left + width, top + height], fill=0)
    return sheet


# espécie → (sorteio, pares de dígitos) → (tipo de conteúdo, bytes)
NOT_DIGITS = {
    "folha branca": lambda r, a, b: save(Image.new("L", (200, 300), int(r.integers(0, 256)))),
    "folha vazia, ruído": lambda r, a, b: jpeg(
        noise(Image.new("RGB", (300, 400), (210, 205, 200)), r, r.uniform(1, 25))
    ),
    "folha vazia, sombra": lambda r, a, b: jpeg(
        noise(
            shine(Image.new("RGB", (300, 400), (230, 225, 220)), slope((300, 400), r, r.uniform(0.2, 0.9))), r, 4
        )
    ),
    "folha vazia, sombra nítida": lambda r, a, b: jpeg(
        noise(shine(Image.new("RGB", (300, 400), (230, 225, 220)), edge((300, 400), r)), r, 4)
    ),
    "pauta sem dígito": lambda r, a, b: jpeg(
        rule(Image.new("RGB", (300, 400), "white"), vertical=r.random() < 0.5)
    ),
    "transparente": lambda r, a, b: save(Image.new("RGBA", (100, 100), (*r.integers(0, 256, 3).tolist(), 0))),
    "ruído puro": lambda r, a, b: save(Image.fromarray(r.integers(0, 256, (150, 150, 3), np.uint8))),
    "textura": lambda r, a, b: save(texture(r, scale=int(r.integers(4, 40)))),
    "textura nítida": lambda r, a, b: save(
        texture(r, scale=int(r.integers(4, 40))).point(lambda tone: 255 * (tone > 120))
    ),
    "listras": lambda r, a, b: save(stripes(r)),
    "mancha cheia": lambda r, a, b: save(box(r)),
    "dois dígitos": lambda r, a, b: save(paint(two(a, b, r))),
    "dois, juntos": lambda r, a, b: save(paint(close(a, b, r))),
    "dois, um sobre o outro": lambda r, a, b: save(paint(stack(a, b))),
}
