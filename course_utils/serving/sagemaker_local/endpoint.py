"""Um endpoint: as suas variantes, cada uma com o seu contêiner, e a escolha de qual atende."""

import random
import threading

from course_utils.serving.sagemaker_local import storage
from course_utils.serving.sagemaker_local.container import Container, NoAnswerError, StartError, unpack
from course_utils.serving.sagemaker_local.wire import ServiceError, invalid


class Variant:
    """Uma variante de produção. Serverless: o contêiner só inicia na primeira chamada (o *cold start*)."""

    def __init__(self, settings, model, container):
        self.name, self.serverless = settings["VariantName"], "ServerlessConfig" in settings
        self.initial_weight = settings.get("InitialVariantWeight", 1.0)
        self.model, self.container = model, container
        self._lock = threading.Lock()

    def prepare(self):
        """Baixa e desempacota o modelo; fora do serverless, já inicia o contêiner. Levanta `StartError`."""
        fetch(self.model, self.container.folder)
        if not self.serverless:
            self.container.start()

    def invoke(self, body, headers, timeout_s):
        """Passa o pedido ao contêiner: `(cabeçalhos, corpo)`. Levanta `ServiceError` 424."""
        with self._lock:
            if self.container.process is None:
                self.container.start()
        return call(self.container, body, headers, timeout_s)


class Endpoint:
    """`record` é o registro do moto, de onde saem os pesos de agora e para onde vai o estado."""

    def __init__(self, record, variants, asynchronous=None):
        self.record, self.asynchronous = record, asynchronous
        self.variants = {variant.name: variant for variant in variants}
        record.endpoint_status = "Creating"

    def start(self):
        """Prepara as variantes; o estado passa a InService, ou a Failed com o motivo."""
        try:
            for variant in self.variants.values():
                variant.prepare()
        except Exception as error:
            self.stop()
            self.record.endpoint_status, self.record.failure_reason = "Failed", str(error)[:1024]
        else:
            self.record.endpoint_status = "InService"

    def stop(self):
        """Encerra a fila e os contêineres."""
        if self.asynchronous:
            self.asynchronous.close()
        for variant in self.variants.values():
            variant.container.stop()

    def choose(self, name=None):
        """A variante de nome `name`, ou uma sorteada pelos pesos de agora. Levanta `ServiceError` se não há."""
        if name:
            if name not in self.variants:
                raise invalid(f"Variant {name} not found for endpoint {self.record.endpoint_name}.")
            return self.variants[name]
        weights = list(self.weights().values())
        if not any(weights):
            raise invalid(f"Every variant of endpoint {self.record.endpoint_name} has weight 0.")
        return random.choices(list(self.variants.values()), weights)[0]  # noqa: S311 – um sorteio, não um segredo

    def weights(self):
        """`{variante: peso}` de agora: UpdateEndpointWeightsAndCapacities os muda no registro do moto."""
        current = {item["VariantName"]: item.get("CurrentWeight") for item in self.record.production_variants}
        return {
            name: variant.initial_weight if current.get(name) is None else current[name]
            for name, variant in self.variants.items()
        }


def fetch(model, folder):
    """O `ModelDataUrl` do modelo, do S3 para `folder`; sem ele, a pasta fica vazia. Levanta `StartError`."""
    folder.mkdir(parents=True)
    uri = (model.primary_container or {}).get("ModelDataUrl")
    if not uri:
        raise StartError("The model has no ModelDataUrl.")
    try:
        unpack(storage.read(uri), folder, uri)
    except (FileNotFoundError, ValueError) as error:
        raise StartError(f'Failed to download model data from URL "{uri}". ({error})') from None


def new_container(model, folder, command):
    """O contêiner (ainda parado) do modelo que o moto guarda."""
    return Container(folder, command=command, environment=(model.primary_container or {}).get("Environment") or {})


def call(container, body, headers, timeout_s):
    """`POST /invocations`: `(cabeçalhos, corpo)`. Um 4xx ou 5xx, ou o silêncio, vira o `ModelError` 424."""
    try:
        status, answered, content = container.request("POST", "/invocations", body, headers, timeout_s)
    except NoAnswerError as error:
        message = (
            "Your invocation timed out while waiting for a response from container primary."
            if error.timed_out
            else "Amazon SageMaker could not get a response from the primary endpoint."
        )
        raise model_error(0, message) from None
    if not 200 <= status < 300:
        raise model_error(status, content.decode("utf-8", errors="replace"))
    return answered, content


def model_error(status, message):
    """O 424 `ModelError`, com o status e o texto do contêiner."""
    side = "client" if 400 <= status < 500 else "server"
    return ServiceError(
        424,
        "ModelError",
        f'Received {side} error ({status}) from primary with message "{message}". See the log of the container.',
        OriginalStatusCode=status,
        OriginalMessage=message,
        LogStreamArn="",
    )
