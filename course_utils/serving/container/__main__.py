"""O que o contêiner executa: `docker run IMAGEM serve` vira `python -m course_utils.serving.container serve`.

Só este programa pode sair de 127.0.0.1, e só quando AULA_HOST manda: o Dockerfile a define como 0.0.0.0, porque
dentro de um contêiner é a rede dele que a plataforma alcança. Fora do contêiner, nada a define.
"""

import argparse
import os
import sys

from course_utils.model.artifacts import CorruptedFileError
from course_utils.processes import HOST, when_parent_ends
from course_utils.serving import cloud
from course_utils.serving.__main__ import HTTP, leave
from course_utils.serving.service import log_to_stdout
from course_utils.serving.store import ModelStore

PORT = 8080
GRACE_S = 25  # o SageMaker e o Kubernetes mandam SIGTERM e, 30 s depois, SIGKILL


def http_port():
    """A porta: AIP_HTTP_PORT (Vertex AI), SAGEMAKER_BIND_TO_PORT (SageMaker) ou 8080. Levanta `SettingsError`."""
    for name in ("AIP_HTTP_PORT", "SAGEMAKER_BIND_TO_PORT"):
        if value := os.environ.get(name):
            if not value.isascii() or not value.isdigit() or not 0 < int(value) < 65536:
                raise cloud.SettingsError(f"{name}={value}: esperava uma porta, de 1 a 65535.")
            return int(value)
    return PORT


def main(arguments=None):
    """Serve até o SIGTERM; as requisições em curso têm `GRACE_S` segundos para terminar."""
    parser = argparse.ArgumentParser(prog="python -m course_utils.serving.container", description=__doc__)
    parser.add_argument("command", choices=["serve"], help="o que o SageMaker manda fazer")
    parser.add_argument("--watch-stdin", action="store_true", help="encerra quando a entrada padrão fecha")
    options = parser.parse_args(arguments)
    if options.watch_stdin:
        when_parent_ends(leave)
    try:
        port, model = http_port(), cloud.model_path()
        ModelStore(model)  # só para ver se serve
        app = cloud.create_app(model)
    except (cloud.SettingsError, CorruptedFileError, OSError) as error:
        sys.exit(str(error))
    import uvicorn

    log_to_stdout()
    uvicorn.run(
        app, host=os.environ.get("AULA_HOST", HOST), port=port, access_log=False,
        log_level="warning", timeout_graceful_shutdown=GRACE_S, **HTTP,
    )  # fmt: skip


if __name__ == "__main__":
    main()
