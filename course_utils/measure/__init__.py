"""Medidas honestas: latência, tamanho e memória, sempre com a máquina, as threads, n, mediana e p95."""
