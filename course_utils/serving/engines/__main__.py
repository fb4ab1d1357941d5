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
ORT = "onnxruntime-web/dist/ort"
WANTED = {  # motor → os arquivos que a página usa, cada um depois do nome do seu pacote no npm
    "tfjs": (
        "@tensorflow/tfjs/dist/tf.min.js",
        "@tensorflow/tfjs-backend-wasm/dist/tf-backend-wasm.min.js",
        "@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-simd.wasm",
    ),
    "onnx": (f"{ORT}.wasm.min.mjs", f"{ORT}-wasm-simd-threaded.mjs", f"{ORT}-wasm-simd-threaded.wasm"),
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
    for engine, names in WANTED.items():
        for file in (Path(folder, "node_modules", name) for name in names):
            version = json.loads((file.parents[1] / "package.json").read_text(encoding="utf-8"))["version"]
            found[f"{engine}-{version}/{file.name}"] = file.read_bytes()
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
