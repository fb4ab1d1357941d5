"""Exercícios dos notebooks 01 a 04 e dos laboratórios deles: formatos, conversão, onde o modelo mora."""

import io
import tempfile
import zipfile
from pathlib import Path

import numpy as np

from course_utils.classroom.exercises.engine import call, require, same

# Em cada exercício de escolha, o que custaria em cada caso a opção errada; a que falta serve.
ONLY_WEIGHTS = "ele guarda só os pesos: nem a rede nem o pré-processamento vão junto."
WITHOUT_STEPS = "o pré-processamento ficaria fora, e o servidor precisaria do Keras."
CODE = "ele leva mais que números, e o que leva pode executar código."
FORMATS = {
    "A": {
        "h5": "o .h5 volta com um otimizador que não reconhece as variáveis.",
        "pt": "ele é do PyTorch; o treino que parou é do Keras.",
        "SavedModel": "o SavedModel não guarda o estado do otimizador.",
        "safetensors": "ele guarda só os pesos; sem o estado do Adam, o treino é outro.",
    },
    "B": {"keras": WITHOUT_STEPS, "h5": WITHOUT_STEPS, "safetensors": ONLY_WEIGHTS, "pt": ONLY_WEIGHTS},
    "C": {
        "pt": "dentro dele há um pickle, e abrir um pickle pode executar código.",
        **dict.fromkeys(("keras", "h5", "SavedModel"), CODE),
    },
}
# Na clínica, duas casas servem.
HOMES = {
    "banco": {
        "nuvem": "o tráfego não tem vales: pagaria por hora, para sempre, e a viagem até lá gastaria os 20 ms.",
        "borda": "o modelo iria parar no celular do fraudador, e longe do histórico, sem o qual ele não decide.",
    },
    "loja": {
        "dedicado": "compraria para um dia 200 vezes o que usa nos outros 364, e faltaria quem cuidasse disso.",
        "borda": "estoque e preço mudam a cada minuto, e o celular lento perderia a venda.",
    },
    "clinica": {
        "nuvem": "o exame sairia do prédio, e o caso o proíbe: dado de saúde é sensível (LGPD, art. 5º, II).",
    },
    "coletor": {
        "nuvem": "sem sinal não há nuvem: o carteiro espera a rede voltar para ler um CEP.",
        "dedicado": "o servidor fica do outro lado do sinal que não existe: nenhuma leitura na estrada.",
    },
    "startup": {
        "dedicado": "uma máquina ligada 24 horas para três usuários: quase todo o dinheiro compraria espera.",
        "borda": "cada ideia nova seria uma atualização no aparelho de cada um, e você nem veria os erros.",
    },
}
MODES = {
    "A": {
        "lote": "o lote responde quando acaba o arquivo inteiro; o cliente está diante do caixa.",
        "assíncrono": "a resposta iria para o S3 e alguém teria de ir buscá-la: não há 100 ms garantidos.",
        "serverless": "pagaria a duração de cada leitura, o dia todo, e o cold start estouraria os 100 ms.",
    },
    "B": {
        "tempo real": "uma máquina ligada 24 horas para trabalhar numa só; ninguém espera a resposta na hora.",
        "assíncrono": "funciona, mas seriam dois milhões de pedidos, um por um; os arquivos já estão juntos.",
        "serverless": "até 200 execuções ao mesmo tempo, pagas pela duração, num trabalho sem pressa.",
    },
    "C": {
        "tempo real": "400 MB não passam pelo limite de 25 MB (6 MB, no botocore), nem 10 minutos pelo de 60 s.",
        "lote": "um registro do lote vai até 100 MB, e o mapa, que chega a qualquer hora, esperaria o próximo.",
        "serverless": "400 MB não passam pelo limite de 4 MB, nem 10 minutos pelo de 60 s.",
    },
    "D": {
        "tempo real": "a máquina ficaria ligada, e paga, 24 horas para 30 leituras.",
        "lote": "quem lê o envelope quer a resposta em segundos, não de madrugada.",
        "assíncrono": "a resposta iria para o S3, e o tamanho (10 kB) e a pressa (segundos) não pedem fila.",
    },
}


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
