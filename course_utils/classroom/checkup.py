"""A conferência do ambiente: o que está pronto, o que falta e como consertar."""

import shutil
import sys
from importlib import metadata

from packaging.requirements import Requirement

from course_utils.classroom import servers
from course_utils.model import artifacts

COMMAND = "feche o JupyterLab e rode no terminal: python -m course_utils"
NEEDED_BYTES = 10**9


def run():
    """Confere tudo e devolve uma lista de `(o que se conferiu, None ou como consertar)`."""
    return [
        ("Python 3.11, 3.12 ou 3.13", _check_python()),
        ("Pacotes nas versões de requirements.txt", _check_packages()),
        ("Arquivos de data/ íntegros (SHA-256)", _check_data()),
        ("Escrita na pasta artifacts/, com 1 GB livre", _check_writing()),
        ("Porta livre em 127.0.0.1", _check_port()),
    ]


def show():
    """Imprime uma linha por item conferido; devolve verdadeiro se nada falta."""
    results = run()
    for what, cure in results:
        print(f"✔ {what}" if cure is None else f"✘ {what}: {cure}")
    return all(cure is None for _, cure in results)


def _check_python():
    if (3, 11) <= sys.version_info[:2] <= (3, 13):
        return None
    return f"este é o {sys.version_info[0]}.{sys.version_info[1]}; {COMMAND}"


def _check_packages():
    lines = (artifacts.ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    pins = [Requirement(pin) for line in lines if (pin := line.partition("#")[0].strip())]
    missing = [str(pin) for pin in pins if not _is_installed(pin)]
    return None if not missing else f"falta {', '.join(missing)}; {COMMAND}"


def _is_installed(pin):
    if pin.marker and not pin.marker.evaluate():
        return True  # não é deste sistema
    try:
        return pin.specifier.contains(metadata.version(pin.name), prereleases=True)
    except metadata.PackageNotFoundError:
        return False


def _check_data():
    try:
        for name in artifacts.read_sums(artifacts.DATA):
            artifacts.verify(artifacts.DATA / name)
    except artifacts.CorruptedFileError as error:
        return str(error)
    return None


def _check_writing():
    probe = artifacts.ARTIFACTS / ".probe"
    try:
        artifacts.ARTIFACTS.mkdir(exist_ok=True)
        probe.write_bytes(b"x")
        probe.unlink()
    except OSError as error:
        return f"{error.strerror}; confira as permissões da pasta do projeto"
    free = shutil.disk_usage(artifacts.ARTIFACTS).free
    return (
        None if free > NEEDED_BYTES else f"restam só {free / 1e9:.1f} GB; libere espaço no disco".replace(".", ",")
    )


def _check_port():
    try:
        servers.free_port()
    except OSError as error:
        return f"{error.strerror}; um antivírus ou firewall pode estar bloqueando 127.0.0.1"
    return None
