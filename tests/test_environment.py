"""A preparação do ambiente, de verdade: pastas `.venv` minúsculas, feitas com pacotes que o próprio teste gera."""

import contextlib
import io
import json
import os
import re
import shutil
import socket
import subprocess
import sys
from collections import namedtuple

import psutil
import pytest
from faults import disk
from wheelhouse import PROJECT, make_root, make_wheels, write_lock

from course_utils.setup import environment, failures, lock
from course_utils.setup.environment import MARK, SAY, Environment, diagnose, ensure
from course_utils.setup.failures import SetupError

pytestmark = pytest.mark.skipif(os.name == "nt", reason="o uv destas provas é um roteiro do sh")


@pytest.fixture(scope="module")
def wheels(tmp_path_factory):
    return make_wheels(tmp_path_factory.mktemp("rodas"))


@contextlib.contextmanager
def only_local_packages(wheels):
    """O pip só enxerga os pacotes do teste, sejam quais forem as configurações da máquina."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith(("PIP_", "UV_"))]:
            patch.delenv(name)
        patch.setenv("PIP_CONFIG_FILE", os.devnull)
        patch.setenv("PIP_NO_INDEX", "1")
        patch.setenv("PIP_FIND_LINKS", str(wheels))
        patch.setattr(environment, "NEEDED_BYTES", 100_000_000)
        yield patch


@pytest.fixture(autouse=True)
def local(wheels):
    with only_local_packages(wheels):
        yield


# O que desvia ou anula uma instalação, e não chega a ela, venha como PIP_… ou como UV_….
HOSTILE = dict.fromkeys(("TARGET", "PREFIX", "ROOT", "CONSTRAINT", "PYTHON", "PROJECT_ENVIRONMENT"), "/nenhum")
HOSTILE |= dict.fromkeys(("USER", "DRY_RUN", "REQUIRE_VIRTUALENV", "QUIET", "NO_DEPS", "OFFLINE"), "1")


@pytest.fixture(scope="module")
def finished(tmp_path_factory, wheels):
    """Um projeto com o ambiente pronto, que os testes copiam em vez de refazer."""
    root = make_root(tmp_path_factory.mktemp("modelo"), wheels)
    said = io.StringIO()
    with only_local_packages(wheels) as patch, contextlib.redirect_stdout(said):
        for name, value in HOSTILE.items():
            patch.setenv(f"PIP_{name}", value)
            patch.setenv(f"UV_{name}", value)
        patch.setenv("UV_INDEX", "http://127.0.0.1:9/")
        ensure(root)
    (root / "said.txt").write_text(said.getvalue(), encoding="utf-8")
    return root


@pytest.fixture
def root(tmp_path, finished):
    """Uma cópia, em outro lugar, do projeto com o ambiente pronto."""
    return shutil.copytree(finished, tmp_path / finished.name, symlinks=True, copy_function=link_packages)


def link_packages(source, target):
    """Os pacotes ninguém reescreve no lugar: bastam ligações, que custam menos do que cópias."""
    os.link(source, target) if "site-packages" in source else shutil.copy2(source, target)


def venv(root):
    return Environment(root, root / ".venv")


def python(root, code):
    command = [venv(root).program("python"), "-I", "-c", code]
    return subprocess.check_output(command, text=True, cwd=root / "notebooks").strip()


def version(root):
    return python(root, "import alfa; print(alfa.version)")


def state(root):
    return diagnose(venv(root), [lock.BASE])


def forget(root, package):
    """O pacote deixa de constar como instalado."""
    shutil.rmtree(next((root / ".venv").rglob(f"{package}-1.0.dist-info")))


def refusal(root, **options):
    """A frase com que a preparação para."""
    with pytest.raises(SetupError) as problem:
        ensure(root, **options)
    text = str(problem.value)
    assert "\n" not in text and "Traceback" not in text and text.endswith("."), text
    return text


@contextlib.contextmanager
def no_network(port=9):
    """Um índice numa porta fechada: é o mesmo que não haver rede."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("PIP_NO_INDEX")
        patch.delenv("PIP_FIND_LINKS")
        patch.setenv("PIP_INDEX_URL", f"http://127.0.0.1:{port}/simple")
        patch.setenv("PIP_RETRIES", "0")
        yield


# ---------------------------------------------------------------- criar e reencontrar


def test_a_cold_set_up_installs_links_and_tells_whatever_pip_and_uv_are_told(finished):
    said = (finished / "said.txt").read_text(encoding="utf-8")
    assert said.startswith(SAY["absent"] + "\n") and re.search(r"\nAmbiente pronto em \d+ s\.\n$", said)
    assert version(finished) == "1.0" and state(finished) == "ready"
    found = python(finished, "import course_utils; print(ascii(course_utils.__file__))")
    assert found == ascii(str(finished / "course_utils" / "__init__.py"))
    assert next((finished / ".venv").rglob("course_utils.pth")).read_text(encoding="utf-8").isascii()


