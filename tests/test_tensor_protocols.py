"""Os contratos do TensorFlow Serving e do Open Inference Protocol, linha a linha, por sockets de verdade.

O oráculo do segundo é o cliente do Triton (`tritonclient`); o do primeiro, o SavedModel de verdade que o
laboratório 03 põe ao lado do ONNX.
"""

import json

import numpy as np
import pytest
from cases import JSON, body
from contracts import OIP, TF, Target, assert_refused, make_version, own_app
from faults import call
from needs import need
from waiting import wait_for

from course_utils.classroom import servers
from course_utils.model import digits
from course_utils.model.predictor import Predictor

PREDICT, INFER = "v1/models/digits:predict", "v2/models/digits/infer"
FORM = "application/x-www-form-urlencoded"  # o que o curl -d manda


@pytest.fixture(scope="module")
def tf():
    with servers.start(TF) as server:
        yield Target(server)


@pytest.fixture(scope="module")
def oip():
    with servers.start(OIP) as server:
        yield Target(server)


@pytest.fixture(scope="module")
def images():
    return digits.load("test")[0][:5]


@pytest.fixture(scope="module")
def expected(images):
    """O que o preditor lê nas mesmas imagens."""
    return [vars(item) for item in Predictor().predict(images)]


def ask(target, route, payload=None, kind=JSON, method=None):
    """`(status, objeto)`; todo erro, aqui, tem de ser `{"error": frase}` em application/json."""
    data = payload if payload is None or isinstance(payload, bytes) else body(payload)
    method = method or ("GET" if data is None else "POST")
    status, headers, text = answer = target.call(method, "/" + route, data, {"Content-Type": kind})
    assert headers["Content-Type"] == JSON, text[:300]
    if status != 200:
        assert_refused(answer, status)
    return status, json.loads(text)


def one(value):
    """Uma imagem 28 × 28 com o mesmo valor em todos os pixels."""
    return [[value] * 28] * 28


NUMBERS = {  # um pixel que não é um inteiro de 0 a 255
    "texto": "7", "booleano": True, "nulo": None, "quebrado": 0.5, "real inteiro": 7.0, "NaN": float("nan"),
    "infinito": float("inf"), "negativo": -1, "256": 256, "imenso": 10**400, "lista": [1],
    "objeto": {"b64": "AA=="},
}  # fmt: skip
SHAPES = [  # o que não é uma lista de imagens 28 × 28
    7, "x", {"x": 1}, [], one(0), [[0] * 784], [one(0)[:27]], [[*one(0), [0] * 28]], [[*one(0)[:27], [0] * 27]],
    [[[0] * 29] * 28], [one(0)] * 33, [[[[0]] * 28] * 28], [one(0), one(0)[:27]], [[[[[[[0]]]]]]],
]  # fmt: skip


# ------------------------------------------------------------------ TensorFlow Serving


def tensor(dtype, name, *sizes):
    """Um tensor da assinatura, em JSON: o protobuf escreve os números de 64 bits como textos."""
    dim = [{"size": str(size), "name": ""} for size in sizes]
    return {"dtype": dtype, "tensor_shape": {"dim": dim, "unknown_rank": False}, "name": name}


AVAILABLE = {"version": "1", "state": "AVAILABLE", "status": {"error_code": "OK", "error_message": ""}}
# Como o TensorFlow 2.21 a grava: a de um `keras.export.ExportArchive` com esta entrada e estas saídas.
SIGNATURE = {
    "method_name": "tensorflow/serving/predict",
    "defaults": {},
    "inputs": {"images": tensor("DT_UINT8", "serving_default_images:0", -1, 28, 28)},
    "outputs": {
        "digit": tensor("DT_INT64", "StatefulPartitionedCall:0", -1),
        "probabilities": tensor("DT_FLOAT", "StatefulPartitionedCall:1", -1, 10),
    },
}


def test_tf_status_is_the_one_of_the_published_example_and_metadata_is_that_of_a_savedmodel(tf):
    metadata = ask(tf, "v1/models/digits/metadata")[1]
    assert metadata["model_spec"] == {"name": "digits", "signature_name": "", "version": "1"}
    assert metadata["metadata"] == {"signature_def": {"signature_def": {"serving_default": SIGNATURE}}}
    for version in ("", "/versions/1"):
        assert ask(tf, f"v1/models/digits{version}") == (200, {"model_version_status": [AVAILABLE]})
        assert ask(tf, f"v1/models/digits{version}/metadata") == (200, metadata)


