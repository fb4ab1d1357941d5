"""O que só o Python de um ambiente sabe: quais pacotes estão nele. Executado por ele, não importado.

`python -I inventory.py missing requirements.txt`, `... sizes ...` e `... frozen ...` respondem em JSON.
"""

from __future__ import annotations

import json
import re
import sys
from importlib import metadata

BIG_BYTES = 100_000_000


def requirement_lines(path: str) -> list[str]:
    with open(path, encoding="utf-8") as file:
        return [line.strip() for line in file if line.strip() and not line.startswith(("#", "-"))]


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def missing(path: str) -> list[str]:
    """Os requisitos que valem para este sistema e que este ambiente não cumpre."""
    from pip._vendor.packaging.requirements import Requirement

    absent = []
    for line in requirement_lines(path):
        requirement = Requirement(line.split("#")[0])
        if requirement.marker and not requirement.marker.evaluate():
            continue
        try:
            version = metadata.version(requirement.name)
        except metadata.PackageNotFoundError:
            version = None
        if version is None or not requirement.specifier.contains(version, prereleases=True):
            absent.append(str(requirement))
    return absent


def frozen(path: str) -> list[str]:
    """`pacote==versão` de tudo o que os requisitos pedem e está instalado, dependências inclusive."""
    from pip._vendor.packaging.requirements import Requirement

    installed, seen = {}, set()
    waiting = [(Requirement(line.split("#")[0]), "") for line in requirement_lines(path)]
    while waiting:
        requirement, extra = waiting.pop()
        name = normal(requirement.name)
        if requirement.marker and not requirement.marker.evaluate({"extra": extra}):
            continue
        try:
            package = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            continue
        installed[name] = package.version
        for wanted in {"", *requirement.extras}:
            if (name, wanted) not in seen:
                seen.add((name, wanted))
                waiting += [(Requirement(line), wanted) for line in package.requires or ()]
    return [f"{name}=={version}" for name, version in sorted(installed.items())]


def sizes(path: str) -> list[tuple[str, int, str]]:
    """(pacote, bytes, para que serve) dos pacotes grandes; a razão vem do comentário em requirements.txt."""
    why = {}
    for line in requirement_lines(path):
        requirement, _, comment = line.partition("#")
        why[normal(re.split(r"[=<>!~;\[ ]", requirement)[0])] = comment.strip()
    everything = list(metadata.distributions())
    big = []
    for package in everything:
        size = sum(file.size or 0 for file in package.files or ())
        if size > BIG_BYTES:
            name = package.metadata["Name"]
            big.append((name, size, why.get(normal(name)) or required_by(name, everything)))
    return sorted(big, key=lambda row: -row[1])


def required_by(name: str, everything: list) -> str:
    """De quem o pacote é dependência, quando não está em requirements.txt."""
    parents = set()
    for package in everything:
        for requirement in package.requires or ():
            if normal(re.split(r"[^\w.-]", requirement)[0]) == normal(name) and "extra ==" not in requirement:
                parents.add(package.metadata["Name"])
    return "dependência de " + ", ".join(sorted(parents)) if parents else "sem explicação em requirements.txt"


if __name__ == "__main__":
    print(json.dumps({"missing": missing, "sizes": sizes, "frozen": frozen}[sys.argv[1]](sys.argv[2])))
