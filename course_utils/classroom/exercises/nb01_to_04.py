"""Exercícios dos laboratórios 01 a 03; os dos notebooks 01, 03 e 04 são de escolha, e estão em choices.json."""

import io
import tempfile
import zipfile
from pathlib import Path

import numpy as np

from course_utils.classroom.exercises.engine import call, require, same


def zipped(*names):
    """Os bytes de um zip com estes arquivos dentro."""
    with zipfile.ZipFile(content := io.BytesIO(), "w") as package:
        for name in names:
            package.writestr(name, "{}")
    return content.getvalue()


HEADER = b'{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}'
# (formato, conteúdo, próximo passo)
MYSTERIES = (
    ("h5", b"\x89HDF\r\n\x1a\n" + bytes(100), "leia os primeiros bytes: um HDF5 começa por b'\\x89HDF'."),
    ("keras", zipped("metadata.json", "config.json"), "abra o zip: há um config.json dentro."),
    ("safetensors", len(HEADER).to_bytes(8, "little") + HEADER + bytes(4), "leia o nono byte: a chave {."),
    ("pt", zipped("pesos/data.pkl", "pesos/data/0"), "abra o zip: não há config.json."),
    ("pt", zipped("leitor/data.pkl", "leitor/data/0"), "não conte com o nome da pasta: ele muda em cada arquivo."),
)
MACHINES = (
    ((900, 100, 0.9), 11, "some a reserva: com uma caída, as outras dez ficam no uso-alvo."),
    ((1000, 100, 0.7), 16, "arredonde para cima pico ÷ (vazão × alvo) e só então some a reserva."),
)


def mystery_files(answer):
    """Uma função que reconhece o formato de um arquivo sem extensão, pelos bytes; cinco arquivos de prova."""
    with tempfile.TemporaryDirectory() as folder:
        for number, (name, content, step) in enumerate(MYSTERIES, 1):
            path = Path(folder, f"misterio_{number}")
            path.write_bytes(content)
            received = call(answer, path)
            require(received == name, f'"{name}" no arquivo {number} de {len(MYSTERIES)}', repr(received), step)


def session(answer):
    """A sessão da rede com softmax: entrada `pixels`, saída `probabilidades`, lote livre."""
    from course_utils.model import digits
    from course_utils.model.predictor import Predictor

    (pixels,), names = answer.get_inputs(), [item.name for item in answer.get_outputs()]
    named = (pixels.name, names) == ("pixels", ["probabilidades"])
    step = "dê os nomes em input_names e output_names."
    require(named, "a entrada pixels e a saída probabilidades", f"{pixels.name} e {', '.join(names)}", step)
    size = pixels.shape[0]
    require(not isinstance(size, int), "um lote livre", f"{size} fixo", "falta dynamic_shapes na exportação.")
    images, predictor = digits.load("test")[0][:7], Predictor()
    received = answer.run(None, {"pixels": predictor.preprocess(images)})[0]
    step = "ponha torch.nn.Softmax(dim=1) depois da rede."
    sums = received.sum(axis=1)
    require(np.allclose(sums, 1, atol=1e-4), "números que somam 1 por imagem", f"{sums[0]:.3g}", step)
    expected = np.array([item.probabilities for item in predictor.predict(images)])
    step = "exporte networks.torch_network()."
    require(same(received, expected), "as probabilidades do modelo do curso", "outras", step)
