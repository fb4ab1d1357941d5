"""Refaz data/engines.zip com o que package-lock.json fixa: `python -m course_utils.serving.engines`.

Precisa do npm e de rede. O npm confere a impressão digital de cada pacote e não executa nada do que eles trazem.
"""

import json
import shutil
import subprocess
import tempfile
import zipfile
from pathlib import Path

from course_utils import files
from course_utils.model import artifacts
from course_utils.serving import engines

PINS = "package.json", "package-lock.json"
# motor → pacotes do npm → os arquivos que a página usa
WANTED = {
    "tfjs": {
        "@tensorflow/tfjs": ("dist/tf.min.js",),
        "@tensorflow/tfjs-backend-wasm": ("dist/tf-backend-wasm.min.js", "dist/tfjs-backend-wasm-simd.wasm"),
    },
    "onnx": {
        "onnxruntime-web": (
            "dist/ort.wasm.min.mjs",
            "dist/ort-wasm-simd-threaded.mjs",
            "dist/ort-wasm-simd-threaded.wasm",
        ),
    },
}


def fetch(folder):
    """Instala em `folder` os pacotes fixados; devolve `{"tfjs-4.22.0/tf.min.js": bytes}`.

    Levanta `CalledProcessError` se o npm não consegue.
    """
    for name in PINS:
        shutil.copy(Path(__file__).with_name(name), folder)
    npm = shutil.which("npm") or "npm"
    subprocess.run([npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"], cwd=folder, check=True)
    found = {}
    for engine, packages in WANTED.items():
        for package, names in packages.items():
            place = Path(folder, "node_modules", package)
            version = json.loads((place / "package.json").read_text(encoding="utf-8"))["version"]
            found |= {f"{engine}-{version}/{Path(name).name}": (place / name).read_bytes() for name in names}
    return found


def main():
    """Grava em data/engines.zip o que o npm entregou, sem datas, e anota o SHA-256."""
    with tempfile.TemporaryDirectory() as folder:
        contents = fetch(folder)
    with files.draft(engines.FILE) as sketch, zipfile.ZipFile(sketch, "w", zipfile.ZIP_LZMA) as packed:
        for name in sorted(contents):
            packed.writestr(zipfile.ZipInfo(name), contents[name], zipfile.ZIP_LZMA)
    artifacts.seal(engines.FILE)
    print(f"{engines.FILE.name} refeito: {engines.versions()}.")


if __name__ == "__main__":
    main()
