"""O leitor de CEP no Ray Serve: a mesma aplicação, em réplicas que crescem, encolhem e podem estar noutra máquina.

`app` traz as duas peças (`Gateway` e `Reader`); `config.yaml`, quantas réplicas de cada uma; `kuberay.yaml`, o
mesmo num Kubernetes; `cluster` põe um cluster de um nó no ar, a partir de uma célula, só em 127.0.0.1.
"""

from importlib.util import find_spec

MISSING = "Falta o Ray, que só esta parte extra usa. Instale-o com: python -m course_utils --extra ray"


class MissingRayError(RuntimeError):
    """O Ray não está instalado; a mensagem diz como instalá-lo."""


def require():
    """Levanta `MissingRayError` se o Ray não está instalado."""
    if find_spec("ray") is None:
        raise MissingRayError(MISSING)