@pytest.mark.parametrize("route", [PREDICT, "v1/models/digits/versions/1:predict"])
@pytest.mark.parametrize("named", [False, True])
def test_tf_rows_get_predictions_and_columns_get_outputs(tf, images, expected, route, named):
    pictures = images.tolist()
    rows = [{"images": picture} for picture in pictures] if named else pictures
    assert ask(tf, route, {"instances": rows}) == (200, {"predictions": expected})
    columns = {name: [item[name] for item in expected] for name in ("digit", "probabilities")}
    assert ask(tf, route, {"inputs": {"images": pictures} if named else pictures}) == (200, {"outputs": columns})


def test_tf_takes_an_optional_signature_name_and_any_content_type(tf, images, expected):
    for extra in (
        {"signature_name": "serving_default"},
        {"signature_name": ""},
        {"outro_campo": 1},
        {"inputs": None},
    ):
        payload = {"instances": images.tolist()} | extra
        assert ask(tf, PREDICT, payload, FORM) == (200, {"predictions": expected})
    for name in ("classify", 7, None):
        assert ask(tf, PREDICT, {"signature_name": name, "instances": images.tolist()})[0] == 400


def test_tf_refuses_both_formats_none_a_mixture_and_what_is_not_a_list_of_images(tf):
    pictures = [one(0)]
    for payload in (
        *({"instances": shape} for shape in SHAPES),
        *({"inputs": shape} for shape in SHAPES),
        *({"inputs": {"images": shape}} for shape in SHAPES),
        {"instances": pictures, "inputs": pictures},
        {"signature_name": "serving_default"},
        {"instances": None},
        {"instances": {"images": pictures}},
        {"instances": [one(0), {"images": one(0)}]},
        {"instances": [{"images": one(0)}, one(0)]},
        {"instances": [{"pictures": one(0)}]},
        {"instances": [{"images": one(0), "pictures": one(0)}]},
        {"instances": [{}]},
        {"inputs": {"pictures": pictures}},
        {"inputs": {}},
        {"inputs": [{"images": one(0)}]},
    ):
        assert ask(tf, PREDICT, payload)[0] == 400, str(payload)[:80]


VERSIONED = "v1/models/digits/versions"
ELSEWHERE = {  # status: as rotas que o contrato não tem; as que acabam num verbo são POST, e as outras, GET
    404: [
        *(f"v1/models/half{end}" for end in ("", "/metadata", ":predict", "/versions/1", "/versions/1:predict")),
        *(f"{VERSIONED}/{version}{end}" for version in ("2", "0", "01", "9" * 5000, "HELLO")
          for end in ("", "/metadata", ":predict")),
    ],
    400: [
        *(f"{place}:{verb}" for place in ("v1/models/digits", f"{VERSIONED}/1")
          for verb in ("classify", "regress", "predict2", "predict/")),
        "v1/models", "v1/foo", "v1/models/digits/labels/stable", "v1/models/digits/labels/stable/metadata",
        "v1/models/digits/labels/stable:predict", "v1/models/digits/version/50", "v1/models/digits/",
    ],
}  # fmt: skip
METHODS = [
    ("GET", PREDICT), ("GET", f"{VERSIONED}/1:predict"), ("POST", "v1/foo"), ("POST", "v1/models"),
    ("POST", "v1/models/digits"), ("POST", "v1/models/digits/metadata"), ("PUT", PREDICT), ("PATCH", PREDICT),
    ("DELETE", "v1/models/digits"), ("OPTIONS", PREDICT),
]  # fmt: skip


def test_tf_knows_one_model_one_version_and_one_verb_and_calls_any_other_method_malformed(tf):
    for status, routes in ELSEWHERE.items():
        for route in routes:
            answer = ask(tf, route, {"instances": [one(0)]} if ":" in route else None)
            assert answer[0] == status and (status == 404 or "Requisição malformada" in answer[1]["error"]), route
    for method, route in METHODS:
        status, answer = ask(tf, route, b"" if method == "POST" else None, method=method)
        assert status == 400 and "Requisição malformada" in answer["error"], (method, route)


# ------------------------------------------------------------------ Open Inference Protocol


def request_for(images, *, nested=False, **extra):
    data = images.tolist() if nested else images.ravel().tolist()
    tensor = {"name": "images", "shape": list(images.shape), "datatype": "UINT8", "data": data}
    return {"inputs": [tensor]} | extra