def test_the_running_python_is_used_when_it_has_what_the_locks_say(root, tmp_path, wheels, monkeypatch):
    other = make_root(tmp_path / "outro", wheels)
    monkeypatch.setattr(sys, "prefix", str(root / ".venv"))
    monkeypatch.setenv("PYTHONPATH", "antes")
    assert ensure(other) == sys.executable and os.environ["PYTHONPATH"] == str(other)
    assert not (other / ".venv").exists()
    write_lock(other, wheels, "alfa==2.0")
    assert not environment.is_complete(Environment(other, root / ".venv"), [lock.BASE])


# ---------------------------------------------------------------- mudar, quebrar, interromper


def test_a_changed_lock_updates_in_place_and_without_network_spares_what_there_was(root, wheels, capsys):
    (root / ".venv" / "vestígio").touch()
    write_lock(root, wheels, "alfa==2.0")
    with no_network():
        assert refusal(root).startswith("Não consegui baixar de 127.0.0.1 (sem rede): confira a internet")
    assert state(root) == "outdated" and version(root) == "1.0"
    capsys.readouterr()
    ensure(root)
    assert capsys.readouterr().out.startswith(SAY["outdated"])
    assert version(root) == "2.0" and (root / ".venv" / "vestígio").exists() and state(root) == "ready"


