"""Põe o endereço do repositório nos links do Binder: `python -m course_utils.binder [DONO/REPOSITÓRIO]`.

Sem argumento, o endereço é o do `origin` do Git. É um comando de quem publica uma cópia do curso no GitHub.
"""

import argparse
import re
import subprocess
import sys

from course_utils import files

README = files.ROOT / "README.md"
ADDRESS = re.compile(r"([\w.-]+/[\w.-]+)")
LINK = re.compile(r"(?<=https://mybinder\.org/v2/gh/)[\w.-]+/[\w.-]+(?=/)")
REMOTE = re.compile(r"(?:@|//)github\.com[/:]([\w.-]+/[\w.-]+?)(?:\.git)?/?$")


def origin():
    """O endereço do `origin` deste clone (str); vazio se não há clone ou `origin`."""
    command = ["git", "-C", str(files.ROOT), "remote", "get-url", "origin"]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()


def main(arguments=None):
    """Reescreve o README; devolve 0, ou 1 com uma frase se o endereço não serve."""
    parser = argparse.ArgumentParser(prog="python -m course_utils.binder", description=__doc__.splitlines()[0])
    parser.add_argument("repository", nargs="?", help="dono/repositório no GitHub (padrão: o `origin` do Git)")
    asked = parser.parse_args(arguments).repository
    found = ADDRESS.fullmatch(asked) if asked else REMOTE.search(origin())
    if not found:
        said = f"{asked or 'O `origin` do Git'} não serve: diga o endereço no GitHub, na forma dono/repositório."
        print(said, file=sys.stderr)
        return 1
    text, count = LINK.subn(found[1], README.read_text(encoding="utf-8"))
    files.write_text(README, text)
    print(f"{count} links do Binder no README apontam para {found[1]}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
