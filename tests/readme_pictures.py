"""Refaz as figuras do README em notebooks/imagens/: `python tests/readme_pictures.py`.

A tela, deixa-a em artifacts/browser/ a prova de navegador (`python -m course_utils test -m slow
tests/test_browser.py -k 00_a_ponte`); o gráfico vem da saída guardada no notebook 09. Aqui só se reduz cada uma a
poucas cores.
"""

import base64
import io

import nbformat
from PIL import Image

from course_utils import lesson
from course_utils.model import artifacts

FOLDER = artifacts.ROOT / "notebooks/imagens"
SCREEN = artifacts.ARTIFACTS / "browser/lab_00_desenho.png"


def ladder():
    """A escada das promessas, a penúltima figura guardada no notebook 09 (arquivo PNG aberto)."""
    cells = nbformat.read(lesson.find_notebooks(["09"])[0], as_version=4).cells
    data = [output.get("data", {}) for cell in cells for output in cell.get("outputs", [])]
    return io.BytesIO(base64.b64decode([found["image/png"] for found in data if "image/png" in found][-2]))


if __name__ == "__main__":
    for name, picture in {"jupyterlab": SCREEN, "promessas": ladder()}.items():
        target = FOLDER / f"{name}.png"
        image = Image.open(picture).convert("RGB").quantize(128, dither=Image.Dither.NONE)
        image.save(target, optimize=True)
        print(f"{target.name}: {target.stat().st_size / 1000:.0f} kB")
