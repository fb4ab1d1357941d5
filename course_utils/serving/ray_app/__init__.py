"""O leitor de CEP no Ray Serve: a mesma aplicação, em réplicas que crescem, encolhem e podem estar noutra máquina.

`app` traz as duas peças (`Gateway` e `Reader`); `config.yaml`, quantas réplicas de cada uma; `kuberay.yaml`, o
mesmo num Kubernetes; `cluster` põe um cluster de um nó no ar, a partir de uma célula, só em 127.0.0.1.
"""
