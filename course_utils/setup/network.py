"""A rede da preparação, com os certificados, o proxy e as senhas do pip: abrir um endereço, ou dizer por que não.

O porquê é um fato que se experimenta aqui, e não o que o pip ou o uv escreveram. Só biblioteca padrão.
"""

from __future__ import annotations

import base64
import ssl
import subprocess
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import unquote, urlsplit, urlunsplit

from course_utils.setup.sources import Sources

TIMEOUT_S = 20
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


def explain(sources: Sources) -> str | None:
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
