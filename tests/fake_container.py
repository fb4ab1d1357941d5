"""Um contêiner de mentira, para provar as nuvens de bolso: inicia depressa e faz o que o corpo manda."""

import os
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

FOLDER, PORT = Path(sys.argv[1]), int(sys.argv[2])


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):  # noqa: N802
        self.reply(200 if not (FOLDER / "doente").exists() else 503, b"")

    def do_POST(self):  # noqa: N802
        body = self.rfile.read(int(self.headers["Content-Length"]))
        order = body[:20].decode("latin-1").split()
        if order[:1] == ["dorme"]:
            time.sleep(float(order[1]))
            self.reply(200, b"acordei")
        elif order[:1] == ["erro"]:
            self.reply(int(order[1]), b"motivo")
        elif order[:1] == ["morre"]:
            os._exit(1)
        elif order[:1] == ["nome"]:
            self.reply(200, (FOLDER / "nome").read_bytes())
        else:
            self.reply(200, f"{len(body)} bytes".encode())

    def reply(self, status, content):
        self.send_response(status)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *args):
        pass


if (FOLDER / "morto").exists():
    sys.exit("este modelo não abre")
ThreadingHTTPServer(("127.0.0.1", PORT), Handler).serve_forever()
