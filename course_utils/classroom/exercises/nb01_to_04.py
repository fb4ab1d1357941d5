"""Exercícios dos notebooks 01 a 04 e dos laboratórios deles: formatos, conversão, onde o modelo mora."""

import tempfile
import zipfile
from pathlib import Path

import numpy as np

from course_utils.classroom.exercises.engine import NotYetError, choose, compare_calls, exercise

# Em cada exercício de escolha, o que custaria em cada caso a opção errada; a que falta serve.
ONLY_WEIGHTS = "ele guarda só os pesos: nem a rede nem o pré-processamento vão junto."
WITHOUT_STEPS = "o pré-processamento ficaria fora, e o servidor precisaria do Keras."
CODE = "ele leva mais que números, e o que leva pode executar código."
FORMAT_REASONS = {
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
HOME_REASONS = {
    "banco": {
        "nuvem": "o tráfego não tem vales: pagaria por hora, para sempre, o que já tem comprado, e cada transação "
        "gastaria parte dos 20 ms na viagem até o provedor.",
        "borda": "o modelo iria parar no celular do fraudador, que o estudaria à vontade, e longe do histórico "
        "das contas, sem o qual ele não decide.",
    },
    "loja": {
        "dedicado": "compraria para um dia 200 vezes o que usa nos outros 364 (4.000 ÷ 20), e ainda precisaria de "
        "quem cuidasse das máquinas.",
        "borda": "estoque e preço mudam a cada minuto: cada aparelho teria de recebê-los, e o celular lento "
        "perderia a venda.",
    },
    "clinica": {
        "nuvem": "o exame sairia do prédio, o que o caso proíbe: dado de saúde é sensível (LGPD, art. 5º, II), e "
        "uma cópia que vazou não volta.",
    },
    "coletor": {
        "nuvem": "sem sinal não há nuvem: o carteiro espera a rede voltar para ler um CEP.",
        "dedicado": "o servidor fica do outro lado do sinal que não existe: nenhuma leitura na estrada.",
    },
    "startup": {
        "dedicado": "uma máquina ligada 24 horas para três usuários, mais as horas de quem a cuida: quase todo o "
        "dinheiro compraria espera.",
        "borda": "cada ideia nova viraria uma atualização no aparelho de cada usuário, e você nem veria o que deu "
        "errado.",
    },
}
MODE_REASONS = {
    "A": {
        "lote": "o lote responde quando acaba o arquivo inteiro; o cliente está diante do caixa.",
        "assíncrono": "a resposta iria para o S3 e alguém teria de ir buscá-la: não há 100 ms garantidos.",
        "serverless": "são 200 leituras por segundo o dia todo: pagaria a duração de cada uma, e não a de uma "
        "máquina, e o cold start estouraria os 100 ms.",
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
MACHINES = (
    ((900, 100, 0.9), 11, "some a reserva: com uma caída, as outras dez ficam no uso-alvo."),
    ((1000, 100, 0.7), 16, "arredonde para cima pico ÷ (vazão × alvo) e só então some a reserva."),
    ((1, 500, 0.5), 2, "arredonde para cima pico ÷ (vazão × alvo) e só então some a reserva."),
)


@exercise("01_salvar_e_carregar", mapping='{"A": "…", "B": "…", "C": "…"}')
def salvar_formato_certo(answer):
    """Um formato para cada caso; cada erro diz o que falta ao formato escolhido."""
    choose(answer, FORMAT_REASONS, ("keras", "h5", "SavedModel", "safetensors", "pt"))


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


@exercise("laboratorios/02_conversoes")
def onnx_lote_dinamico(session):
    """A sessão da rede com softmax: entrada `pixels`, saída `probabilidades`, lote livre."""
    from course_utils.model import digits
    from course_utils.model.predictor import Predictor

    inputs, outputs = session.get_inputs(), session.get_outputs()
    names = [item.name for item in inputs], [item.name for item in outputs]
    if names != (["pixels"], ["probabilidades"]):
        expected = "a entrada pixels e a saída probabilidades"
        raise NotYetError(expected, f"{names[0]} e {names[1]}", "dê os nomes em input_names e output_names.")
    if isinstance(inputs[0].shape[0], int):
        raise NotYetError("um lote livre", f"{inputs[0].shape[0]} fixo", "falta dynamic_shapes na exportação.")
    images, predictor = digits.load("test")[0][:7], Predictor()
    expected = np.array([item.probabilities for item in predictor.predict(images)])
    received = session.run(None, {"pixels": predictor.preprocess(images)})[0]
    if received.shape != expected.shape or not np.allclose(received.sum(axis=1), 1, atol=1e-4):
        step = "ponha torch.nn.Softmax(dim=1) depois da rede."
        raise NotYetError("10 números que somam 1 por imagem", f"a forma {received.shape}, com outra soma", step)
    if not np.allclose(received, expected, atol=1e-4):
        raise NotYetError("as probabilidades do modelo do curso", "outras", "exporte networks.torch_network().")


@exercise("03_opcoes_de_deploy", mapping='{"banco": "…", "loja": "…", …}, com os cinco casos')
def opcoes_cinco_casos(answer):
    """Uma casa para cada um dos cinco casos; cada escolha errada diz o que custaria naquele caso."""
    choose(answer, HOME_REASONS, ("dedicado", "nuvem", "borda"))


@exercise("laboratorios/03_calculadoras", function="maquinas")
def opcoes_reserva(answer):
    """`maquinas(pico, vazao, alvo)`: as que bastam para o uso-alvo, e mais uma de reserva."""
    compare_calls(answer, "maquinas", MACHINES)


@exercise("04_nuvem", mapping='{"A": "…", "B": "…", …}, até D')
def nuvem_modo_certo(answer):
    """Um modo de inferência do SageMaker para cada situação; cada erro diz o limite em que esbarraria."""
    choose(answer, MODE_REASONS, ("tempo real", "lote", "assíncrono", "serverless"))
