"""De onde vêm os pacotes: o que o pip desta pessoa tem configurado, para o pip e para o uv. Só biblioteca padrão.

O uv não lê o pip.conf nem as variáveis `PIP_*`. Daqui passam a ele os índices, as pastas de arquivos, os
certificados e o proxy, e nada mais: o que desvia ou anula uma instalação (`PIP_TARGET`, `PIP_DRY_RUN`, `UV_*`…)
fica de fora.
"""

from __future__ import annotations

import ast
import os
import re
import ssl
import subprocess
import sys
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

KEYS = (
    "index-url", "extra-index-url", "find-links", "no-index", "cert", "client-cert", "proxy", "trusted-host",
    "timeout", "default-timeout", "retries",
)  # fmt: skip
NAMES = {  # como o uv chama, no ambiente, o que o pip tem em opções
    "cert": "SSL_CERT_FILE", "client-cert": "SSL_CLIENT_CERT", "default-timeout": "UV_HTTP_TIMEOUT",
    "timeout": "UV_HTTP_TIMEOUT", "retries": "UV_HTTP_RETRIES",
}  # fmt: skip
SEVERAL = ("extra-index-url", "find-links", "trusted-host")  # separados por espaços
KEPT = ("PIP_CONFIG_FILE", *("PIP_" + key.upper().replace("-", "_") for key in KEYS))


@dataclass(frozen=True)
class Sources:
    """`settings`: `{"index-url": "https://…", …}`, com as chaves de `KEYS` e o que o pip lhes dá (str).

    `python`: o Python a cujo pip se perguntou.
    """

    settings: dict[str, str] = field(default_factory=dict)
    python: str = sys.executable

    def values(self, key: str) -> list[str]:
        value = self.settings.get(key, "")
        return value.split() if key in SEVERAL else [value] if value else []

    @property
    def offline(self) -> bool:
        """Verdadeiro se nenhum índice deve ser consultado."""
        return self.settings.get("no-index", "").lower() in ("1", "true", "yes", "on")

    @property
    def addresses(self) -> list[str]:
        """Os índices e as páginas de arquivos que estão na rede."""
        indexes = [] if self.offline else self.values("index-url") + self.values("extra-index-url")
        return [address for address in indexes + self.values("find-links") if address.startswith("http")]

    @property
    def pip(self) -> list[str]:
        """As opções do `pip install`."""
        options = ["--no-index"] if self.offline else []
        for key in KEYS:
            if key not in ("no-index", "default-timeout"):
                options += [f"--{key}={value}" for value in self.values(key)]
        return options

    @property
    def uv(self) -> list[str]:
        """As opções do `uv pip install`."""
        # Como no pip, vale a melhor versão entre todos os índices.
        options = ["--index-strategy", "unsafe-best-match", *(["--no-index"] if self.offline else [])]
        if not self.offline:
            options += [f"--default-index={address}" for address in self.values("index-url")]
            options += [f"--index={address}" for address in self.values("extra-index-url")]
        options += [f"--find-links={place}" for place in self.values("find-links")]
        return options + [f"--allow-insecure-host={host}" for host in self.values("trusted-host")]

    @cached_property
    def environment(self) -> dict[str, str]:
        """O ambiente em que o pip e o uv rodam: sem `PIP_*` nem `UV_*`, com os certificados e o proxy do pip."""
        given = self.settings
        ours = {name for name in os.environ if name.upper().startswith(("PIP_", "UV_"))}
        if os.environ.get("UV_CACHE_DIR"):
            ours.discard("UV_CACHE_DIR")  # este só diz onde guardar
        env = {name: value for name, value in os.environ.items() if name not in ours}
        env |= {"PIP_CONFIG_FILE": os.devnull, "UV_PYTHON_DOWNLOADS": "never"}
        if "cert" in given or system_certificates():
            env["UV_SYSTEM_CERTS"] = "1"
        if "proxy" in given:
            proxy = given["proxy"] if "://" in given["proxy"] else f"http://{given['proxy']}"
            env |= dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"), proxy)
        return env | {name: given[key] for key, name in NAMES.items() if given.get(key)}


def system_certificates() -> bool:
    """Este sistema diz em que certificados confia? No Linux mínimo não há lista, e valem os que o uv traz."""
    return sys.platform in ("win32", "darwin") or ssl.create_default_context().cert_store_stats()["x509_ca"] > 0


def read(python: str | Path) -> Sources:
    """O que o pip de `python` tem configurado (pip.conf e `PIP_*`); vazio se ele não responde."""
    names = {name.upper() for name in KEPT}
    env = {name: value for name, value in os.environ.items() if name[:4] != "PIP_" or name.upper() in names}
    command = [str(python), "-I", "-X", "utf8", "-m", "pip", "config", "list"]
    done = subprocess.run(command, env=env, capture_output=True, encoding="utf-8", errors="replace", check=False)
    found: dict[str, dict[str, str]] = {}
    for section, key, value in re.findall(r"^(\S+)\.([\w-]+)=(.+)$", done.stdout, re.M):
        found.setdefault(section, {})[key] = str(ast.literal_eval(value)).strip()
    settings: dict[str, str] = {}
    for section in ("global", "install", ":env:"):  # a mesma ordem do pip: o último vence
        settings |= {key: value for key, value in found.get(section, {}).items() if key in KEYS and value}
    return Sources(settings, str(python))


def only(folder: Path) -> Sources:
    """Só os arquivos da pasta `folder` (a de um kit): nenhum índice."""
    return Sources({"no-index": "1", "find-links": Path(folder).resolve().as_uri()})
