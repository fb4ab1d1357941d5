"""Um contêiner de mentira, para provar a AWS de bolso: inicia depressa e faz o que o corpo manda."""

import json
import os
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

FOLDER = Path(os.environ["SM_MODEL_DIR"])


def leave_when_stdin_closes():
    while os.read(0, 4096):
        pass
    os._exit(0)


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
        elif order[:1] == ["ambiente"]:
            self.reply(200, json.dumps({"env": dict(os.environ), "headers": dict(self.headers)}).encode())
        elif order[:1] == ["nome"]:
            self.reply(200, (FOLDER / "nome").read_bytes())
        else:
            self.reply(200, f"{len(body)} bytes".encode())

    def reply(self, status, content):
        self.send_response(status)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(content)))
        self.send_header("X-Amzn-SageMaker-Custom-Attributes", "do-modelo")
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *args):
        pass


if (FOLDER / "morto").exists():
    sys.exit("este modelo não abre")
threading.Thread(target=leave_when_stdin_closes, daemon=True).start()
ThreadingHTTPServer(("127.0.0.1", int(os.environ["SAGEMAKER_BIND_TO_PORT"])), Handler).serve_forever()
