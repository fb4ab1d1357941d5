"""Põe o endereço do repositório nos links do Binder: `python -m course_utils.binder [DONO/REPOSITÓRIO]`.

Sem argumento, o endereço é o do `origin` do Git. É um comando de quem publica uma cópia do curso no GitHub.
"""

import argparse
import re
import subprocess
import sys

from course_utils.model import artifacts

README = artifacts.ROOT / "README.md"
LINK = re.compile(r"(?<=https://mybinder\.org/v2/gh/)[\w.-]+/[\w.-]+(?=/)")
REPOSITORY = r"(?P<repository>[\w.-]+/[\w.-]+?)(?:\.git)?/?"
REMOTE = re.compile(rf"(?:https://(?:[^/@]+@)?|ssh://git@|git@)github\.com[/:]{REPOSITORY}")


class AddressError(ValueError):
    """O endereço não serve ao Binder; a mensagem diz o que escrever no lugar."""


def from_remote(url):
    """O `dono/repositório` de um endereço `https` ou `ssh` do GitHub. Levanta `AddressError` se ele é de outro."""
    if found := REMOTE.fullmatch(url):
        return found["repository"]
    raise AddressError(
        "O `origin` do Git não é do GitHub, como os links: diga o endereço, na forma dono/repositório."
    )


def origin():
    """O endereço do `origin` deste clone. Levanta `AddressError` se não há Git, clone ou `origin`."""
    command = ["git", "-C", str(artifacts.ROOT), "remote", "get-url", "origin"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        raise AddressError("Não achei o `origin` do Git: diga o endereço, na forma dono/repositório.") from None


def rewrite(text, repository):
    """O texto com `repository` em todos os links do Binder. Levanta `AddressError` se não é dono/repositório."""
    if not re.fullmatch(r"[\w.-]+/[\w.-]+", repository):
        raise AddressError(f"{repository} não serve: esperava dono/repositório, como no endereço do GitHub.")
    return LINK.sub(repository, text)


def main(arguments=None):
    """Reescreve o README; devolve 0, ou 1 com uma frase se o endereço não serve."""
    parser = argparse.ArgumentParser(prog="python -m course_utils.binder", description=__doc__.splitlines()[0])
    parser.add_argument("repository", nargs="?", help="dono/repositório no GitHub (padrão: o `origin` do Git)")
    asked = parser.parse_args(arguments).repository
    try:
        repository = asked or from_remote(origin())
        text = rewrite(README.read_text(encoding="utf-8"), repository)
    except AddressError as error:
        print(error, file=sys.stderr)
        return 1
    README.write_text(text, encoding="utf-8", newline="\n")
    print(f"{len(LINK.findall(text))} links do Binder no README apontam para {repository}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
