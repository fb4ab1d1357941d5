"""Um cliente HTTP que não confia em ninguém: prazo total, corpo limitado, sem seguir redirecionamentos."""

import contextlib
import http.client
import socket
import threading
from dataclasses import dataclass
from time import monotonic, perf_counter
from urllib.parse import urlsplit

HERE = ("127.0.0.1", "localhost")
REQUEST_S = 5.0
TOTAL_S = 40.0
MAX_BODY = 10**6


@dataclass(frozen=True)
class Reply:
    """O que voltou. `status` é None se nada aproveitável voltou, e então `problem` diz por quê."""

    status: int | None
    body: bytes = b""
    server: str = ""
    problem: str = ""
    ms: float = 0.0

    def __str__(self):
        return self.problem or f"status {self.status}"


class Client:
    """Pergunta a um servidor desta máquina, até que os `total` segundos da conferência acabem."""

    def __init__(self, url, total=TOTAL_S):
        """Levanta `ValueError` se `url` não é `http://127.0.0.1:porta/`."""
        self.port, self.limit = _local_port(url), monotonic() + total

    def ask(self, route, body=None, kind=None):
        """POST de `body` (ou GET, se None) em `route`; sempre devolve um `Reply`, no máximo em `REQUEST_S`."""
        seconds = min(REQUEST_S, self.limit - monotonic())
        if seconds <= 0:
            return Reply(None, problem="o tempo da conferência acabou")
        connection = http.client.HTTPConnection(HERE[0], self.port, timeout=seconds)
        late, start = threading.Event(), perf_counter()
        too_late = Reply(None, problem=f"nenhuma resposta inteira em {seconds:.0f} s")
        try:
            connection.connect()
            # O prazo do soquete vale por leitura: quem pinga um byte por vez só para com este relógio.
            watch = threading.Timer(seconds, _cut, [connection.sock, late])
            watch.daemon = True
            watch.start()
            try:
                reply = _exchange(connection, route, body, kind, start)
            finally:
                watch.cancel()
        except TimeoutError:
            return too_late
        except (OSError, http.client.HTTPException, ValueError) as error:
            return too_late if late.is_set() else Reply(None, problem=_words(error))
        finally:
            connection.close()
        return too_late if late.is_set() else reply


def _local_port(url):
    """A porta do endereço, que tem de ser desta máquina: nada sai dela."""
    with contextlib.suppress(ValueError):  # o urlsplit reclama em inglês
        parts = urlsplit(url)
        if parts.scheme == "http" and parts.hostname in HERE and parts.port:
            return parts.port
    raise ValueError(f"o endereço {url[:60]!r}")


def _exchange(connection, route, body, kind, start):
    headers = {"Content-Type": kind} if kind else {}
    connection.request("GET" if body is None else "POST", "/" + route, body, headers)
    response = connection.getresponse()
    received = response.read(MAX_BODY + 1)
    ms = 1000 * (perf_counter() - start)
    if len(received) > MAX_BODY:
        return Reply(None, problem="um corpo que passa de 1 MB")
    return Reply(response.status, received, response.headers.get("Server") or "", ms=ms)


def _cut(sock, late):
    late.set()
    with contextlib.suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)


def _words(error):
    """O que houve com a conexão, em português."""
    if isinstance(error, ConnectionRefusedError):
        return "ninguém atende nessa porta"
    if isinstance(error, ConnectionError | http.client.IncompleteRead):
        return "conexão fechada no meio da resposta"
    return "algo que não é HTTP"
