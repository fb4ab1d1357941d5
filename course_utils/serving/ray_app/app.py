"""As duas peças do leitor de CEP no Ray Serve: o balcão recebe HTTP, os leitores inferem.

`Gateway` é a aplicação de `fastapi_app`, sem modelo; `Reader`, o `Predictor` de sempre, num processo à parte. Cada
peça tem as suas réplicas: quantas, diz `config.yaml`.
"""

import asyncio
import logging
import random
from time import perf_counter
from types import SimpleNamespace

import numpy as np
from ray import serve
from ray.exceptions import RayActorError
from ray.serve.exceptions import BackPressureError, ReplicaUnavailableError

from course_utils.model.artifacts import ROOT, CorruptedFileError
from course_utils.serving import contract, fastapi_app
from course_utils.serving.service import Service
from course_utils.serving.store import ModelStore

log = logging.getLogger("ray.serve")


@serve.deployment
class Reader:
    """Uma réplica: um processo com um modelo carregado e aquecido."""

    served = None

    def reconfigure(self, config):
        """Chamado ao iniciar e a cada `user_config` novo: a versão nova só assume depois de carregada e aquecida.

        `config`: `model` (arquivo ONNX ou pasta de versões; relativo à pasta do projeto), `version` (o nome que
        vai na resposta) e `batch_wait_ms`. Um modelo ruim deixa no ar o que havia; sem nenhum no ar, levanta.
        """
        self.predict.set_batch_wait_timeout_s(config.get("batch_wait_ms", 0) / 1000)
        try:
            served = ModelStore(ROOT / config["model"]).current
        except CorruptedFileError as error:
            if self.served is None:
                raise
            log.error("modelo recusado: %s", error)
            return
        self.served = served._replace(version=config.get("version", served.version))

    @serve.batch(max_batch_size=16, batch_wait_timeout_s=0)
    async def predict(self, groups):
        """Os pedidos que esperavam juntos, como um lote só: uma resposta do contrato por pedido.

        `groups`: imagens já validadas de cada pedido, uint8 (n, 28, 28).
        """
        start, (version, predictor, _) = perf_counter(), self.served
        predictions = predictor.respond(predictor.infer(predictor.preprocess(np.concatenate(groups))))
        elapsed_ms, rows = 1000 * (perf_counter() - start), iter(predictions)
        parts = [[next(rows) for _ in group] for group in groups]
        return [contract.answer(part, model_version=version, inference_ms=elapsed_ms) for part in parts]

    def version(self):
        """A versão no ar nesta réplica."""
        return self.served.version

    def check_health(self):
        """O Ray pergunta de tempos em tempos; um erro aqui faz a réplica ser trocada."""
        self.served.predictor.predict(np.zeros((1, 28, 28), np.uint8))


class RemoteService(Service):
    """O que a aplicação espera de um serviço, mas quem infere são as réplicas de `Reader`."""

    def _load(self, version):
        current = SimpleNamespace(version=version)
        self.store = SimpleNamespace(current=current, refused={})


@serve.deployment
@serve.ingress()
class Gateway:
    """O balcão: as rotas, a conferência e os erros de `fastapi_app`; manda as imagens a um leitor e espera."""

    canary_share = 0.0

    async def __init__(self, reader, canary=None):
        self.reader, self.canary = reader, canary
        self.version = await reader.version.remote()  # sem um leitor no ar, o balcão ainda não abre

    def reconfigure(self, config):
        """`config`: `canary_share`, a fração dos pedidos que vai ao canário, de 0 a 1."""
        self.canary_share = config.get("canary_share", 0.0)

    def __serve_build_asgi_app__(self):  # o nome é do Ray: chamado em cada réplica, depois do __init__
        return fastapi_app.create_app(service=RemoteService(self.version), infer=self.infer)

    async def infer(self, service, images):
        """O lugar de `asgi.infer`: imagens já validadas → a resposta, vinda de uma réplica; levanta 503 ou 504."""
        to_canary = self.canary is not None and random.random() < self.canary_share  # noqa: S311 – um sorteio, não um segredo
        reader = self.canary if to_canary else self.reader
        try:
            answer = await asyncio.wait_for(reader.predict.remote(images), service.deadline_s)
        except TimeoutError:
            raise service.late() from None
        except BackPressureError:
            raise contract.ContractError(503, "A fila está cheia; tente de novo em instantes.", 1) from None
        except (RayActorError, ReplicaUnavailableError):
            raise contract.ContractError(503, "A réplica que lia caiu; tente de novo.", 1) from None
        service.inference.observe(answer["inference_ms"] / 1000)
        if not to_canary:
            service.store.current.version = answer["model_version"]
        return answer


def build(arguments):
    """O que o `import_path` de `config.yaml` aponta; `arguments`: `{"canary": verdadeiro ou falso}`."""
    canary = [Reader.options(name="Canary").bind()] if arguments.get("canary") else []
    return Gateway.bind(Reader.bind(), *canary)
