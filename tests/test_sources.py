"""O que o pip tem configurado chega ao uv; e cada falha da rede se reconhece por um fato que se experimenta."""

import hashlib
import http.server
import os
import shutil
import ssl
import subprocess
import sys
import threading
from contextlib import contextmanager

import pytest
from needs import miss

from course_utils.setup import failures, kit, sources


@pytest.fixture(autouse=True)
def no_configuration(monkeypatch):
    for name in [name for name in os.environ if name.startswith(("PIP_", "UV_")) or "proxy" in name.lower()]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)


def test_pip_conf_and_variables_reach_uv_and_what_diverts_does_not(tmp_path, monkeypatch):
    conf = tmp_path / "pip.conf"
    conf.write_text(
        "[global]\nindex-url = https://a.exemplo/simple\nextra-index-url = https://b.exemplo/simple\n  file:///c\n"
        "target = /nenhum\nproxy = eu:segredo@proxy.exemplo:3128\ncert = /etc/minha empresa/ca.pem\n"
        "client-cert = /etc/eu.pem\ntrusted-host = a.exemplo\nfind-links = /rodas\n[install]\ndry-run = true\n"
        "timeout = 7\n",
        encoding="utf-8",
    )
    monkeypatch.setenv("PIP_CONFIG_FILE", str(conf))
    monkeypatch.setenv("PIP_FIND_LINKS", "/outras /mais")
    for name in ("PIP_TARGET", "PIP_CONSTRAINT", "PIP_QUIET", "PIP_DRY_RUN", "UV_TARGET", "UV_CONFIG"):
        monkeypatch.setenv(name, "1")
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path))
    found = sources.read(sys.executable)
    assert {name: value.split() for name, value in found.items() if name.startswith("UV_")} == {
        "UV_NO_CONFIG": ["1"], "UV_PYTHON_DOWNLOADS": ["never"], "UV_INDEX_STRATEGY": ["unsafe-best-match"],
        "UV_DEFAULT_INDEX": ["https://a.exemplo/simple"], "UV_INDEX": ["https://b.exemplo/simple", "file:///c"],
        "UV_FIND_LINKS": ["/outras,/mais"], "UV_INSECURE_HOST": ["a.exemplo"], "UV_HTTP_TIMEOUT": ["7"],
        "UV_SYSTEM_CERTS": ["1"], "UV_CACHE_DIR": [str(tmp_path)],
    }  # fmt: skip
    assert found["SSL_CERT_FILE"] == found["PIP_CERT"] == "/etc/minha empresa/ca.pem"
    assert found["SSL_CLIENT_CERT"] == "/etc/eu.pem" and found["PIP_FIND_LINKS"] == "/outras /mais"
    assert found["HTTPS_PROXY"] == found["http_proxy"] == "http://eu:segredo@proxy.exemplo:3128"
    assert found["PIP_CONFIG_FILE"] == os.devnull and not {"PIP_TARGET", "PIP_DRY_RUN", "PIP_QUIET"} & set(found)


def test_without_configuration_the_default_index_is_asked_and_a_kit_asks_none(tmp_path):
    (default,) = sources.addresses(sources.read(sys.executable))
    assert default.startswith("https://") and default.endswith("/simple")
    alone = sources.only(tmp_path / "pen drive")
    assert sources.no_index(alone) == ["--no-index"] and failures.network(alone) is None
    assert alone["UV_FIND_LINKS"] == alone["PIP_FIND_LINKS"] == (tmp_path / "pen drive").as_uri()


# ---------------------------------------------------------------- a rede, por fatos


class Answer(http.server.BaseHTTPRequestHandler):
    """Responde com `code`; anota a senha que recebeu."""

    code, seen = 200, None

    def do_GET(self):
        type(self).seen = self.headers.get("Authorization")
        self.send_response(self.code)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_CONNECT = do_GET  # noqa: N815 – o nome é do http.server

    def log_message(self, *_):
        pass


@contextmanager
def server(code=200, certificate=None):
    """Um servidor em 127.0.0.1 que responde `code`: dá o endereço e a classe que atende."""
    handler = type("Handler", (Answer,), {"code": code})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as web:
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            web.socket = context.wrap_socket(web.socket, server_side=True)
        threading.Thread(target=web.serve_forever, daemon=True).start()
        yield f"http{'s' if certificate else ''}://127.0.0.1:{web.server_port}/simple", handler
        web.shutdown()


def reason(address, **settings):
    """O que há de errado com o índice `address`; None se ele responde."""
    text = failures.network(sources.environment({"index-url": address, **settings}))
    assert text is None or ("\n" not in text and text.endswith("rode de novo.")), text
    return text


@pytest.mark.parametrize("code", [200, 404, 500, 401, 403])
def test_an_index_that_answers_is_no_reason_and_one_that_refuses_is(code):
    with server(code) as (address, handler):
        found = reason(address.replace("://", "://eu:senha%21@"))
    assert (found or "").count("(o pedido foi recusado: ") == (code in (401, 403))
    assert handler.seen == "Basic ZXU6c2VuaGEh"


def test_a_certificate_that_nobody_trusts_and_the_same_once_it_is_configured(tmp_path):
    if not shutil.which("openssl"):
        miss("o openssl não está nesta máquina")
    certificate = tmp_path / "um.pem"  # que ninguém assinou, com a chave, num arquivo só
    command = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=teste"
    command = [*command.split(), "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", "-", "-out", "-"]
    certificate.write_bytes(subprocess.run(command, capture_output=True, check=True).stdout)
    with server(certificate=certificate) as (address, _):
        assert "(o certificado não é de uma autoridade" in reason(address)
        assert reason(address, cert=str(certificate)) is None
        assert reason(address, **{"trusted-host": "127.0.0.1"}) is None


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_that_asks_for_a_password(scheme):
    with server(407) as (proxy, _):
        said = reason(f"{scheme}://indice.exemplo/simple", proxy=proxy.removesuffix("/simple"))
    assert "indice.exemplo (o proxy pede usuário e senha, no endereço dele:" in said


@pytest.mark.parametrize("address", ["http://127.0.0.1:9/simple", "https://indice.invalid/simple"])
def test_no_way_to_the_index_even_if_another_answers(address):
    with server() as (good, _):
        assert "(sem rede)" in reason(good, **{"extra-index-url": f"file:///c\n{address}"})


@pytest.mark.parametrize(
    ("code", "content", "said"),
    [
        (200, b"", None),
        (404, b"", "recusado: 404"),
        (403, b"", "recusado: 403"),
        (200, b"outro", "b.whl não confere"),
    ],
)
def test_a_download_carries_the_password_of_its_index_and_one_that_fails_leaves_nothing(
    tmp_path, code, content, said
):
    with server(code) as (address, handler):
        env = sources.environment({"index-url": address.replace("://", "://eu:senha%21@")})
        sha256, file = hashlib.sha256(content).hexdigest(), tmp_path / "b.whl"
        if said is None:
            kit.fetch(f"{address}/b.whl", sha256, file, env)
        else:
            with pytest.raises(failures.SetupError, match=said):
                kit.fetch(f"{address}/b.whl", sha256, file, env)
    assert handler.seen == "Basic ZXU6c2VuaGEh" and list(tmp_path.iterdir()) == [file] * (said is None)