def test_oip_server_health_and_metadata(oip):
    assert ask(oip, "v2") == (200, {"name": "leitor_de_cep", "version": "1", "extensions": []})
    assert ask(oip, "v2/health/live") == (200, {"live": True})
    assert ask(oip, "v2/health/ready") == (200, {"live": True, "ready": True})
    assert ask(oip, "v2/models/digits/ready") == (200, {"name": "digits", "ready": True})
    assert ask(oip, "v2/models/digits") == (200, {
        "name": "digits", "versions": ["1"], "platform": "onnx_onnxv1",
        "inputs": [{"name": "images", "datatype": "UINT8", "shape": [-1, 28, 28]}],
        "outputs": [{"name": "digit", "datatype": "INT64", "shape": [-1]},
                    {"name": "probabilities", "datatype": "FP32", "shape": [-1, 10]}],
    })  # fmt: skip


@pytest.mark.parametrize("nested", [False, True])
def test_oip_infers_flat_or_nested_data(oip, images, expected, nested):
    digit = {"name": "digit", "shape": [5], "datatype": "INT64", "data": [item["digit"] for item in expected]}
    flat = [value for item in expected for value in item["probabilities"]]
    outputs = [digit, {"name": "probabilities", "shape": [5, 10], "datatype": "FP32", "data": flat}]
    answer = {"model_name": "digits", "model_version": "1", "outputs": outputs}
    assert ask(oip, INFER, request_for(images, nested=nested)) == (200, answer)


def test_oip_echoes_the_id_and_returns_the_outputs_asked_for_in_that_order(oip, images):
    for identifier in ("42", "", "ação ☃"):
        assert ask(oip, INFER, request_for(images, id=identifier))[1]["id"] == identifier
    assert "id" not in ask(oip, INFER, request_for(images))[1]
    for names in (["digit"], ["probabilities"], ["probabilities", "digit"], ["digit", "probabilities"]):
        wanted = [{"name": name, "parameters": {"binary_data": False}} for name in names]
        answer = ask(oip, INFER, request_for(images, outputs=wanted, parameters={"x": 1}), FORM)[1]
        assert [output["name"] for output in answer["outputs"]] == names
    assert len(ask(oip, INFER, request_for(images, outputs=[]))[1]["outputs"]) == 2


FIELDS = {  # campo do tensor: o que não é o dos metadados
    "name": ["input0", "", 7, None],
    "datatype": ["FP32", "uint8", "INT64", 7, None],
    "shape": [[5, 784], [5, 28], [5, 28, 28, 1], [4, 28, 28], [6, 28, 28], [-1, 28, 28], [0, 28, 28], [33, 28, 28],
              [2**64, 28, 28], [5.5, 28, 28], ["5", 28, 28], [True, 28, 28], [], 5, "x", None],
    "data": [None, 7, "x", {}, [], [0] * 784, [0] * (784 * 5 - 1), [0] * (784 * 5 + 1), [0] * 784 * 33,
             [[0] * 784] * 5, [one(0)] * 4, [one(0)] * 4 + [[0] * 784], [0] * 784 * 4 + [[0] * 784]],
}  # fmt: skip


def test_oip_refuses_what_is_not_the_tensor_of_the_metadata_nor_an_output_of_it(oip, images):
    tensor = request_for(images)["inputs"][0]
    tensors = [tensor | {field: value} for field, values in FIELDS.items() for value in values]
    tensors += [{name: tensor[name] for name in tensor if name != field} for field in FIELDS]
    for payload in (
        *({"inputs": [wrong]} for wrong in tensors),
        *({"inputs": wrong} for wrong in ([], [tensor, tensor], tensor, None)),
        *(request_for(images, outputs=wrong) for wrong in ([{"name": "x"}], ["digit"], [{"name": "digit"}] * 3)),
        {"outputs": [{"name": "digit"}]},
        request_for(images, id=42),
    ):
        assert ask(oip, INFER, payload)[0] == 400, str(payload)[:80]
    binary = {"Inference-Header-Content-Length": "2"}
    assert_refused(oip.call("POST", "/" + INFER, b"{}" + bytes(784), binary), 400, "binários")


def test_oip_knows_one_model(oip, images):
    for place in ("v2/models/half", "v2/models/DIGITS"):
        assert ask(oip, place)[0] == ask(oip, f"{place}/ready")[0] == 404
        assert ask(oip, f"{place}/infer", request_for(images))[0] == 404
    assert ask(oip, "v2/models")[0] == 404
    assert ask(oip, INFER)[0] == ask(oip, "v2", b"{}")[0] == 405


