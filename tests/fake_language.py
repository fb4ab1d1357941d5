"""Um motor de texto de mentira, que os testes param e soltam, e o servidor da casa sobre ele."""

import contextlib
import threading
import time

import uvicorn
from waiting import wait_for

from course_utils.processes import free_port
from course_utils.serving.language.app import create_app
from course_utils.serving.language.desk import Desk
from course_utils.serving.language.engine import Piece, TooLongError
from course_utils.serving.language.weights import NAME


class FakeEngine:
    """Escreve " 0 1 2 …" até o limite; cada token espera o portão `gate`, e a pergunta diz o que dá errado."""

    name, slots = NAME, 2

    def __init__(self):
        self.gate = threading.Event()
        self.gate.set()
        self.orders, self.running, self.written, self.closed = [], 0, 0, False

    def generate(self, order, emit):
        asked = order.messages[-1]["content"]
        self.orders.append(order)
        self.running += 1
        try:
            if asked == "longa demais":
                raise TooLongError("A pergunta tem 9 tokens; cabem 8, com a resposta.")
            for number in range(order.max_tokens):
                if asked == f"quebre no {number}":
                    raise RuntimeError("bum")
                if asked == f"pare no {number}":
                    self.gate.clear()
                if asked == "devagar":
                    time.sleep(0.02)
                self.gate.wait()
                self.written += 1
                if emit(Piece(f" {number}")):
                    return
            emit(Piece("", "length", {"prompt_n": 5, "cache_n": 2, "predicted_n": order.max_tokens}))
        finally:
            self.running -= 1

    def close(self):
        self.closed = True


@contextlib.contextmanager
def serving(**limits):
    """`(motor, endereço)` de um servidor de verdade sobre um motor de mentira; `limits`: os do balcão."""
    engine, port = FakeEngine(), free_port()
    desk = Desk(lambda: engine)
    vars(desk).update(limits)
    config = uvicorn.Config(create_app(desk), port=port, log_level="error", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        wait_for(lambda: server.started)
        yield engine, f"http://127.0.0.1:{port}/"
    finally:
        engine.gate.set()
        server.should_exit = True
        thread.join()
