"""Os motores que rodam o modelo no navegador: TF.js e ONNX Runtime Web, pacotes do npm. Só biblioteca padrão.

As versões e as impressões digitais (sha512) estão em serving/engines/package-lock.json. Os pacotes vêm do registro
do npm (não é preciso ter um npm), ou de um kit; só ficam, em share/aula32-web do ambiente Python, os arquivos que
a página usa. Se não der certo, a aula segue: a página de desenho oferece só o servidor.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import shutil
import subprocess
import tarfile
from pathlib import Path

from course_utils import files
from course_utils.setup import downloads, sources
from course_utils.setup.downloads import File
from course_utils.setup.progress import Progress, SetupError

LOCK = "course_utils/serving/engines/package-lock.json"

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
NOWHERE = "Nem o npm nem o JupyterLab dizem de onde baixá-los: confira o npm desta máquina e rode de novo."
WRONG = "Um pacote do npm não confere com o package-lock.json: rode de novo."
WITHOUT = "Os motores do navegador não vieram, e a página de desenho oferece só o servidor. {}"


def ready(root: Path, prefix: Path) -> bool:
    """O ambiente `prefix` tem, inteiros, os motores que o package-lock.json de `root` pede?"""
    if not (root / LOCK).exists():
        return True
    if not files.installed_engines(prefix):
        return False
    manifest = Path(prefix, files.ENGINES_PLACE, files.ENGINES_MANIFEST)
    return json.loads(manifest.read_text(encoding="utf-8")).get("digest") == digest(root)


def digest(root: Path) -> str:
    """Muda quando mudam as versões pedidas ou a lista de arquivos."""
    return hashlib.sha256((root / LOCK).read_bytes() + json.dumps(ENGINES).encode()).hexdigest()


def complete(root: Path, prefix: Path, python: Path, progress: Progress, kit: Path | None = None) -> str:
    """Põe em `prefix` os motores que faltarem. Devolve "" ou, se não deu, a frase que diz o que muda.

    `kit`: a pasta em que `engines/` tem os pacotes já baixados; sem ela, vêm do npm.
    """
    if ready(root, prefix):
        return ""
    target = Path(prefix, files.ENGINES_PLACE)
    temporary = target.with_name(target.name + ".tmp")  # no mesmo disco do destino
    shutil.rmtree(temporary, ignore_errors=True)  # a que um processo morto deixou
    try:
        if kit is None:
            wanted, where = archives(root, registry(python)), sources.read(python)
            downloads.fetch(wanted, temporary, where, progress, "Buscando os motores do navegador")
        install(root, kit or temporary, temporary / "new", target)
    except SetupError as problem:
        return WITHOUT.format(problem)
    except OSError as problem:
        return WITHOUT.format(f"Não consegui gravar {files.explain(problem)} e rode de novo.")
    except (tarfile.TarError, KeyError, EOFError):
        return WITHOUT.format(WRONG)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return ""


def packages(root: Path, place: str = "") -> dict[str, tuple[str, File]]:
    """Nome no npm → a versão fixada e o arquivo dela: o lugar num kit e, com um registro, `place`, a URL."""
    lock, found = json.loads((root / LOCK).read_text(encoding="utf-8"))["packages"], {}
    for name in (name for group in ENGINES.values() for name in group):
        pin = lock[f"node_modules/{name}"]
        archive = f"{name.rpartition('/')[2]}-{pin['version']}.tgz"
        digest = "sha512:" + base64.b64decode(pin["integrity"].removeprefix("sha512-")).hex()
        found[name] = pin["version"], File(f"engines/{archive}", f"{place}/{name}/-/{archive}", digest)
    return found


def archives(root: Path, place: str = "") -> list[File]:
    return [file for _, file in packages(root, place).values()]


def registry(python: str | Path) -> str:
    """O registro que o npm desta máquina tem configurado; se nenhum responde, o do JupyterLab de `python`.

    Levanta `SetupError` se nem este diz um.
    """
    npm = shutil.which("npm")
    default = "from jupyterlab.commands import YARN_DEFAULT_REGISTRY as place; print(place)"
    for command in ([npm, "config", "get", "registry"], [str(python), "-I", "-c", default]):
        with contextlib.suppress(OSError, subprocess.SubprocessError):
            if command[0]:
                done = subprocess.run(command, capture_output=True, encoding="utf-8", timeout=60, check=True)
                if "://" in done.stdout:
                    return done.stdout.strip().rstrip("/")
    raise SetupError(NOWHERE)


def install(root: Path, folder: Path, new: Path, target: Path) -> None:
    """Confere os pacotes de `folder` e põe em `target`, de uma vez só, os arquivos que a página usa."""
    if downloads.absent(archives(root), folder):
        raise SetupError(WRONG)
    found, versions, sizes = packages(root), {}, {}
    for engine, group in ENGINES.items():
        for name, members in group.items():
            versions[engine], archive = found[name]
            place = f"{engine}-{versions[engine]}"
            (new / place).mkdir(parents=True, exist_ok=True)
            with tarfile.open(folder / archive.path) as package:
                for file in members:
                    content = package.extractfile(f"package/{file}").read()
                    sizes[f"{place}/{Path(file).name}"] = (new / place / Path(file).name).write_bytes(content)
    manifest = {"digest": digest(root), "versions": versions, "files": sizes}
    (new / files.ENGINES_MANIFEST).write_text(json.dumps(manifest, indent=1), encoding="utf-8")
    shutil.rmtree(target, ignore_errors=True)
    new.replace(target)
