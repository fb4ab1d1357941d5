"""Pacotes minúsculos e locks para provar a preparação sem rede; o uv deles chama o de verdade."""

import hashlib
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
UV = Path(sys.prefix, "Scripts/uv.exe" if sys.platform == "win32" else "bin/uv")


def make_wheel(folder, name, version, tag="py3-none-any", *, code="", scripts=None):
    """Grava em `folder` um pacote com um módulo de mesmo nome; `scripts`: `{nome: texto}` de programas."""
    info = f"{name}-{version}.dist-info"
    files = {
        f"{name.replace('-', '_')}.py": code or f"version = '{version}'\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{info}/WHEEL": f"Wheel-Version: 1.0\nGenerator: teste\nRoot-Is-Purelib: true\nTag: {tag}\n",
    }
    files |= {f"{name}-{version}.data/scripts/{script}": text for script, text in (scripts or {}).items()}
    files[f"{info}/RECORD"] = "".join(f"{path},,\n" for path in [*files, f"{info}/RECORD"])
    with zipfile.ZipFile(folder / f"{name}-{version}-{tag}.whl", "w") as wheel:
        for path, text in files.items():
            entry = zipfile.ZipInfo(path)
            entry.external_attr = (0o100755 if "/scripts/" in path else 0o100644) << 16
            wheel.writestr(entry, text)


def make_wheels(folder):
    """Os pacotes das provas: alfa 1.0 e 2.0, delta 1.0 (o do extra), onnxruntime que não se importa, e o uv."""
    for version in ("1.0", "2.0"):
        make_wheel(folder, "alfa", version)
    make_wheel(folder, "delta", "1.0")
    broken = "raise ImportError('libfalta.so: cannot open shared object file')\n"
    make_wheel(folder, "onnxruntime", "1.0", code=broken)
    make_wheel(folder, "uv", uv_version(), scripts={"uv": f'#!/bin/sh\nexec "{UV}" "$@"\n'})
    return folder


def uv_version():
    return subprocess.check_output([UV, "--version"], text=True).split()[1]


def write_lock(root, wheels, *pins, name="requirements.lock"):
    """Escreve em `root` um lock com `pins` (`alfa==1.0`) e as impressões dos arquivos de `wheels`."""
    text = "# de teste\n"
    for pin in pins if name != "requirements.lock" else (*pins, f"uv=={uv_version()}"):
        path = wheels / f"{pin.replace('==', '-')}-py3-none-any.whl"
        digest = hashlib.sha256(path.read_bytes() if path.exists() else b"").hexdigest()
        text += f"{pin} \\\n    --hash=sha256:{digest}\n"
    (root / name).write_text(text, encoding="utf-8")


def make_root(parent, wheels, *pins):
    """Um projeto mínimo, numa pasta com espaço e acentos, cujo lock é `pins` (padrão: alfa 1.0)."""
    root = parent / "Pasta com espaço e acentuação"
    (root / "notebooks").mkdir(parents=True)
    shutil.copytree(PROJECT / "course_utils" / "setup", root / "course_utils" / "setup")
    for name in ("__init__", "__main__", "files", "processes", "settings"):
        shutil.copy(PROJECT / "course_utils" / f"{name}.py", root / "course_utils")
    write_lock(root, wheels, *(pins or ("alfa==1.0",)))
    write_lock(root, wheels, "delta==1.0", name="requirements-ray.lock")
    return root
