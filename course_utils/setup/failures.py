"""Por que uma instalação parou: o disco e a rede, que se experimentam aqui, ou um arquivo que não confere.

`explain` devolve uma frase com o que fazer. Um endereço se abre com os certificados, o proxy e as senhas do pip.
Só biblioteca padrão.
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

TIMEOUT_S = 20
PROBE_BYTES = 64_000_000  # menos do que isto livre, nenhum pacote grande cabe
NO_EXECUTION = (
    "O disco desta pasta não deixa executar programas (foi montado com noexec): copie o projeto para outro "
    "lugar, como a sua pasta pessoal, e rode de novo."
)
NO_LINKS = (
    "O disco desta pasta não aceita links simbólicos (pendrives em FAT, por exemplo): copie o projeto para "
    "o disco do sistema e rode de novo."
)
HASH = (
    "{what} não confere com requirements.lock e não foi instalado: o download se corrompeu ou o índice traz outro "
    "arquivo; rode de novo e, se repetir, use outro índice."
)
UNKNOWN = (
    "A instalação falhou: o porquê (em inglês) está em artifacts/setup.log; depois de resolver, rode de novo."
)
NO_NETWORK = "Sem rede até {host} não se continua: conecte-se à internet (ou confira o proxy) e rode de novo."
CERTIFICATE = (
    "O certificado de {host} não é de uma autoridade em que esta máquina confia: peça a quem cuida da rede o "
    "arquivo de certificados, aponte-o com `python -m pip config set global.cert ARQUIVO` e rode de novo."
)
PROXY = (
    "O proxy pede usuário e senha para chegar a {host}: ponha-os no endereço do proxy "
    "(http://usuario:senha@endereco:porta, na variável HTTPS_PROXY ou na opção proxy do pip) e rode de novo."
)
REFUSED = (
    "{host} recusou o pedido ({code}): confira o usuário e a senha no endereço configurado no pip "
    "(`python -m pip config list` o mostra) e rode de novo."
)
FAILED = "{host} não entregou {what} (resposta {code}): confira os índices do pip e rode de novo."

# O único lugar em que se lê o que os instaladores escrevem: nem um código de saída diz que um arquivo não confere.
MISMATCH = re.compile(r"Hash mismatch for `([^`]+)`|DO NOT MATCH THE HASHES[^\n]*")


def explain(sources: Sources, folder: Path, log) -> str:
    """O fato que explica a falha ao instalar em `folder`, ou que o porquê está no `log` (arquivo aberto)."""
    return disk(folder) or mismatch(Path(log.name)) or network(sources) or UNKNOWN


def mismatch(log: Path) -> str | None:
    found = MISMATCH.search(log.read_text(encoding="utf-8", errors="replace"))
    return HASH.format(what=found[1] or "O uv") if found else None


def disk(folder: Path) -> str | None:
    """O que há de errado com o disco de `folder`, que existe: cheio, só de leitura, sem links ou sem execução."""
    try:
        with tempfile.TemporaryDirectory(dir=folder) as place:
            with open(Path(place, "probe"), "wb") as file:
                for _ in range(PROBE_BYTES // 1_000_000):
                    file.write(bytes(1_000_000))
            return None if os.name == "nt" else programs(Path(place))
    except OSError as problem:
        return f"Não consegui gravar em .venv {files.explain(problem)} e rode de novo."


def programs(place: Path) -> str | None:
    """Um programa gravado em `place`, e chamado por um link, roda? É assim que uma `.venv` chama o Python."""
    program, link = place / "program", place / "link"
    program.write_text("#!/bin/sh\nexit 0\n", encoding="utf-8")
    program.chmod(0o755)
    try:
        link.symlink_to(program)
    except OSError:
        return NO_LINKS
    try:
        subprocess.run([link], check=False)
    except PermissionError:
        return NO_EXECUTION
    return None


def network(sources: Sources) -> str | None:
    """O que impede de chegar a um dos índices; None se todos respondem."""
    default = [] if sources.offline or sources.values("index-url") else default_index(sources.python)
    return next(filter(None, (reach(address, sources) for address in default + sources.addresses)), None)


def default_index(python: str) -> list[str]:
    """O índice que o pip de `python` usa quando nada está configurado; vazio se ele não diz."""
    code = "from pip._internal.models.index import PyPI; print(PyPI.simple_url)"
    done = subprocess.run([python, "-I", "-c", code], capture_output=True, encoding="utf-8", check=False)
    return done.stdout.split()


def reach(address: str, sources: Sources) -> str | None:
    """Pede a página de um pacote ao índice, como o uv faria; None se ele responde (mesmo que não o tenha)."""
    try:
        with open_url(f"{address.rstrip('/')}/uv/", sources):
            return None
    except urllib.error.HTTPError as problem:
        return sentence(problem, address) if problem.code in (401, 403, 407) else None
    except OSError as problem:
        return sentence(problem, address)


def sentence(problem: OSError, url: str) -> str:
    """O erro com que `url` não se abriu, numa frase."""
    host, reason = urlsplit(url).hostname or url, getattr(problem, "reason", problem)
    code = getattr(problem, "code", None)
    # O http.client só conta num texto o código com que o proxy recusou o túnel.
    if code == 407 or (code is None and "407" in str(reason)):
        return PROXY.format(host=host)
    if code in (401, 403):
        return REFUSED.format(host=host, code=code)
    if code is not None:
        return FAILED.format(host=host, what=Path(urlsplit(url).path).name, code=code)
    return (CERTIFICATE if isinstance(reason, ssl.SSLError) else NO_NETWORK).format(host=host)


def open_url(url: str, sources: Sources):
    """Abre `url` com os certificados, o proxy e a senha das `sources`; levanta `OSError`."""
    parts, env = urlsplit(url), sources.environment
    host = parts.hostname or ""
    bare = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
    request = urllib.request.Request(bare, headers={"User-Agent": "course_utils"})  # noqa: S310 – o que o pip abriria
    for known in map(urlsplit, (url, *sources.addresses)):
        if known.hostname == host and known.username:
            pair = f"{unquote(known.username)}:{unquote(known.password or '')}".encode()
            request.add_unredirected_header("Authorization", "Basic " + base64.b64encode(pair).decode())
    context = ssl.create_default_context(cafile=env.get("SSL_CERT_FILE") or None)
    if env.get("SSL_CLIENT_CERT"):
        context.load_cert_chain(env["SSL_CLIENT_CERT"])
    if {host, f"{host}:443"} & set(sources.values("trusted-host")):
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    proxies = {} if urllib.request.proxy_bypass(host) else {
        scheme: place
        for scheme in ("http", "https")
        if (place := env.get(f"{scheme}_proxy") or env.get(f"{scheme.upper()}_PROXY"))
    }  # fmt: skip
    handlers = urllib.request.HTTPSHandler(context=context), urllib.request.ProxyHandler(proxies)
    return urllib.request.build_opener(*handlers).open(request, timeout=TIMEOUT_S)