# ------------------------------------------------------------------ os dois


@pytest.mark.parametrize("number", NUMBERS)
def test_a_bad_pixel_is_refused_and_its_place_said(tf, oip, number):
    picture = [[0] * 28 for _ in range(28)]
    picture[5][7] = NUMBERS[number]
    tensor, flat = request_for(np.zeros((1, 28, 28), int))["inputs"][0], sum(picture, [])
    for target, route, payload, place in (
        (tf, PREDICT, {"instances": [one(0), picture]}, "instances[1][5][7]"),
        (tf, PREDICT, {"instances": [{"images": picture}]}, "instances[0][5][7]"),
        (tf, PREDICT, {"inputs": {"images": [picture]}}, "inputs[0][5][7]"),
        (oip, INFER, {"inputs": [tensor | {"data": [picture]}]}, "inputs[0].data[0][5][7]"),
        (oip, INFER, {"inputs": [tensor | {"data": flat}]}, "inputs[0].data[147]"),
    ):
        status, answer = ask(target, route, payload)
        assert status == 400 and answer["error"].startswith(f"{place}: esperava"), answer


def test_a_request_for_version_1_is_never_answered_by_version_2(tmp_path):
    """A troca acontece enquanto o corpo chega: a versão era a pedida no começo, e no fim já não é."""
    make_version(tmp_path / "m", 1)
    with servers.start(
        own_app(tmp_path, "tf_serving", "asgi.BODY_DEADLINE_S = 3600"), model=tmp_path / "m"
    ) as server:
        place = "v1/models/digits/versions/"
        target = Target(server, predict=f"/{place}1:predict")
        connection, rest = target.unfinished(body({"instances": [one(0)]}), 100)
        with connection:
            make_version(tmp_path / "m", 2)
            wait_for(lambda: target.json("/health/ready")["model_version"] == "2")
            connection.sendall(rest)
            assert connection.recv(4096).startswith(b"HTTP/1.1 404")
        assert ask(target, f"{place}1:predict", {"instances": [one(0)]})[0] == ask(target, f"{place}1")[0] == 404
        assert ask(target, f"{place}2:predict", {"instances": [one(0)]})[0] == 200
        assert ask(target, "v1/models/digits")[1]["model_version_status"] == [AVAILABLE | {"version": "2"}]


# ------------------------------------------------------------------ o oráculo: quem fala o contrato de verdade

TRITON = """
import json, sys
import tritonclient.http as triton
from tritonclient.utils import InferenceServerException
from course_utils.model import digits
client = triton.InferenceServerClient(sys.argv[1])
assert client.is_server_live() and client.is_server_ready() and client.get_server_metadata()["version"] == "1"
assert client.is_model_ready("digits") and not client.is_model_ready("half")
metadata, images = client.get_model_metadata("digits"), digits.load("test")[0][:5]
tensor = triton.InferInput(metadata["inputs"][0]["name"], list(images.shape), metadata["inputs"][0]["datatype"])
tensor.set_data_from_numpy(images, binary_data=False)
wanted = [triton.InferRequestedOutput(item["name"], binary_data=False) for item in metadata["outputs"]]
answer = client.infer("digits", [tensor], outputs=wanted, request_id="42")
assert answer.get_response()["id"] == "42" and answer.get_response()["model_version"] == "1"
digit, probabilities = answer.as_numpy("digit"), answer.as_numpy("probabilities")
assert (digit.dtype, probabilities.dtype, probabilities.shape) == ("int64", "float32", (5, 10))
tensor.set_data_from_numpy(images, binary_data=True)
try:
    client.infer("digits", [tensor])
except InferenceServerException as error:
    print(json.dumps([digit.tolist(), probabilities.tolist(), error.message()]))
"""


@pytest.mark.slow
def test_triton_s_own_client_talks_to_the_oip_server(oip, expected):
    need("tritonclient")
    run = call(["-c", TRITON, f"127.0.0.1:{oip.server.port}"])
    assert run.returncode == 0, run.stderr[-2000:]
    digit, probabilities, refused = json.loads(run.stdout.splitlines()[-1])
    assert digit == [item["digit"] for item in expected]
    assert np.allclose(probabilities, [item["probabilities"] for item in expected], atol=1e-6)
    assert "binários" in refused
