"""Um cluster Ray de um nó, iniciado pelo próprio processo que o chama (o kernel do notebook, um teste).

É o que `ray start --head` e `serve deploy` fariam, com quatro cuidados: só 127.0.0.1; nenhuma estatística de uso
enviada; um segredo (token) que não é gravado na pasta do usuário; e nada fica para trás, nem processo nem pasta
temporária, mesmo se um `kill -9` levar quem o iniciou (`guard`). Para parte disto o Ray não tem nome público
(`_private`, o cliente): a versão dele é fixa, em requirements-ray.txt, e os testes dizem se uma nova o muda.
"""

import logging
import os
import secrets
import subprocess
import sys
import tempfile
import weakref
from importlib.util import find_spec
from pathlib import Path

from course_utils.model import artifacts
from course_utils.processes import ALONE, HOST
from course_utils.serving.ray_app import guard

CONFIG = Path(__file__).with_name("config.yaml")
PREFIX = "aula-ray-"
ATTEMPTS, DEPLOY_S = 4, 120
PROXY_S = 300  # a porta de entrada, numa máquina cheia, demora mais que os 60 s do Ray a nascer
CPUS = 2  # quantas o cluster tem para repartir; é só uma conta dele
OBJECTS_BYTES = 80 * 2**20  # o mínimo do Ray; as nossas imagens viajam dentro das mensagens
ENVIRONMENT = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_SERVE_LOG_TO_STDERR": "0",
    "RAY_DISABLE_FAILURE_SIGNAL_HANDLER": "1",
    # O Ray desistiria da porta de entrada em 5 e em 10 s.
    "RAY_SERVE_PROXY_READY_CHECK_TIMEOUT_S": "60",
    "RAY_SERVE_PROXY_HEALTH_CHECK_TIMEOUT_S": "60",
    # Apesar do nome, vale também no Linux: sem ela o Ray troca 127.0.0.1 pelo endereço da máquina na rede.
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
}


class ClusterError(RuntimeError):
    """O cluster não fez o que se pediu; a mensagem diz o que ele respondeu."""


class Cluster:
    """Um cluster no ar. Encerra-se com `stop()`, ou com o processo."""

    def __init__(self, port, address, watcher):
        self.url = f"http://{HOST}:{port}/"
        self._finalizer = weakref.finalize(self, _stop, address, watcher)

    def stop(self):
        """Encerra os processos do Ray e apaga a pasta temporária. Pode ser chamado mais de uma vez."""
        self._finalizer()

    @staticmethod
    def deploy(config):
        """O `serve deploy`, no cluster a que este processo está ligado: só muda o que difere do que havia.

        `config`: um dict, como em config.yaml. Levanta `ClusterError` se uma aplicação falha ou não está no ar em
        `DEPLOY_S` segundos, e o erro do Pydantic se `config` não obedece ao esquema do Ray.
        """
        from ray.serve.context import _get_global_client
        from ray.serve.schema import ServeDeploySchema

        schema, client = ServeDeploySchema.model_validate(config), _get_global_client()
        client.deploy_apps(schema)
        for application in schema.applications:
            try:
                client._wait_for_application_running(application.name, DEPLOY_S)
            except (RuntimeError, TimeoutError) as error:
                raise ClusterError(f"A aplicação {application.name} não está no ar: {error}") from error

    @staticmethod
    def replicas(deployment):
        """Os números dos processos das réplicas de `deployment`, do leitor, que já atendem (lista de int)."""
        from ray.serve.context import _get_global_client

        pieces = _get_global_client().get_serve_details()["applications"]["leitor"]["deployments"]
        return [item["pid"] for item in pieces[deployment]["replicas"] if item["state"] == "RUNNING"]


