"""Uma AWS de bolso em 127.0.0.1, para o cliente boto3 de verdade: um `endpoint_url` só para tudo.

O *plano de controle* (S3, criar, descrever e apagar no SageMaker, autoscaling) é do moto, sem mudança. O *plano de
dados*, que o moto só finge, é nosso: processos de verdade atendem às invocações, aos pedidos assíncronos e aos
lotes, com os limites e as formas de erro que o modelo de serviço do botocore e a documentação da AWS descrevem.

Não há aqui, e a lição diz: máquinas, IAM (a assinatura chega, mas ninguém a confere), balanceador, preço. A imagem
não é baixada: todo contêiner é `python -m course_utils.serving.container serve`, o programa do nosso Dockerfile,
um processo por variante, seja qual for o número de instâncias.
"""


def create_app():
    """A aplicação WSGI: `servers.start("course_utils.serving.sagemaker_local:create_app", server="werkzeug")`.

    Ao terminar, o processo encerra os contêineres e apaga as pastas deles (em `artifacts/sagemaker_local/`).
    """
    from course_utils.serving.sagemaker_local.control import LocalCloud  # o moto pesa: só quem serve o importa

    cloud = LocalCloud()
    cloud.close_at_exit()
    return cloud
