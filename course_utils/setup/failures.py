"""Por que uma instalação parou: fatos que se experimentam aqui, e não o que o pip ou o uv escreveram.

`explain` devolve uma frase com o que fazer. Só biblioteca padrão.
"""

from __future__ import annotations

import base64
import os
import re
import ssl
import subprocess
import tempfile
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import unquote, urlsplit, urlunsplit

from course_utils import files
from course_utils.setup.sources import Sources

PROBE_BYTES = 64_000_000  # menos do que isto livre, nenhum pacote grande cabe
DISK_FULL = "O disco encheu durante a preparação: libere espaço e rode de novo."
NO_EXECUTION = (
    "O disco desta pasta não deixa executar programas (foi montado com noexec): copie o projeto para outro "
    "lugar, como a sua pasta pessoal, e rode de novo."
)
NO_LINKS = (
    "O disco desta pasta não aceita links simbólicos (pendrives em FAT, por exemplo): copie o projeto para "
    "o disco do sistema e rode de novo."
)
NO_NETWORK = (
    "Sem rede até {host} não dá para terminar o ambiente: conecte-se à internet (ou confira o proxy) e rode de "
    "novo."
)
CERTIFICATE = (
    "O certificado de {host} não é de uma autoridade em que esta máquina confia: peça a quem cuida da rede o "
    "arquivo de certificados, aponte-o com `python -m pip config set global.cert ARQUIVO` e rode de novo."
)
PROXY = (
    "O proxy pede usuário e senha para chegar a {host}: ponha-os no endereço do proxy "
    "(http://usuario:senha@endereco:porta, na variável HTTPS_PROXY ou na opção proxy do pip) e rode de novo."
)
REFUSED = (
    "O índice de pacotes {host} recusou o pedido ({code}): confira o usuário e a senha no endereço configurado no "
    "pip (`python -m pip config list` o mostra) e rode de novo."
)
ABSENT = (
    "O índice de pacotes não tem {what} para este sistema e este Python: confira os índices configurados no pip "
    "(`python -m pip config list`); os nomes estão em {log}."
)
KIT_ABSENT = (
    "A pasta de pacotes não tem algum dos pacotes fixados para este sistema e este Python: refaça o kit com esta "
    "versão do curso, para este sistema e este Python; os nomes estão em {log}."
)
HASH = (
    "{what} não confere com requirements.lock e não foi instalado: o download se corrompeu ou o índice traz outro "
    "arquivo; rode de novo e, se repetir, use outro índice."
)
UNKNOWN = "A instalação falhou: o porquê está em {log}; depois de resolver, rode de novo."

# O único lugar em que se lê o que os instaladores escrevem: nem um código de saída diz que um arquivo não confere.
MISMATCH = re.compile(r"Hash mismatch for `([^`]+)`|DO NOT MATCH THE HASHES[^\n]*")


def explain(sources: Sources, folder: Path, log: Path) -> str:
    """O fato que explica a falha ao instalar em `folder`, ou onde está o que disse o instalador."""
    cause = disk(folder) or mismatch(log) or network(sources)
    return cause or UNKNOWN.format(log=f"{log.parent.name}/{log.name}")


def mismatch(log: Path) -> str | None:
    found = MISMATCH.search(log.read_text(encoding="utf-8", errors="replace"))
    return HASH.format(what=found[1] or "O uv") if found else None


# ---------------------------------------------------------------- o disco


def disk(folder: Path) -> str | None:
    """O que há de errado com o disco de `folder`, que existe: cheio, só de leitura, ou sem execução."""
    try:
        with tempfile.NamedTemporaryFile(dir=folder) as file:
            for _ in range(PROBE_BYTES // 1_000_000):
                file.write(bytes(1_000_000))
            file.flush()
    except OSError as problem:
        if files.REASONS.get(problem.errno) is files.FULL:
            return DISK_FULL
        return f"Não consegui gravar em .venv {files.explain(problem)} e rode de novo."
    return None if executes(folder) else NO_EXECUTION


def executes(folder: Path) -> bool:
    """Um programa gravado em `folder` roda? (No Windows, sempre.)"""
    if os.name == "nt":
        return True
    with tempfile.TemporaryDirectory(dir=folder) as place:
        program = Path(place, "probe")
        program.write_text("#!/bin/sh\nexit 0\n", encoding="utf-8")
        program.chmod(0o755)
        try:
            return subprocess.run([program], check=False).returncode == 0
        except PermissionError:
            return False


def links(folder: Path) -> bool:
    """O disco de `folder` aceita links simbólicos? (No Windows o ambiente não precisa deles.)"""
    if os.name == "nt":
        return True
    with tempfile.TemporaryDirectory(dir=folder) as place:
        try:
            Path(place, "link").symlink_to("alvo")
        except OSError:
            return False
    return True


# ---------------------------------------------------------------- a rede


def network(sources: Sources) -> str | None:
    """O que impede de chegar a um dos índices; None se todos respondem."""
    addresses = sources.addresses
    if not (sources.offline or sources.values("index-url")):
        addresses = [*default_index(sources.python), *addresses]
    return next(filter(None, (reach(address, sources) for address in addresses)), None)


def default_index(python: str) -> list[str]:
    """O índice que o pip de `python` usa quando nada está configurado; vazio se ele não diz."""
    code = "from pip._internal.models.index import PyPI; print(PyPI.simple_url)"
    done = subprocess.run([python, "-I", "-c", code], capture_output=True, encoding="utf-8", check=False)
    return done.stdout.split()


def reach(address: str, sources: Sources) -> str | None:
    """Pede a página de um pacote ao índice, como o uv faria; None se ele responde (mesmo que não o tenha)."""
    parts = urlsplit(address)
    host = parts.hostname or address
    url = urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path.rstrip("/") + "/uv/", "", ""))
    request = urllib.request.Request(url, headers={"User-Agent": "course_utils"})  # noqa: S310 – http(s), conferido
    if parts.username:
        pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}".encode()
        request.add_header("Authorization", "Basic " + base64.b64encode(pair).decode())
    try:
        with opener(sources, host).open(request, timeout=15):
            return None
    except urllib.error.HTTPError as problem:
        if problem.code == 407:
            return PROXY.format(host=host)
        return REFUSED.format(host=host, code=problem.code) if problem.code in (401, 403) else None
    except OSError as problem:
        reason = getattr(problem, "reason", problem)
        if isinstance(reason, ssl.SSLError):
            return CERTIFICATE.format(host=host)
        # O http.client só conta num texto o código com que o proxy recusou o túnel.
        return (PROXY if "407" in str(reason) else NO_NETWORK).format(host=host)


def opener(sources: Sources, host: str) -> urllib.request.OpenerDirector:
    """Quem abre endereços com os certificados e o proxy das `sources`."""
    env = sources.environment
    context = ssl.create_default_context(cafile=env.get("SSL_CERT_FILE") or None)
    if {host, f"{host}:443"} & set(sources.values("trusted-host")):
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    proxies = {
        scheme: env.get(f"{scheme}_proxy") or env.get(f"{scheme.upper()}_PROXY") for scheme in ("http", "https")
    }
    handlers = [urllib.request.HTTPSHandler(context=context)]
    if not urllib.request.proxy_bypass(host):
        handlers.append(urllib.request.ProxyHandler({scheme: place for scheme, place in proxies.items() if place}))
    return urllib.request.build_opener(*handlers)
