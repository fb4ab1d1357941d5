"""Um registro do npm numa pasta, e um projeto cujos motores do navegador são pacotes pequenos que ele entrega."""

import base64
import hashlib
import io
import json
import tarfile

from course_utils.setup import engines


def make_project(folder, shelf):
    """Um projeto com um package-lock.json cujos pacotes, pequenos, estão em `shelf` como num registro do npm."""
    packages = {}
    for group in engines.ENGINES.values():
        for name, members in group.items():
            archive = shelf / name / "-" / f"{name.rpartition('/')[2]}-1.0.0.tgz"
            archive.parent.mkdir(parents=True)
            with tarfile.open(archive, "w:gz") as tar:
                for member in (*members, "package.json", "dist/enorme.map"):
                    content = f"{name} {member}".encode()
                    info = tarfile.TarInfo(f"package/{member}")
                    info.size = len(content)
                    tar.addfile(info, io.BytesIO(content))
            packages[f"node_modules/{name}"] = {"version": "1.0.0", "integrity": integrity(archive)}
    (folder / engines.LOCK).parent.mkdir(parents=True)
    (folder / engines.LOCK).write_text(json.dumps({"packages": packages}), encoding="utf-8")
    (folder / "artifacts").mkdir()
    return folder


def integrity(archive):
    return "sha512-" + base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
