"""O leitor de dígitos em cinco passos: *carregar → validar → pré-processar → inferir → responder*.

Roda em ONNX Runtime e não sabe o que é HTTP: servidores, notebooks e testes chamam a mesma classe.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from course_utils.model import artifacts

MODEL = artifacts.DATA / "reference.onnx"
SIDE = 28
CLASSES = 10
TINY = np.finfo(np.float32).tiny
NOWHERE = str(artifacts.ARTIFACTS / "nenhuma")  # uma pasta que não existe


class InvalidInputError(ValueError):
    """A entrada está fora do contrato; a mensagem diz o que chegou e o que se esperava."""


@dataclass(frozen=True)
class Prediction:
    """Uma resposta: `digit` (0 a 9) e `probabilities` (10 números que somam 1)."""

    digit: int
    probabilities: list[float]


class Predictor:
    """Preditor de um arquivo ONNX de entrada float32 (n, 1, 28, 28) e saída (n, 10): logits, ou probabilidades."""

    gives_probabilities = False  # quem confere o modelo (admission) diz se ele já termina em softmax

    def __init__(self, path=MODEL, threads=1):
        """Carregar: confere o SHA-256 de `path` e abre a sessão, com `threads` threads na CPU.

        Levanta `CorruptedFileError` se o arquivo falta ou não confere; o resto, quem confere é `admission.admit`.
        """
        # Importado só aqui: um processo que se divide (o gunicorn) não pode tê-lo carregado antes da divisão.
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3
        model = artifacts.read(path)
        self._weights = _add_weights(options, Path(path), model)
        self.session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        self.input_name = self.session.get_inputs()[0].name

    def predict(self, images):
        """Validar → pré-processar → inferir → responder: uma `Prediction` por imagem.

        `images`: inteiros de 0 a 255, forma (n, 28, 28) ou (n, 784), tinta alta. Levanta
        `InvalidInputError` fora disso.
        """
        return self.respond(self.infer(self.preprocess(self.validate(images))))

    @staticmethod
    def validate(images):
        """Devolve as imagens como uint8 (n, 28, 28); aceita inteiros de 0 a 255."""
        try:
            array = np.asarray(images)
        except ValueError:
            raise InvalidInputError(
                "Recebi imagens de tamanhos diferentes; esperava todas com 784 pixels."
            ) from None
        if array.dtype.kind not in "iu":
            raise InvalidInputError(f"Recebi valores do tipo {array.dtype}; esperava inteiros de 0 a 255.")
        if array.ndim not in (2, 3) or array.shape[1:] not in ((SIDE, SIDE), (SIDE * SIDE,)):
            raise InvalidInputError(f"Recebi a forma {array.shape}; esperava (n, 28, 28) ou (n, 784).")
        if len(array) == 0:
            raise InvalidInputError("Recebi um lote vazio; esperava pelo menos uma imagem.")
        if array.min() < 0 or array.max() > 255:
            raise InvalidInputError(
                f"Recebi pixels de {array.min()} a {array.max()}; esperava de 0 (papel) a 255 (tinta)."
            )
        return array.reshape(-1, SIDE, SIDE).astype(np.uint8, copy=False)

    @staticmethod
    def preprocess(images):
        """uint8 (n, 28, 28) de 0 a 255 → float32 (n, 1, 28, 28) de 0 a 1, a faixa em que a rede foi treinada."""
        return images[:, None] / np.float32(255)

    def infer(self, batch):
        """float32 (n, 1, 28, 28) → logits float32 (n, 10)."""
        output = self.session.run(None, {self.input_name: batch})[0]
        # O logaritmo desfaz o softmax do modelo: sem isto, `respond` o aplicaria de novo.
        return np.log(np.maximum(output, TINY)) if self.gives_probabilities else output

    @staticmethod
    def respond(logits):
        """Logits (n, 10) → softmax → lista de n `Prediction`."""
        exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
        probabilities = exponentials / exponentials.sum(axis=1, keepdims=True)
        return [Prediction(int(row.argmax()), row.tolist()) for row in probabilities]


def _add_weights(options, path, model):
    """Põe em `options` os pesos à parte (`leitor.onnx.data`): só os que estão ao lado e têm o SHA-256 anotado.

    Sem isto, o ONNX Runtime os procuraria na pasta em que o processo foi iniciado, e os carregaria sem conferir
    nada. Devolve os conteúdos (lista de bytes): a sessão não os copia, e quem a tem precisa guardá-los.
    """
    sealed = (path.with_name(name) for name in artifacts.read_sums(path.parent) if name.encode() in model)
    files = [file for file in sealed if file.is_file() and file.name != path.name]
    names, contents = [file.name for file in files], [artifacts.read(file) for file in files]
    options.add_external_initializers_from_files_in_memory(names, contents, [len(item) for item in contents])
    options.add_session_config_entry("session.model_external_initializers_file_folder_path", NOWHERE)
    return contents