def start(config=None, *, port=8000, import_from=()):
    """Inicia um cluster em 127.0.0.1, com a configuração dada (dict; padrão: config.yaml), e devolve o `Cluster`.

    `port`: a de HTTP, no lugar da que a configuração traz; `import_from`: pastas com os módulos a que os
    `import_path` se referem. Encerra antes o cluster que este processo já tivesse. Levanta `ClusterError` (também
    se falta o Ray), e os erros do Ray e do Pydantic (porta tomada, configuração que não vale).
    """
    if find_spec("ray") is None:
        raise ClusterError(
            "Falta o Ray, que só esta parte extra usa. Instale-o com: python -m course_utils --extra ray"
        )
    paths = [*map(str, import_from), str(artifacts.ROOT), os.environ.get("PYTHONPATH", "")]
    os.environ.update(ENVIRONMENT)
    os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))  # o Ray só o lê uma vez por processo
    import ray
    from ray import serve
    from ray._private import ray_constants, worker
    from ray.serve._private import api

    ray_constants.ENABLE_RAY_CLUSTER = False  # a última variável de ENVIRONMENT, se o Ray já tinha sido importado
    api.HTTP_PROXY_TIMEOUT = PROXY_S
    worker._worker_logs_enabled = False  # o aviso de uma réplica morta apareceria na célula que estivesse rodando
    ray.shutdown()
    config = config or read_config()
    # No POSIX, em /tmp: o caminho de um soquete tem cerca de cem letras; a pasta do macOS gastaria metade.
    folder = tempfile.mkdtemp(prefix=PREFIX, dir="/tmp" if os.name == "posix" else None)  # noqa: S108 – só nossa
    watcher = subprocess.Popen([sys.executable, guard.__file__, folder], stdin=subprocess.PIPE, **ALONE)
    try:
        _start_node(
            address="local", num_cpus=CPUS, object_store_memory=OBJECTS_BYTES, _temp_dir=folder,
            _node_ip_address=HOST, include_dashboard=False, log_to_driver=False, logging_level="CRITICAL",
            runtime_env={
                "env_vars": {"PYTHONPATH": os.pathsep.join(filter(None, paths))},
                "worker_process_setup_hook": f"{__name__}.listen_only_here",
            },
        )  # fmt: skip
        logging.getLogger("ray.serve").setLevel(logging.CRITICAL)
        serve.start(
            proxy_location=config.get("proxy_location", "HeadOnly"),
            http_options={"host": HOST, "port": port},
            logging_config=config.get("logging_config"),
        )
        Cluster.deploy(config)
    except BaseException:  # também o KeyboardInterrupt de quem interrompe a célula
        ray.shutdown()
        watcher.communicate()
        raise
    return Cluster(port, ray.get_runtime_context().gcs_address, watcher)


def read_config():
    """A configuração de config.yaml, um arquivo YAML (dict)."""
    import yaml

    return yaml.safe_load(CONFIG.read_text(encoding="utf-8"))


def listen_only_here():
    """Chamada pelo Ray em cada processo: a porta interna de cada réplica, que ele abre em todos os endereços
    ("[::]:0", em serve/_private/replica.py), fica em 127.0.0.1. Num cluster de várias máquinas não caberia."""
    from ray.serve._private import replica

    add_port = replica.add_port_to_grpc_server
    replica.add_port_to_grpc_server = lambda server, address: add_port(server, f"{HOST}:0")


def _start_node(**options):
    """`ray.init`, de novo se preciso: o Ray espera por um nó 30 s fixos, o que numa máquina cheia é pouco."""
    import ray

    for attempt in range(ATTEMPTS):
        try:
            ray.init(**options)
            return
        except Exception as error:  # é um `Exception` puro o que ele levanta
            ray.shutdown()
            if "timed out during startup" not in str(error) or attempt == ATTEMPTS - 1:
                raise


def _stop(address, watcher):
    import ray

    try:
        # Refeita a célula, o Ray deste processo já é o do cluster novo: esse fica.
        if ray.is_initialized() and ray.get_runtime_context().gcs_address == address:
            ray.shutdown()
    finally:
        watcher.communicate()  # fecha o cano: o vigia apaga a pasta e sai
