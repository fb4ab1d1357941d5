"""Refaz as figuras do README em notebooks/imagens/: `python tests/readme_pictures.py`.

A tela vem da prova de navegador (`python -m course_utils test -m slow tests/test_browser.py` a deixa em
artifacts/browser/); o gráfico, da saída guardada no notebook 09. Aqui só se reduz cada uma a poucas cores.
"""

import base64
import io
import sys

import nbformat
from PIL import Image

from course_utils import lesson
from course_utils.model import artifacts

FOLDER = artifacts.ROOT / "notebooks/imagens"
SCREEN = artifacts.ARTIFACTS / "browser/lab_00_desenho.png"
LARGEST = 150_000  # bytes de cada figura


def ladder():
    """A escada das promessas, a penúltima figura guardada no notebook 09 (bytes de PNG)."""
    cells = nbformat.read(lesson.find_notebooks(["09"])[0], as_version=4).cells
    outputs = [output for cell in cells for output in cell.get("outputs", [])]
    return base64.b64decode(
        [output.data["image/png"] for output in outputs if "image/png" in output.get("data", {})][-2]
    )


def shrink(picture, target):
    """Grava em `target` o PNG `picture` (caminho ou arquivo aberto) com 128 cores; devolve o tamanho em bytes."""
    image = Image.open(picture).convert("RGB").quantize(128, dither=Image.Dither.NONE)
    image.save(target, optimize=True)
    return target.stat().st_size


def main():
    if not SCREEN.exists():
        command = "python -m course_utils test -m slow tests/test_browser.py -k 00_a_ponte"
        print(f"Falta artifacts/browser/{SCREEN.name}: rode antes {command}", file=sys.stderr)
        return 1
    FOLDER.mkdir(exist_ok=True)
    for name, picture in {"jupyterlab": SCREEN, "promessas": io.BytesIO(ladder())}.items():
        size = shrink(picture, FOLDER / f"{name}.png")
        print(f"{name}.png: {size / 1000:.0f} kB")
        if size > LARGEST:
            print(f"{name}.png passa de {LARGEST // 1000} kB.", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
