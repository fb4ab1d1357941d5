"""De onde vêm os pacotes: o que o pip desta pessoa tem configurado, num ambiente que o pip e o uv leem.

O uv não lê o pip.conf nem as variáveis `PIP_*`. Passam os índices, as pastas de arquivos, os certificados e o
proxy, e nada mais: o que desvia ou anula uma instalação (`PIP_TARGET`, `PIP_DRY_RUN`, `UV_*`…) fica de fora.
"""

from __future__ import annotations

import ast
import os
import re
import ssl
import subprocess
import sys
from pathlib import Path

# O endereço do índice que o pip consulta se ninguém configurou outro: o do pip de cada Python.
DEFAULT_INDEX = "from pip._internal.models.index import PyPI; print(PyPI.simple_url)"
# As opções do pip que valem, e como o uv as chama no ambiente; "no-index" e "proxy" têm o seu próprio jeito.
UV_NAMES = {
    "index-url": "UV_DEFAULT_INDEX",
    "extra-index-url": "UV_INDEX",
    "find-links": "UV_FIND_LINKS",
    "trusted-host": "UV_INSECURE_HOST",
    "cert": "SSL_CERT_FILE",
    "client-cert": "SSL_CLIENT_CERT",
    "default-timeout": "UV_HTTP_TIMEOUT",
    "timeout": "UV_HTTP_TIMEOUT",
    "retries": "UV_HTTP_RETRIES",
    "no-index": None,
    "proxy": None,
}
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy")


def variable(option: str) -> str:
    """O nome que o pip dá a uma opção no ambiente."""
    return "PIP_" + option.upper().replace("-", "_")


def environment(settings: dict[str, str] | None = None) -> dict[str, str]:
    """O ambiente em que o pip e o uv rodam: das opções deles, só as de `settings` (com os nomes do pip)."""
    theirs = {name for name in os.environ if name.upper().startswith(("PIP_", "UV_"))} - {"UV_CACHE_DIR"}
    env = {name: value for name, value in os.environ.items() if name not in theirs}
    env |= {"PIP_CONFIG_FILE": os.devnull, "UV_NO_CONFIG": "1", "UV_PYTHON_DOWNLOADS": "never"}
    env["UV_INDEX_STRATEGY"] = "unsafe-best-match"  # como no pip, vale a melhor versão entre todos os índices
    for option, value in (settings or {}).items():
        if option in UV_NAMES and value:
            env[variable(option)] = value
            if name := UV_NAMES[option]:
                env[name] = ",".join(value.split()) if option == "find-links" else value
    if proxy := env.get("PIP_PROXY"):
        env |= dict.fromkeys(PROXIES, proxy if "://" in proxy else f"http://{proxy}")
    if "PIP_CERT" in env or system_certificates():
        env["UV_SYSTEM_CERTS"] = "1"
    return env


def system_certificates() -> bool:
    """Este sistema diz em que certificados confia? No Linux mínimo não há lista, e valem os que o uv traz."""
    return sys.platform in ("win32", "darwin") or ssl.create_default_context().cert_store_stats()["x509_ca"] > 0


def read(python: str | Path) -> dict[str, str]:
    """O ambiente com o que o pip de `python` tem configurado (pip.conf e `PIP_*`)."""
    allowed = {"PIP_CONFIG_FILE", *map(variable, UV_NAMES)}
    env = {name: value for name, value in os.environ.items() if name[:4] != "PIP_" or name in allowed}

    def ask(*arguments):
        command = [str(python), "-I", "-X", "utf8", *arguments]
        options = {"env": env, "encoding": "utf-8", "errors": "replace", "check": False}
        return subprocess.run(command, capture_output=True, **options).stdout

    settings = {"index-url": ask("-c", DEFAULT_INDEX).strip()}
    configured = ask("-m", "pip", "config", "list")
    for section in ("global", "install", ":env:"):  # a mesma ordem do pip: o último vence
        for option, value in re.findall(rf"^{section}\.([\w-]+)=(.+)$", configured, re.M):
            settings[option] = str(ast.literal_eval(value)).strip()
    return environment(settings)


def only(folder: Path) -> dict[str, str]:
    """O ambiente em que só há os arquivos da pasta `folder` (a de um kit), e nenhum índice."""
    return environment({"no-index": "1", "find-links": Path(folder).resolve().as_uri()})


def no_index(env: dict[str, str]) -> list[str]:
    """A opção do uv que dispensa os índices, se `env` os dispensa: é a única que ele não lê do ambiente."""
    return ["--no-index"] if env.get("PIP_NO_INDEX", "").lower() in ("1", "true", "yes", "on") else []


def addresses(env: dict[str, str]) -> list[str]:
    """Os índices e as páginas de arquivos que estão na rede."""
    places = env.get("PIP_FIND_LINKS", "").split()
    if not no_index(env):
        places += [env.get("PIP_INDEX_URL", ""), *env.get("PIP_EXTRA_INDEX_URL", "").split()]
    return [place for place in places if place.startswith("http")]
