"""O HTTP do uvicorn com três emendas: um Upgrade não engole o corpo, o cabeçalho tem limite, o erro é uma frase.

Quando o cliente oferece trocar de protocolo (o Java manda `Upgrade: h2c` em todo POST), o leitor do uvicorn para
no fim do cabeçalho e perde o corpo (github.com/Kludex/uvicorn, discussão 2722). O outro leitor que ele tem,
`http="h11"`, não tem a falha, mas custa um terço a mais de processador por requisição ao modelo pequeno.
"""

import httptools
from pydantic_core import to_json
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from course_utils.serving import contract

MAX_HEAD_BYTES = 65_536  # o mesmo limite do h11


class Protocol(HttpToolsProtocol):
    """Uma conexão. Não troca de protocolo: quem pediu isso recebe a resposta em HTTP/1.1."""

    reading_head, head_bytes = False, 0

    def on_message_begin(self):
        super().on_message_begin()
        self.reading_head = True

    def on_headers_complete(self):
        self.reading_head, self.head_bytes = False, 0
        if not self.parser.should_upgrade():
            super().on_headers_complete()

    def on_message_complete(self):
        if not self.parser.should_upgrade():
            super().on_message_complete()

    def data_received(self, data):
        self._unset_keepalive_if_required()
        was_reading_head = self.reading_head
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as stop:
            if self.parser.get_method() == b"CONNECT":
                self.send_400_response("Este servidor não é um proxy.")
                return
            # O cabeçalho de novo, sem o pedido de troca, num leitor novo; e o que veio depois dele.
            head, self.parser = self._head_without_upgrade(), httptools.HttpRequestParser(self)
            self.data_received(head + data[stop.args[0] :])
        except httptools.HttpParserError:
            self.send_400_response("A requisição não é HTTP válido.")
        else:
            self.head_bytes += len(data) if was_reading_head and self.reading_head else 0
            if self.head_bytes > MAX_HEAD_BYTES:
                self.send_400_response(f"O cabeçalho passa de {MAX_HEAD_BYTES} bytes.", 431)

    def _head_without_upgrade(self):
        version = self.parser.get_http_version().encode()
        lines = [self.parser.get_method() + b" " + self.url + b" HTTP/" + version]
        for name, value in self.headers:
            # Sem a palavra em Connection, o cabeçalho Upgrade é só mais um.
            lines.append(
                name + b": " + (value.lower().replace(b"upgrade", b"") if name == b"connection" else value)
            )
        return b"\r\n".join([*lines, b"", b""])

    def send_400_response(self, msg, status=400):
        body = to_json(contract.problem(status, msg))
        headers = (
            f"Content-Type: {contract.PROBLEM_TYPE}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        )
        self.transport.write(STATUS_LINE[status] + headers.encode() + body)
        self.transport.close()
