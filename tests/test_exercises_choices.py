"""Os exercícios em que se escolhe ou se ordena (01, 02, 03, 04 e 06): cada engano ouve o que lhe falta."""

from itertools import product

import nbformat
import onnx
import onnxruntime
import pytest
from checking import RIGHT, WRONG, cases, feedback

from course_utils import lesson
from course_utils.classroom import exercises
from course_utils.classroom.exercises import nb03, nb04
from course_utils.model.predictor import MODEL

FORMATS = {"A": ".keras", "B": "SavedModel", "C": "safetensors"}
HOMES = {"banco": "dedicado", "loja": "nuvem", "clinica": "dedicado", "coletor": "borda", "startup": "nuvem"}
MODES = {"A": "tempo real", "B": "lote", "C": "assíncrono", "D": "serverless"}


def session(*, softmax=True, names=("pixels", "probabilidades"), batch="lote", tail=()):
    """A sessão de uma variante do modelo de referência, mexida diretamente no grafo ONNX."""
    model = onnx.load(MODEL)
    graph = model.graph
    source, last = graph.input[0].name, graph.output[0].name
    steps = [("Softmax", {"axis": 1})] if softmax else []
    for number, (operator, attributes) in enumerate([*steps, *tail]):
        graph.node.append(onnx.helper.make_node(operator, [last], [f"extra{number}"], **attributes))
        last = f"extra{number}"
    graph.node.append(onnx.helper.make_node("Identity", [last], [names[1]]))
    graph.node.insert(0, onnx.helper.make_node("Identity", [names[0]], [source]))
    size = {"dim_value": batch} if isinstance(batch, int) else {"dim_param": batch}
    graph.input[0].name = names[0]
    graph.input[0].type.tensor_type.shape.dim[0].CopyFrom(onnx.TensorShapeProto.Dimension(**size))
    del graph.value_info[:]
    graph.output[0].CopyFrom(onnx.helper.make_tensor_value_info(names[1], onnx.TensorProto.FLOAT, None))
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    return onnxruntime.InferenceSession(model.SerializeToString(), options)


GOOD = {
    "salvar_formato_certo": [(FORMATS,), ({"A": "keras", "B": "savedmodel", "C": " Safetensors "},)],
    "opcoes_cinco_casos": [
        (HOMES,),
        (HOMES | {"clinica": "borda"},),
        ({case: f" {home.upper()}. " for case, home in HOMES.items()},),
        ({"banco": "servidor dedicado", "loja": "cloud", "clínica": "Edge AI", "Coletor": "edge",
          "start-up": "Nuvem"},),
    ],
    "nuvem_modo_certo": [
        (MODES,),
        ({"a": "Tempo real", "b": " LOTE ", "c": "assincrono", "d": "Serverless."},),
        ({"D": "serverless", "C": "async", "B": "batch", "A": "real-time"},),
    ],
    "flask_parsons": [
        ("FDBGAHCE",),
        ("DFBGAHCE",),  # o modelo antes da aplicação
        ("FBGAHCED",),  # o modelo depois da função, que só o procura quando é chamada
        ("f, d, b, g, a, h, c, e",),
        ("F → D → B → G → A → H → C → E",),
        (list("FDBGAHCE"),),
        (tuple("dfbgahce"),),
    ],
}  # fmt: skip
BAD = {
    "salvar_formato_certo": [
        (FORMATS | {"A": ".h5"}, "não reconhece"),
        (FORMATS | {"A": "SavedModel"}, "otimizador"),
        (FORMATS | {"A": "safetensors"}, "Adam"),
        (FORMATS | {"A": ".pt"}, "do Keras"),
        (FORMATS | {"B": ".keras"}, "fora"),
        (FORMATS | {"B": "safetensors"}, "só os pesos"),
        (FORMATS | {"B": ".pt"}, "só os pesos"),
        (FORMATS | {"C": ".pt"}, "pickle"),
        (FORMATS | {"C": ".keras"}, "pode executar código"),
        (FORMATS | {"C": "SavedModel"}, "pode executar código"),
        (FORMATS | {"C": "onnx"}, "na figura"),
        (FORMATS | {"A": ...}, "na figura"),
        (FORMATS | {"B": ["SavedModel"]}, "caso B"),
        (FORMATS | {"D": ".pt"}, "só a eles"),
        ({"A": ".keras"}, "os casos A, B e C"),
        ("safetensors", "um dicionário"),
    ],
    "opcoes_cinco_casos": [
        ({}, "recebi nenhum"),
        ({"banco": "nuvem"}, "recebi banco"),
        (HOMES | {"padaria": "nuvem"}, "padaria"),
        (HOMES | {"loja": "lua"}, "'lua'"),
        (HOMES | {"loja": None}, "'none'"),
        (HOMES | {"loja": ["nuvem"]}, "dedicado, nuvem ou borda"),
        (HOMES | {"loja": "n" * 10**6}, "escolha uma das três casas"),
    ],
    "nuvem_modo_certo": [
        ({}, "recebi nenhuma"),
        ({"A": "tempo real"}, "as situações A, B, C e D; recebi A"),
        (MODES | {"E": "lote"}, "recebi A, B, C, D, E"),
        (MODES | {"B": "nuvem"}, "corrija a situação B"),
        (MODES | {"C": None}, "recebi 'none'"),
    ],
    "flask_parsons": [
        ("FBGIAHCE", "2 vezes em 2 requisições"),  # a linha que sobra, no lugar da certa
        ("FBGAHICE", "2 vezes em 2 requisições"),
        ("FBGAHCIE", "predictor criado antes"),
        ("FDBGHACE", "images criado antes"),
        ("FDBGACHE", "batch criado antes"),
        ("FDBGEAHC", "logits criado antes"),
        ("DBGAHCEF", "app criado antes"),
        ("FDGBAHCE", "logo abaixo do def"),
        ("FBDGAHCE", "o @ vem logo acima"),
        ("FBGAHDCE", "logo abaixo do def"),
        ("AHCEFDBG", "Python não entende"),
        ("FDBGIAHC", "endpoint sem return"),
        ("FDGIAHCE", "rota /predict"),
        ("FDBGAHC", "8 das 9 linhas; recebi 7"),
        ("FDBGAHCEI", "8 das 9 linhas; recebi 9"),
        ("", "recebi 0"),
        ("FDBGAHCC", "C repetida"),
        ("FDBGAHCX", "'X'"),
        (["FD", 3], "'3'"),
        ({"F": 1}, "as letras entre aspas"),
    ],
}
# As sessões se montam no teste: importar este arquivo não custa nada.
SESSIONS = [
    ({"softmax": False}, "torch.nn.Softmax"),
    ({"names": ("entrada", "probabilidades")}, "input_names"),
    ({"names": ("pixels", "saida")}, "output_names"),
    ({"batch": 2}, "dynamic_shapes"),
    ({"tail": [("Softmax", {"axis": 1})]}, "torch_network()"),
    ({"tail": [("ReduceMax", {"keepdims": 0})]}, "10 números por imagem"),
    ({"tail": [("Transpose", {"perm": [1, 0]})]}, "10 números por imagem"),
    ({"softmax": False, "tail": [("Log", {})]}, "torch.nn.Softmax"),  # NaN nos logits negativos
]


