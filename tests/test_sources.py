"""O que o pip tem configurado chega ao uv; e cada falha se reconhece por um fato que se experimenta."""

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

from course_utils.setup import failures, progress, sources, wheels
from course_utils.setup.sources import Sources


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
    for name in (
        "PIP_TARGET",
        "PIP_PREFIX",
        "PIP_CONSTRAINT",
        "PIP_QUIET",
        "PIP_DRY_RUN",
        "UV_INDEX",
        "UV_CONFIG",
    ):
        monkeypatch.setenv(name, "1")
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path))
    found = sources.read(sys.executable)
    assert found.uv == [
        "--index-strategy", "unsafe-best-match", "--default-index=https://a.exemplo/simple",
        "--index=https://b.exemplo/simple", "--index=file:///c", "--find-links=/outras", "--find-links=/mais",
        "--allow-insecure-host=a.exemplo",
    ]  # fmt: skip
    assert "--cert=/etc/minha empresa/ca.pem" in found.pip and "--find-links=/mais" in found.pip
    assert not [option for option in found.pip if "target" in option or "dry-run" in option]
    env = found.environment
    assert env["SSL_CERT_FILE"] == "/etc/minha empresa/ca.pem" and env["SSL_CLIENT_CERT"] == "/etc/eu.pem"
    assert env["HTTPS_PROXY"] == env["http_proxy"] == "http://eu:segredo@proxy.exemplo:3128"
    assert env["UV_HTTP_TIMEOUT"] == "7" and env["UV_CACHE_DIR"] == str(tmp_path)
    assert {name for name in env if name.startswith("PIP_")} == {"PIP_CONFIG_FILE"}
    assert not {"UV_INDEX", "UV_CONFIG"} & set(env)


def test_without_configuration_nothing_is_invented_and_a_kit_asks_no_index(tmp_path):
    found = sources.read(sys.executable)
    assert found.settings == {} and found.uv == ["--index-strategy", "unsafe-best-match"] and found.pip == []
    kit = sources.only(tmp_path / "pen drive")
    assert kit.offline and "--no-index" in kit.uv and "--no-index" in kit.pip
    assert f"--find-links={(tmp_path / 'pen drive').as_uri()}" in kit.uv
    assert failures.network(kit) is None


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


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """Um certificado que ninguém assinou, com a chave, num arquivo só."""
    if not shutil.which("openssl"):
        miss("o openssl não está nesta máquina")
    path = tmp_path_factory.mktemp("certificado") / "um.pem"
    command = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=teste"
    command = [*command.split(), "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", "-", "-out", "-"]
    path.write_bytes(subprocess.run(command, capture_output=True, check=True).stdout)
    return path


def reason(address, **settings):
    text = failures.network(Sources({"index-url": address, **settings}))
    assert text is None or ("\n" not in text and text.endswith("rode de novo.")), text
    return text


@pytest.mark.parametrize(
    ("code", "said"), [(200, None), (404, None), (500, None), (401, "recusou"), (403, "recusou")]
)
def test_an_index_that_answers_is_no_reason_and_one_that_refuses_is(code, said):
    with server(code) as (address, handler):
        found = reason(address.replace("://", "://eu:senha%21@"))
    assert found == (failures.REFUSED.format(host="127.0.0.1", code=code) if said else None)
    assert handler.seen == "Basic ZXU6c2VuaGEh"


def test_a_certificate_that_nobody_trusts_and_the_same_once_it_is_configured(certificate):
    with server(certificate=certificate) as (address, _):
        assert reason(address) == failures.CERTIFICATE.format(host="127.0.0.1")
        assert reason(address, cert=str(certificate)) is None
        assert reason(address, **{"trusted-host": "127.0.0.1"}) is None


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_that_asks_for_a_password(scheme):
    with server(407) as (proxy, _):
        said = reason(f"{scheme}://indice.exemplo/simple", proxy=proxy.removesuffix("/simple"))
    assert said == failures.PROXY.format(host="indice.exemplo")


@pytest.mark.parametrize("address", ["http://127.0.0.1:9/simple", "https://indice.invalid/simple"])
def test_no_way_to_the_index(address):
    assert reason(address).startswith("Sem rede até ")


def test_every_index_is_tried_and_the_default_one_too(monkeypatch):
    tried = []
    monkeypatch.setattr(failures, "reach", lambda address, where: tried.append(address))
    failures.network(Sources({"extra-index-url": "https://b.exemplo/simple file:///c", "find-links": "/d"}))
    assert len(tried) == 2 and tried[0].startswith("https://") and tried[1] == "https://b.exemplo/simple"


# ---------------------------------------------------------------- baixar


def fetch(address, folder, where, content=b""):
    wheel = wheels.Wheel("b.whl", f"{address}/b.whl", hashlib.sha256(content).hexdigest(), 0)
    wheels.fetch(wheel, folder, where)


def test_a_download_carries_the_password_of_its_index(tmp_path):
    with server() as (address, handler):
        fetch(address, tmp_path, Sources({"index-url": address.replace("://", "://eu:senha%21@")}))
    assert (tmp_path / "b.whl").read_bytes() == b"" and handler.seen == "Basic ZXU6c2VuaGEh"


@pytest.mark.parametrize(
    ("code", "content", "said"),
    [(404, b"", r"não entregou b.whl \(resposta 404\)"), (403, b"", r"recusou o pedido \(403\)"),
     (200, b"outro", "b.whl não confere")],
)  # fmt: skip
def test_a_download_that_fails_is_a_sentence_and_leaves_nothing(tmp_path, code, content, said):
    with server(code) as (address, _), pytest.raises(progress.SetupError, match=said):
        fetch(address, tmp_path, Sources(), content)
    assert list(tmp_path.iterdir()) == []
