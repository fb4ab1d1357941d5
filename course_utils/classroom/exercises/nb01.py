"""Exercícios do notebook 01 e do seu laboratório."""

import tempfile
import zipfile
from pathlib import Path

from course_utils.classroom.exercises.engine import NotYetError, exercise

FORMATS = {"A": "keras", "B": "savedmodel", "C": "safetensors"}
ONLY_WEIGHTS = "ele guarda só os pesos: nem a rede nem o pré-processamento vão junto."
CODE = "ele leva mais que números, e o que leva pode executar código."
# O que falta a cada formato errado, em cada caso.
LACKS = {
    "A": {
        "h5": "o .h5 volta com um otimizador que não reconhece as variáveis.",
        "pt": "ele é do PyTorch; o treino que parou é do Keras.",
        "savedmodel": "o SavedModel não guarda o estado do otimizador.",
        "safetensors": "ele guarda só os pesos; sem o estado do Adam, o treino é outro.",
    },
    "B": {
        "keras": "o pré-processamento ficaria fora, e o servidor precisaria do Keras.",
        "safetensors": ONLY_WEIGHTS,
        "pt": ONLY_WEIGHTS,
    },
    "C": {
        "pt": "dentro dele há um pickle, e abrir um pickle pode executar código.",
        **dict.fromkeys(("keras", "h5", "savedmodel"), CODE),
    },
}

HEADER = b'{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}'
SAFETENSORS = len(HEADER).to_bytes(8, "little") + HEADER + bytes(4)
# (formato, conteúdo: os bytes, ou os nomes dentro do zip, próximo passo)
MYSTERIES = (
    ("h5", b"\x89HDF\r\n\x1a\n" + bytes(100), "leia os primeiros bytes: um HDF5 começa por b'\\x89HDF'."),
    ("keras", ("metadata.json", "config.json", "model.weights.h5"), "abra o zip: há um config.json dentro."),
    ("safetensors", SAFETENSORS, "leia o nono byte: nele está a chave {."),
    ("pt", ("pesos/data.pkl", "pesos/data/0"), "abra o zip: não há config.json."),
    ("pt", ("leitor/data.pkl", "leitor/data/0"), "não conte com o nome da pasta: ele muda em cada arquivo."),
)


@exercise("01_salvar_e_carregar", mapping='{"A": "…", "B": "…", "C": "…"}')
def salvar_formato_certo(answer):
    """Um formato para cada caso; cada erro diz o que falta ao formato escolhido."""
    if set(answer) != set(FORMATS):
        raise NotYetError("os casos A, B e C", f"{list(answer)}", "dê um formato a cada caso, e só a eles.")
    for case, right in FORMATS.items():
        chosen = str(answer[case]).strip(" .").lower()
        if chosen != right:
            reason = LACKS[case].get(chosen)
            step = f"escolha outro: {reason}" if reason else "veja, na figura, o que cada formato leva."
            raise NotYetError(f"outro formato no caso {case}", repr(answer[case]), step)


@exercise("laboratorios/01_formatos_e_retomada", function="e o nome da sua função")
def salvar_arquivo_misterioso(answer):
    """Uma função que reconhece o formato de um arquivo sem extensão, pelos bytes; cinco arquivos de prova."""
    with tempfile.TemporaryDirectory() as folder:
        for number, (name, content, step) in enumerate(MYSTERIES):
            path = Path(folder, f"misterio_{number}")
            if isinstance(content, bytes):
                path.write_bytes(content)
            else:
                with zipfile.ZipFile(path, "w") as package:
                    for member in content:
                        package.writestr(member, "{}")
            received = answer(path)
            if received != name:
                raise NotYetError(f'"{name}" no arquivo {number + 1} de {len(MYSTERIES)}', repr(received), step)
