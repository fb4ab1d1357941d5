"""Os motores que rodam o modelo no navegador: TF.js e ONNX Runtime Web, pacotes do npm. Só biblioteca padrão.

As versões e as impressões digitais (sha512) estão em serving/engines/package-lock.json. `npm pack` traz os pacotes
inteiros (ou eles vêm de um kit), e só ficam, em share/aula32-web do ambiente Python, os arquivos que a página usa:
sem `npm install`, que deixaria mais de 400 MB. Sem um npm que sirva, um Node do PyPI faz isto e some em seguida.
Se nada disso der certo, a aula segue: a página de desenho oferece só o servidor.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import os
import shutil
import subprocess
import tarfile
import time
from pathlib import Path

from course_utils import files
from course_utils.setup import sources
from course_utils.setup.installer import BOUND, Progress, SetupError, run_logged

LOCK = "course_utils/serving/engines/package-lock.json"
NODE = "course_utils/setup/node.txt"
OLDEST_NPM = 7  # o 6, do Node 14, já não recebe correções
PATIENCE_S = 20  # sem resposta do registro do npm

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

# O que quer dizer o código com que o npm termina; ele o escreve em JSON. Os de certificado trazem "CERT" no nome.
REASONS = {
    "falta espaço em disco": ("ENOSPC", "EDQUOT"),
    "o npm não tem a versão pedida": ("E404", "ETARGET"),
    "o registro do npm pede uma senha": ("E401", "E403", "ENEEDAUTH"),
    "o proxy pede uma senha": ("E407",),
    "o certificado do registro do npm não foi aceito": ("UNABLE_TO_VERIFY_LEAF_SIGNATURE", "CERT"),
    "sem rede até o npm": (
        "ENOTFOUND", "EAI_AGAIN", "ECONNREFUSED", "ECONNRESET", "ETIMEDOUT", "ENETUNREACH", "EHOSTUNREACH",
        "ERR_SOCKET_TIMEOUT", "FETCH_ERROR",
    ),
}  # fmt: skip
NO_NPM = f"falta um npm {OLDEST_NPM} ou mais novo, e o Node do PyPI não veio"
WRONG = "um pacote do npm não confere com o package-lock.json"
UNKNOWN = "o porquê está em artifacts/engines.log"
WITHOUT = (
    "Os motores do navegador não vieram ({}): a página de desenho oferece só o servidor, "
    "até você rodar este comando de novo com isso resolvido."
)


def ready(root: Path, prefix: Path) -> bool:
    """O ambiente `prefix` tem, inteiros, os motores que o package-lock.json de `root` pede?"""
    if not (root / LOCK).exists():
        return True
    if not files.installed_engines(prefix):
        return False
    manifest = Path(prefix, files.ENGINES_PLACE, files.ENGINES_MANIFEST)
    return json.loads(manifest.read_text(encoding="utf-8")).get("digest") == digest(root)


def complete(root: Path, prefix: Path, python: Path, progress: Progress, kit: Path | None = None) -> str:
    """Põe em `prefix` os motores que faltarem. Devolve "" ou, se não deu, a frase que diz o que muda.

    `kit`: uma pasta com os pacotes já baixados (`kit.Kit.engines`); sem ela, vêm do npm.
    """
    if ready(root, prefix):
        return ""
    target = Path(prefix, files.ENGINES_PLACE)
    try:
        with scratch(target.with_name(target.name + ".tmp")) as temporary:  # no mesmo disco do destino
            folder = kit or temporary / "packages"
            if kit is None:
                download(root, folder, python, progress)
            install(root, folder, temporary / "new", target)
    except SetupError as problem:
        return WITHOUT.format(problem)
    except OSError as problem:
        return WITHOUT.format(problem.strerror or problem)
    except (tarfile.TarError, KeyError, EOFError):
        return WITHOUT.format(WRONG)
    return ""


def packages(root: Path) -> dict[str, dict]:
    """Nome no npm → o que o package-lock.json diz dele (`version`, `integrity`)."""
    lock = json.loads((root / LOCK).read_text(encoding="utf-8"))["packages"]
    return {name: lock[f"node_modules/{name}"] for group in ENGINES.values() for name in group}


def archive(name: str, pin: dict) -> str:
    """O nome que o npm dá ao arquivo: `@tensorflow/tfjs` → `tensorflow-tfjs-4.22.0.tgz`."""
    return f"{name.replace('@', '').replace('/', '-')}-{pin['version']}.tgz"


def intact(path: Path, pin: dict) -> bool:
    """O arquivo está lá, e é o que o package-lock.json pede?"""
    try:
        code = hashlib.sha512(path.read_bytes()).digest()
    except OSError:
        return False
    return pin["integrity"] == "sha512-" + base64.b64encode(code).decode()


def absent(root: Path, folder: Path) -> dict[str, dict]:
    """Dos `packages`, os que faltam em `folder` ou não conferem."""
    return {name: pin for name, pin in packages(root).items() if not intact(folder / archive(name, pin), pin)}


# ---------------------------------------------------------------- do npm, ou de um kit, até o ambiente


def download(root: Path, folder: Path, python: Path, progress: Progress) -> None:
    """Deixa em `folder` os pacotes do npm que faltarem nela, conferidos; levanta `SetupError` com o porquê."""
    folder.mkdir(parents=True, exist_ok=True)
    missing = absent(root, folder)
    if not missing:
        return
    logs = root / "artifacts"
    logs.mkdir(exist_ok=True)
    with scratch(folder / "npm.tmp") as work, open(logs / "engines.log", "w", encoding="utf-8") as log:
        # O npm roda na pasta temporária e grava nela: nada fica no projeto, faça ele o que fizer.
        def tick(_=None):
            progress.show(f"Buscando os motores do navegador: {size_of(work) / 1e6:.0f} MB")

        command = [*find_npm(root, python, work, log, tick), "pack", "--json"]
        pack([*command, *(f"{name}@{pin['version']}" for name, pin in missing.items())], work, log, tick)
        for name, pin in missing.items():
            if not intact(work / archive(name, pin), pin):
                raise SetupError(WRONG)
            (work / archive(name, pin)).replace(folder / archive(name, pin))


def find_npm(root: Path, python: Path, work: Path, log, tick) -> list[str]:
    """O comando que chama o npm: o desta máquina ou, se não houver um que sirva, um trazido do PyPI por ora."""
    npm = shutil.which("npm")
    if npm and major(npm, work) >= OLDEST_NPM:
        return [npm]
    target, where = work / "node", sources.read(python)
    pip = [str(python), "-I", "-X", "utf8", "-m", "pip", "install", "--isolated", "--disable-pip-version-check"]
    pip += ["--no-input", "--no-compile", "--no-deps", "--require-hashes", "--only-binary", ":all:", *where.pip]
    pip += ["--target", str(target), "-r", str(root / NODE)]
    env = {**where.environment, "TMPDIR": str(work), "TEMP": str(work), "TMP": str(work)}
    try:
        run_logged(pip, log, tick, env)
        node = next(path for name in ("bin/node", "node.exe") for path in target.rglob(name))
        return [str(node), str(next(target.rglob("npm-cli.js")))]
    except (SetupError, StopIteration):
        raise SetupError(NO_NPM) from None


def major(npm: str, work: Path) -> int:
    """11 para o npm 11.19.1; 0 se ele não responde (há quem tenha um npm sem o Node, ou um quebrado)."""
    try:
        answer = subprocess.run([npm, "--version"], cwd=work, capture_output=True, timeout=60, check=True)
        return int(answer.stdout.split(b".")[0])
    except (OSError, ValueError, subprocess.SubprocessError):
        return 0


def pack(command: list[str], work: Path, log, tick) -> None:
    """Roda `npm pack --json` em `work`; se falhar, o porquê vem do código que o próprio npm devolve."""
    # O npm não guarda nada fora da pasta temporária, não pergunta nada e não executa nada do que baixa.
    settings = {"cache": str(work / "cache"), "ignore_scripts": "true", "update_notifier": "false"}
    settings |= {"fetch_retries": "1", "fetch_timeout": str(1000 * PATIENCE_S), "progress": "false"}
    settings |= {"loglevel": "error", "pack_destination": str(work), "dry_run": "false"}
    env = {**os.environ, **{f"npm_config_{name}": value for name, value in settings.items()}}
    with open(work / "answer.json", "w+", encoding="utf-8") as answer:
        process = subprocess.Popen(
            command, cwd=work, env=env, stdin=subprocess.DEVNULL, stdout=answer, stderr=log, **BOUND
        )
        try:
            while process.poll() is None:
                tick()
                time.sleep(0.2)
        finally:
            process.kill()
            process.wait()
    if process.returncode:
        text = (work / "answer.json").read_text(encoding="utf-8", errors="replace")
        log.write(text)
        try:
            code = json.loads(text)["error"]["code"]
        except (ValueError, LookupError, TypeError):
            raise SetupError(UNKNOWN) from None
        code = "CERT" if "CERT" in code else code
        raise SetupError(next((reason for reason, codes in REASONS.items() if code in codes), UNKNOWN))


@contextlib.contextmanager
def scratch(place: Path):
    """A pasta `place`, vazia, que some no fim, haja o que houver; a que um processo morto deixou se esvazia."""
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    try:
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)


def size_of(folder: Path) -> int:
    size = 0
    for parent, _, names in os.walk(folder):  # ao contrário de rglob, não liga para uma pasta que some
        for name in names:
            with contextlib.suppress(OSError):
                size += Path(parent, name).stat().st_size
    return size


def install(root: Path, folder: Path, new: Path, target: Path) -> None:
    """Confere os pacotes de `folder` e põe em `target`, de uma vez só, os arquivos que a página usa."""
    pins, sizes = packages(root), {}
    for engine, group in ENGINES.items():
        for name, members in group.items():
            source, place = folder / archive(name, pins[name]), f"{engine}-{pins[name]['version']}"
            if not intact(source, pins[name]):
                raise SetupError(WRONG)
            (new / place).mkdir(parents=True, exist_ok=True)
            with tarfile.open(source) as package:
                for file in members:
                    content = package.extractfile(f"package/{file}").read()
                    sizes[f"{place}/{Path(file).name}"] = (new / place / Path(file).name).write_bytes(content)
    versions = {engine: pins[next(iter(group))]["version"] for engine, group in ENGINES.items()}
    manifest = {"digest": digest(root), "versions": versions, "files": sizes}
    (new / files.ENGINES_MANIFEST).write_text(json.dumps(manifest, indent=1), encoding="utf-8")
    shutil.rmtree(target, ignore_errors=True)
    new.replace(target)


def digest(root: Path) -> str:
    """Muda quando mudam as versões pedidas ou a lista de arquivos."""
    return hashlib.sha256((root / LOCK).read_bytes() + json.dumps(ENGINES).encode()).hexdigest()