def test_what_an_interruption_or_a_defect_leaves_is_recognised(root, monkeypatch):
    forget(root, "alfa")
    assert state(root) == "outdated"
    python, mark = venv(root).program("python"), root / ".venv" / MARK
    python.unlink()
    python.write_bytes(b"lixo")
    assert state(root) == "unfinished"
    for content in ("{corrom", '{"finished": false}'):
        mark.write_text(content, encoding="utf-8")
        assert state(root) == "unfinished"
    # Mesmo que apagar seja interrompido, a pasta não passa a parecer alheia.
    monkeypatch.setattr(shutil, "rmtree", lambda path: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        ensure(root)
    assert state(root) == "unfinished"


def test_killed_half_way_stops_the_installer_and_the_next_call_recovers(root, wheels):
    write_lock(root, wheels, "alfa==2.0")
    # Um índice que aceita a conexão e nunca responde: o uv fica no meio do caminho.
    with socket.create_server(("127.0.0.1", 0)) as mute, no_network(mute.getsockname()[1]):
        code = "import sys; from course_utils.setup import environment; environment.ensure(sys.argv[1])"
        command = subprocess.Popen(
            [sys.executable, "-c", code, root], stdout=subprocess.DEVNULL, cwd=root,
            env=os.environ | {"PYTHONPATH": str(PROJECT)},
        )  # fmt: skip
        mute.settimeout(120)
        connection, _ = mute.accept()
        with connection:
            children = psutil.Process(command.pid).children(recursive=True)
            assert refusal(root) == environment.BUSY
            command.kill()
            command.wait()
            if sys.platform == "linux":
                assert children and not psutil.wait_procs(children, timeout=60)[1], "o instalador ficou órfão"
    assert state(root) == "outdated"
    ensure(root)
    assert version(root) == "2.0"


def test_the_extra_only_adds_and_comes_along_in_later_updates(root, wheels, capsys):
    mark = root / ".venv" / MARK
    before = mark.read_bytes()
    with no_network():
        assert "(sem rede)" in refusal(root, extras=["ray"])
    assert mark.read_bytes() == before
    half = next((root / ".venv").rglob("alfa-1.0.dist-info")).parent / "delta-1.0.dist-info"
    half.mkdir()  # pela metade não passa por pronto
    (half / "METADATA").write_text("Metadata-Version: 2.1\nName: delta\nVersion: 1.0\n", encoding="utf-8")
    ensure(root, ["ray"])
    assert version(root) == "1.0" and python(root, "import delta; print(delta.version)") == "1.0"
    capsys.readouterr()
    with no_network():  # pronto, mesmo que o projeto tenha mudado de lugar, nada pede
        assert ensure(root) == ensure(root, ["ray"]) == str(venv(root).program("python"))
    assert capsys.readouterr().out == ""
    write_lock(root, wheels, "alfa==2.0")
    forget(root, "delta")
    ensure(root)
    assert version(root) == "2.0" and list((root / ".venv").rglob("delta-1.0.dist-info"))
    assert set(json.loads(mark.read_text(encoding="utf-8"))["locks"]) == {lock.BASE, lock.EXTRAS["ray"]}


# ---------------------------------------------------------------- a .venv dos outros, e lugares difíceis


def test_a_foreign_venv_is_kept_under_another_name(root, finished, capsys, monkeypatch):
    def create(venv):  # fazer um ambiente custa segundos, e já se provou uma vez
        shutil.copytree(finished / ".venv", venv.prefix, symlinks=True, copy_function=link_packages)

    monkeypatch.setattr(environment, "create", create)
    (root / ".venv" / MARK).unlink()
    (root / ".venv" / "precioso.txt").write_text("meu", encoding="utf-8")
    ensure(root)
    (kept,) = root.glob(".venv.anterior*")
    assert capsys.readouterr().out.startswith(SAY["foreign"].format(kept.name))
    assert (kept / "precioso.txt").read_text(encoding="utf-8") == "meu" and version(root) == "1.0"


def test_a_link_to_another_disk_is_respected(root, tmp_path, wheels):
    other = tmp_path / "outro disco"
    (root / ".venv").rename(other)
    (root / ".venv").symlink_to(other)
    write_lock(root, wheels, "alfa==2.0")
    ensure(root)
    assert version(root) == "2.0" and (root / ".venv").is_symlink()
    (other / MARK).unlink()
    assert refusal(root) == environment.BAD_LINK.format(other)
    shutil.rmtree(other)
    assert refusal(root) == environment.BAD_LINK.format(other)
    other.mkdir()  # vazia: cria-se nela
    assert state(root) == "absent"


def no_ensurepip(patch):
    patch.setattr(environment.importlib.util, "find_spec", lambda name: None)


def little_space(patch):
    patch.setattr(shutil, "disk_usage", lambda path: namedtuple("usage", "free")(500_000_000))
    patch.setattr(environment, "NEEDED_BYTES", 1_500_000_000)


LACKS = "Falta espaço em disco: libere 1,0 GB em {} e rode de novo."


@pytest.mark.parametrize(("harm", "said"), [(no_ensurepip, environment.NO_VENV), (little_space, LACKS)])
def test_what_would_not_work_is_said_before_anything_is_made(tmp_path, wheels, monkeypatch, harm, said):
    root = make_root(tmp_path, wheels)
    harm(monkeypatch)
    assert refusal(root) == said.format(root / ".venv")
    assert not (root / ".venv" / "pyvenv.cfg").exists()


def test_a_path_with_a_colon_a_read_only_place_and_one_that_executes_nothing(tmp_path, wheels):
    root = make_root(tmp_path / "aula 32: deploy", wheels)
    assert refusal(root) == environment.SEPARATOR.format(root, ":")
    root = make_root(tmp_path, wheels)
    with disk(tmp_path / "ro", "ro"):
        (root / "artifacts").symlink_to(tmp_path / "ro")
        assert refusal(root).startswith("Não consegui preparar a pasta do curso (a pasta só deixa ler): copie")
    with disk(tmp_path / "noexec", "noexec,size=200m") as place:
        assert refusal(make_root(place, wheels)) == failures.BAD_DISK


@pytest.mark.slow
def test_a_disk_that_fills_up_for_real(tmp_path, wheels, monkeypatch):
    with disk(tmp_path / "disco", "size=9m") as place:
        root = make_root(place, wheels)
        monkeypatch.setattr(environment, "NEEDED_BYTES", 0)
        assert "(o disco está cheio): libere espaço" in refusal(root)
        subprocess.run(["mount", "-o", "remount,size=300m", place], check=True)
        ensure(root)
        assert version(root) == "1.0"


# ---------------------------------------------------------------- o que não confere, não há ou não funciona


def test_a_file_that_does_not_match_the_lock_is_refused_and_the_next_call_recovers(root, wheels):
    write_lock(root, wheels, "alfa==2.0")
    right = (root / lock.BASE).read_text(encoding="utf-8")
    for package, what in (("alfa", "alfa==2.0"), ("uv", "O uv")):  # o instalador também se confere
        venv(root).program("uv").unlink()
        wrong = re.sub(rf"({package}==.+ \\\n    --hash=sha256:)\w+", r"\g<1>" + "0" * 64, right)
        (root / lock.BASE).write_text(wrong, encoding="utf-8")
        assert refusal(root) == failures.HASH.format(what) and version(root) == "1.0"
    (root / lock.BASE).write_text(right, encoding="utf-8")
    ensure(root)
    assert version(root) == "2.0"


def test_what_the_index_does_not_have_and_what_does_not_work_after_all(root, wheels):
    write_lock(root, wheels, "alfa==3.0")
    assert refusal(root) == failures.UNKNOWN
    assert "alfa" in venv(root).log.read_text(encoding="utf-8")
    write_lock(root, wheels, "alfa==1.0", "onnxruntime==1.0")  # instalado não quer dizer que se importe
    assert refusal(root) == failures.UNKNOWN
    assert "libfalta.so" in venv(root).log.read_text(encoding="utf-8")
    assert state(root) == "unfinished"


def test_binder_installs_from_the_same_lock(root, wheels):
    """O .binder não fixa nada: o postBuild roda a preparação de sempre, no Python dele."""
    assert sorted(path.name for path in (PROJECT / ".binder").iterdir()) == ["postBuild", "runtime.txt"]
    assert "==" not in (PROJECT / ".binder" / "postBuild").read_text(encoding="utf-8")
    write_lock(root, wheels, "alfa==2.0")
    (root / ".venv" / MARK).unlink()
    path = f"{root / '.venv' / 'bin'}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", PROJECT / ".binder" / "postBuild"], cwd=root, env={**os.environ, "PATH": path},
        capture_output=True, encoding="utf-8", check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert version(root) == "2.0" and state(root) == "ready"
