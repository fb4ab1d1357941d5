"""Confere se alguma versão instalada tem uma falha de segurança conhecida: o uv pergunta à base OSV (api.osv.dev).

`python -m course_utils audit` precisa de internet e do uv (.ci/requirements.txt): é para quem cuida do curso.
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

from course_utils.setup.environment import BASE, EXTRA
from course_utils.setup.inventory import frozen

ROOT = Path(__file__).resolve().parents[2]
OSV = "https://api.osv.dev/"
NO_UV = "A auditoria usa o uv, que não está aqui: instale-o com {} -m pip install -r .ci/requirements.txt"
NO_ANSWER = "Nada foi conferido: não consegui consultar {} ({}); confira a internet e rode de novo."


def pins() -> list[str]:
    """`pacote==versão` do que requirements.txt e requirements-extra.txt instalaram, com todas as dependências."""
    found = {pin.split("+")[0] for name in (BASE, EXTRA) for pin in frozen(str(ROOT / name))}
    return sorted(found)


def script() -> str:
    """Um programa vazio que depende exatamente disso: é uma das formas de lista que o `uv audit` lê."""
    lines = ["/// script", f'requires-python = "=={platform.python_version()}"', "dependencies = ["]
    lines += [f'  "{pin}",' for pin in pins()]
    lines += ["]", "///"]
    return "".join(f"# {line}\n" for line in lines)


def main(arguments: list[str] | None = None) -> int:
    """Mostra o que a base diz; devolve 0 se nada se sabe contra elas, 1 se há falhas ou se nada foi conferido."""
    parser = argparse.ArgumentParser(prog="python -m course_utils audit", description=__doc__.splitlines()[0])
    parser.add_argument("--service", default=OSV, help="o endereço de uma cópia da base OSV")
    service = parser.parse_args(arguments).service
    if find_spec("uv") is None:
        print(NO_UV.format(sys.executable), file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "pins.py")
        path.write_text(script(), encoding="utf-8")
        command = [sys.executable, "-m", "uv", "audit", "--preview", "--service-url", service]
        command += ["--script", str(path)]
        done = subprocess.run(
            command, cwd=folder, env={**os.environ, "UV_HTTP_RETRIES": "1"}, capture_output=True, encoding="utf-8",
            check=False,
        )  # fmt: skip
    if "vulnerabilit" not in done.stdout + done.stderr:
        causes = [line.strip() for line in done.stderr.splitlines() if line.strip()] or ["sem resposta"]
        print(NO_ANSWER.format(service, causes[-1]), file=sys.stderr)
        return 1
    print(done.stdout + done.stderr)
    return 1 if done.returncode else 0


if __name__ == "__main__":
    sys.exit(main())
