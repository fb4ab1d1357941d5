"""Um npm de mentira, e um projeto cujos motores do navegador são pacotes pequenos que ele entrega."""

import base64
import hashlib
import io
import json
import tarfile

from course_utils.setup import engines

# Um npm que deixa o que há na prateleira na pasta em que roda, como o de verdade.
FAKE_NPM = """#!{python}
import os, shutil, sys, pathlib
if "--version" in sys.argv:
    print("11.19.1")
    sys.exit(0)
pathlib.Path({shelf!r}, "chamado.txt").write_text(" ".join(sys.argv[1:]) + " " + os.environ["npm_config_cache"])
for archive in pathlib.Path({shelf!r}).glob("*.tgz"):
    shutil.copy(archive, ".")
"""


def make_project(folder, shelf):
    """Um projeto com um package-lock.json cujos pacotes, pequenos, estão em `shelf` como o npm os entregaria."""
    packages = {}
    for package in [name for group in engines.ENGINES.values() for name in group]:
        archive = shelf / f"{package.replace('@', '').replace('/', '-')}-1.0.0.tgz"
        with tarfile.open(archive, "w:gz") as tar:
            for group in engines.ENGINES.values():
                for name in (*group.get(package, ()), "package.json", "dist/enorme.map"):
                    content = f"{package} {name}".encode()
                    info = tarfile.TarInfo(f"package/{name}")
                    info.size = len(content)
                    tar.addfile(info, io.BytesIO(content))
        digest = base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
        packages[f"node_modules/{package}"] = {"version": "1.0.0", "integrity": f"sha512-{digest}"}
    (folder / engines.LOCK).parent.mkdir(parents=True)
    (folder / engines.LOCK).write_text(json.dumps({"packages": packages}), encoding="utf-8")
    (folder / "artifacts").mkdir()
    return folder


def add_program(folder, name, text):
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(text, encoding="utf-8")
    (folder / name).chmod(0o755)
