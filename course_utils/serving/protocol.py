"""O HTTP do uvicorn com duas emendas: um Upgrade não engole o corpo, e o cabeçalho tem limite.

Quando o cliente oferece trocar de protocolo (o Java manda `Upgrade: h2c` em todo POST), o leitor do uvicorn para
no fim do cabeçalho e perde o corpo (github.com/Kludex/uvicorn, discussão 2722). O outro leitor que ele tem,
`http="h11"`, não tem a falha, mas custa um terço a mais de processador por requisição ao modelo pequeno.
"""

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MAX_HEAD_BYTES = 65_536  # o mesmo limite do h11; as frases abaixo são ASCII, como o uvicorn as quer


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
            method = self.parser.get_method()
            if method == b"CONNECT":
                self.send_400_response("Este servidor nunca faz as vezes de um proxy.")
                return
            # O cabeçalho de novo, sem o pedido de troca, num leitor novo; e o que veio depois dele.
            lines = [method + b" " + self.url + b" HTTP/" + self.parser.get_http_version().encode()]
            lines += [name + b": " + value for name, value in self.headers if name != b"upgrade"]
            self.parser = httptools.HttpRequestParser(self)
            self.data_received(b"\r\n".join([*lines, b"", data[stop.args[0] :]]))
        except httptools.HttpParserError:
            self.send_400_response("Esperava HTTP/1.1; recebi outra coisa.")
        else:
            self.head_bytes += len(data) if was_reading_head and self.reading_head else 0
            if self.head_bytes > MAX_HEAD_BYTES:
                self.send_400_response(f"Recebi mais de {MAX_HEAD_BYTES} bytes antes do corpo.")
