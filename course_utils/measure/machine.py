"""A máquina em que se mediu: processador, memória, instruções que pesam na inferência, sistema e versões."""

import os
import platform
from importlib import metadata

import psutil

from course_utils.measure import latency
from course_utils.measure.numbers import br

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


def describe():
    """Um dicionário pronto para o JSON; o que o sistema não conta é None."""
    return {
        "processor": latency.processor(),
        "cores": os.cpu_count(),
        "memory_gb": round(psutil.virtual_memory().total / 1e9, 1),
        "instructions": instructions(),
        "system": f"{platform.system()} {platform.release()}, {platform.machine()}",
        "python": platform.python_version(),
        "libraries": {name: metadata.version(name) for name in LIBRARIES},
    }


def instructions():
    """As instruções para vetores e para int8 (lista de nomes), ou None: só o Linux as declara num arquivo."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            words = set(file.read().split())
    except OSError:
        return None
    return [name for flag, name in INSTRUCTIONS.items() if flag in words]


def sentences(machine):
    """O dicionário de `describe` em linhas de texto, para um relatório."""
    sets = machine["instructions"]
    told = "o sistema não diz" if sets is None else ", ".join(sets) or "nenhuma das que procuramos"
    return [
        f"{machine['processor']}; {machine['cores']} núcleos; {br(machine['memory_gb'])} GB de memória",
        f"instruções: {told}",
        f"{machine['system']}; Python {machine['python']}",
        "; ".join(f"{name} {version}" for name, version in machine["libraries"].items()),
    ]
