"""O SDK do Google que fala com o Google de bolso; como programa, os três passos, dizendo o que pediu à rede."""

import sys

from google.auth.credentials import AnonymousCredentials
from google.cloud import aiplatform

from course_utils.classroom import servers
from course_utils.model import digits

IMAGES = digits.load("test")[0]
MACHINE = {"machine_type": "n1-standard-2"}


def start():
    """O Google de bolso no ar, e o SDK apontado para ele."""
    server = servers.start("course_utils.pocket_cloud.google:create_app", server="werkzeug")
    aiplatform.init(
        project="aula", location="us-central1", api_endpoint=server.url.rstrip("/"), api_transport="rest",
        credentials=AnonymousCredentials(),
    )  # fmt: skip
    return server


def upload(**options):
    return aiplatform.Model.upload(
        display_name="leitor",
        serving_container_image_uri="us-docker.pkg.dev/aula/leitor:1",
        serving_container_predict_route="/ler",
        serving_container_health_route="/saude",
        **options,
    )


def rows(count):
    return IMAGES[:count].reshape(count, -1).tolist()


def main():
    asked, watched = set(), ("socket.connect", "socket.getaddrinfo")
    sys.addaudithook(lambda event, args: asked.add(str(args)) if event in watched else None)
    with start():
        answer = upload().deploy(**MACHINE).predict(instances=rows(3))
        print([item["digit"] for item in answer.predictions])
    print("fora:", [place for place in asked if "127.0.0.1" not in place and "localhost" not in place])


if __name__ == "__main__":
    main()