@pytest.mark.parametrize(("name", "answer"), cases(GOOD))
def test_every_way_of_saying_the_right_answer_passes(capsys, name, answer):
    assert feedback(capsys, name, answer) == RIGHT


@pytest.mark.parametrize(("name", "answer", "words"), cases(BAD))
def test_each_mistake_hears_what_it_lacks(capsys, name, answer, words):
    text = feedback(capsys, name, answer)
    assert text.startswith(WRONG) and words in text and len(text) < 1000


@pytest.mark.parametrize(("variant", "words"), SESSIONS)
def test_each_wrong_session_says_what_it_lacks(capsys, variant, words):
    text = feedback(capsys, "onnx_lote_dinamico", session(**variant))
    assert text.startswith(f"{WRONG} Esperava") and words in text


def test_the_right_session_passes_and_what_is_none_is_named(capsys):
    assert feedback(capsys, "onnx_lote_dinamico", session()) == RIGHT
    assert "uma sessão; recebi PosixPath" in feedback(capsys, "onnx_lote_dinamico", MODEL)


def test_each_wrong_choice_hears_its_own_reason(capsys):
    choices = [("opcoes_cinco_casos", HOMES, nb03.COSTS, *pair) for pair in product(HOMES, set(HOMES.values()))]
    choices += [("nuvem_modo_certo", MODES, nb04.PROBLEMS, *pair) for pair in product(MODES, MODES.values())]
    heard = set()
    for name, right, reasons, case, choice in choices:
        text = feedback(capsys, name, right | {case: choice})
        if right[case] == choice or (case, choice) == ("clinica", "borda"):
            assert text == RIGHT
        else:
            assert text.startswith(f"{WRONG} Esperava outr") and reasons[case][choice] in text
            heard.add(reasons[case][choice])
    assert len(heard) == 9 + 12


def test_several_wrong_homes_are_all_explained(capsys):
    text = feedback(capsys, "opcoes_cinco_casos", dict.fromkeys(HOMES, "nuvem"))
    assert "3 dos 5 casos" in text
    assert all(nb03.COSTS[case]["nuvem"] in text for case in ("banco", "clinica", "coletor"))


def test_the_notebook_shows_the_lines_that_are_checked():
    (path,) = lesson.find_notebooks(["06"])
    cells = nbformat.read(path, as_version=4).cells
    outputs = [output.get("text", "") for cell in cells for output in cell.get("outputs", [])]
    shown = "".join(f"{letter} | {line}\n" for letter, line in exercises.ENDPOINT_LINES.items())
    assert any(text.startswith(shown) for text in outputs)
