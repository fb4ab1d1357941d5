"""Um modelo que ganha com lotes, e os dois servidores mínimos que o comparam: direto e em lotes.

Uma MLP 784-3072-3072-10 de pesos sorteados: 12 milhões de pesos que, para uma imagem só, são lidos inteiros da
memória; num lote, a mesma leitura serve a todas.
"""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager

import numpy as np

from course_utils.model import artifacts
from course_utils.serving.batching import Batcher
from course_utils.serving.service import model_path

WIDTHS = (784, 3072, 3072, 10)


def build(path):
    """Grava a MLP em ONNX (entrada float32 (lote, 784), saída (lote, 10)), anota o SHA-256 e devolve `path`."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    random = np.random.default_rng(32)
    nodes, weights, current = [], [], "images"
    for layer, (inputs, outputs) in enumerate(zip(WIDTHS, WIDTHS[1:]), start=1):
        matrix = random.standard_normal((inputs, outputs), np.float32) / np.float32(np.sqrt(inputs))
        weights.append(numpy_helper.from_array(matrix, f"w{layer}"))
        nodes.append(helper.make_node("MatMul", [current, f"w{layer}"], [f"m{layer}"]))
        nodes.append(helper.make_node("Relu", [f"m{layer}"], [f"r{layer}"]))
        current = f"r{layer}"
    images = helper.make_tensor_value_info("images", TensorProto.FLOAT, ["lote", WIDTHS[0]])
    scores = helper.make_tensor_value_info(current, TensorProto.FLOAT, ["lote", WIDTHS[-1]])
    graph = helper.make_graph(nodes, "larga", [images], [scores], weights)
    path.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10), path)
    return artifacts.seal(path)


def create_direct():
    """Uma inferência por requisição, num executor de dois lugares."""
    return _create_app(batched=False)


def create_batched():
    """As requisições que chegam juntas viram um lote."""
    return _create_app(batched=True)


def _create_app(batched):
    import onnxruntime
    from fastapi import FastAPI, Request

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(artifacts.verify(model_path()).read_bytes(), options)

    def infer(rows):
        return session.run(None, {"images": np.stack(rows) / np.float32(255)})[0].argmax(axis=1).tolist()

    executor = ThreadPoolExecutor(2)

    async def one(row):
        return (await asyncio.get_running_loop().run_in_executor(executor, infer, [row]))[0]

    @asynccontextmanager
    async def lifespan(app):
        if not batched:
            app.state.answer = one
            yield
            return
        async with Batcher(infer, max_size=16, max_wait_ms=5) as batcher:
            app.state.answer = batcher.submit
            yield

    app = FastAPI(lifespan=lifespan)

    @app.get("/health")
    async def health():
        return {"status": "pronto"}

    @app.post("/predict")
    async def predict(request: Request):
        row = np.frombuffer(await request.body(), np.uint8)
        return {"digit": await request.app.state.answer(row)}

    return app
