"""A máquina em que se mediu: processador, memória, instruções que pesam na inferência, sistema e versões."""

import os
import platform
import re
from importlib import metadata
from pathlib import Path

import psutil

from course_utils.measure.numbers import br, count

CPUINFO = Path("/proc/cpuinfo")  # só o Linux o tem
# O nome que o Linux dá a cada uma → o nome por que se conhece.
INSTRUCTIONS = {
    "avx2": "AVX2",
    "avx512f": "AVX-512",
    "avx512_vnni": "AVX-512 VNNI",
    "avx_vnni": "AVX-VNNI",
    "amx_int8": "AMX",
    "asimddp": "dot product",
    "i8mm": "I8MM",
}
LIBRARIES = ("torch", "tensorflow", "keras", "onnx", "onnxruntime", "ai-edge-litert", "numpy", "fastapi", "flask")


def processor():
    """O nome comercial do processador, onde o sistema o diz."""
    found = re.search(r"model name\s*: (.+)", CPUINFO.read_text(encoding="utf-8")) if CPUINFO.exists() else None
    return found[1] if found else platform.processor() or platform.machine()


def instructions():
    """As instruções para vetores e para int8 (lista de nomes), ou None: só o Linux as declara num arquivo."""
    if not CPUINFO.exists():
        return None
    words = set(CPUINFO.read_text(encoding="utf-8").split())
    return [name for flag, name in INSTRUCTIONS.items() if flag in words]


def cores():
    """Quantos núcleos a máquina tem: "8 núcleos"."""
    return count(os.cpu_count(), "núcleo")


def machine():
    """Uma linha que diz em que máquina se mediu: processador, núcleos, sistema e Python."""
    system = f"{platform.system()}, Python {platform.python_version()}"
    return f"{processor()}; {cores()}; {system}"


def sentences():
    """A máquina em linhas de texto, para um relatório: processador, instruções, sistema e bibliotecas."""
    sets, memory = instructions(), psutil.virtual_memory().total / 1e9
    told = "o sistema não diz" if sets is None else ", ".join(sets) or "nenhuma das que procuramos"
    system = f"{platform.system()} {platform.release()}, {platform.machine()}"
    return [
        f"{processor()}; {cores()}; {br(memory)} GB de memória",
        f"instruções: {told}",
        f"{system}; Python {platform.python_version()}",
        "; ".join(f"{name} {metadata.version(name)}" for name in LIBRARIES),
    ]
