"""Duas nuvens de bolso em 127.0.0.1, para clientes de verdade: `aws` (o boto3) e `google` (o SDK da Vertex AI).

As duas iniciam o mesmo contêiner, o programa do nosso Dockerfile, num processo por modelo no ar. Não há aqui, e a
lição diz: máquinas, IAM (a assinatura chega, mas ninguém a confere), balanceador, preço, imagem baixada. O que
falta é recusado pelo nome (501), na exceção do próprio cliente.
"""
