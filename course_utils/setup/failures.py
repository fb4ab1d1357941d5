"""Por que uma preparação parou: o disco e a rede, que se experimentam aqui, ou um arquivo que não confere.

`explain` devolve uma frase com o que fazer. Um endereço se abre com os certificados, o proxy e as senhas do pip.
"""

from __future__ import annotations

import base64
import re
import shutil
import ssl
import tempfile
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import unquote, urlsplit, urlunsplit

from course_utils import files
from course_utils.setup import sources

TIMEOUT_S = 20
PROBE_BYTES = 64_000_000  # menos do que isto livre, nenhum pacote grande cabe
BAD_DISK = (
    "Nesta pasta não se consegue um ambiente (o porquê está em artifacts/setup.log): se o disco não aceita links "
    "ou não deixa executar programas (um pendrive em FAT, um disco com noexec), copie o projeto para a sua pasta "
    "pessoal e rode de novo."
)
HASH = (
    "{} não confere com requirements.lock e não foi instalado: o download se corrompeu ou o índice traz outro "
    "arquivo; rode de novo e, se repetir, use outro índice."
)
NETWORK = (
    "Não consegui baixar de {} ({}): confira a internet e, no seu pip (`python -m pip config list`), o índice, a "
    "senha, o proxy e o certificado, e rode de novo."
)
UNKNOWN = (
    "A instalação falhou: o porquê (em inglês) está em artifacts/setup.log; depois de resolver, rode de novo."
)
# O único lugar em que se lê o que os instaladores escrevem: nem um código de saída diz que um arquivo não confere.
MISMATCH = re.compile(r"Hash mismatch for `([^`]+)`|DO NOT MATCH THE HASHES")


class SetupError(Exception):
    """Uma frase em português: o que houve e o que fazer."""


def gigabytes(size: float) -> str:
    return f"{size / 1e9:.1f} GB".replace(".", ",")


def require_space(folder: Path, needed: int) -> None:
    """Levanta `SetupError` se no disco de `folder` não há `needed` bytes livres."""
    lacking = needed - shutil.disk_usage(folder).free
    if lacking > 0:
        raise SetupError(f"Falta espaço em disco: libere {gigabytes(lacking)} em {folder} e rode de novo.")


def explain(env: dict[str, str], folder: Path, log: Path) -> str:
    """O fato que explica a falha ao instalar em `folder`, ou que o porquê está no `log`."""
    if problem := disk(folder):
        return problem
    if found := MISMATCH.search(log.read_text(encoding="utf-8", errors="replace")):
        return HASH.format(found[1] or "O uv")
    return network(env) or UNKNOWN


def disk(folder: Path) -> str | None:
    """O que não deixa gravar em `folder`, que existe; None se nada."""
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(bytes(PROBE_BYTES))
            file.flush()
    except OSError as problem:
        return f"Não consegui gravar em .venv {files.explain(problem)} e rode de novo."
    return None


def network(env: dict[str, str]) -> str | None:
    """O que impede de chegar a um dos índices; None se todos respondem, mesmo que não tenham o que se pede."""
    for address in sources.addresses(env):
        try:
            open_url(f"{address.rstrip('/')}/uv/", env).close()
        except OSError as problem:
            if getattr(problem, "code", None) in (None, 401, 403, 407):
                return sentence(problem, address)
    return None


def sentence(problem: Exception, url: str) -> str:
    """O erro com que `url` não se abriu, numa frase."""
    reason = getattr(problem, "reason", problem)
    what = "sem rede"
    if "407" in f"{problem} {reason}":  # o http.client só conta num texto que o proxy recusou o túnel
        what = "o proxy pede usuário e senha, no endereço dele: http://usuario:senha@endereco:porta"
    elif isinstance(problem, urllib.error.HTTPError):
        what = f"o pedido foi recusado: {problem.code}"
    elif isinstance(reason, ssl.SSLError):
        what = "o certificado não é de uma autoridade em que esta máquina confia; o da sua rede se aponta com "
        what += "`python -m pip config set global.cert ARQUIVO`"
    return NETWORK.format(urlsplit(url).hostname, what)


def open_url(url: str, env: dict[str, str]):
    """Abre `url` com os certificados, o proxy e a senha que há em `env`; levanta `OSError`."""
    parts = urlsplit(url)
    bare = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
    request = urllib.request.Request(bare, headers={"User-Agent": "course_utils"})  # noqa: S310 – o que o pip abriria
    for known in map(urlsplit, (url, *sources.addresses(env))):
        if known.hostname == parts.hostname and known.username:
            pair = f"{unquote(known.username)}:{unquote(known.password or '')}".encode()
            request.add_unredirected_header("Authorization", "Basic " + base64.b64encode(pair).decode())
    context = ssl.create_default_context(cafile=env.get("SSL_CERT_FILE"))
    if env.get("SSL_CLIENT_CERT"):
        context.load_cert_chain(env["SSL_CLIENT_CERT"])
    if parts.hostname in env.get("PIP_TRUSTED_HOST", "").replace(":443", "").split():
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    proxies = urllib.request.getproxies()
    proxies |= {scheme: env[f"{scheme}_proxy"] for scheme in ("http", "https") if env.get(f"{scheme}_proxy")}
    handlers = urllib.request.HTTPSHandler(context=context), urllib.request.ProxyHandler(proxies)
    return urllib.request.build_opener(*handlers).open(request, timeout=TIMEOUT_S)
