# -*- coding: utf-8 -*-
# A linha acima é para o Python 2.7: até ele precisa ler este arquivo e chegar à frase sobre a versão.
"""Pacote de apoio da Aula 32: importá-lo não custa nada; cada módulo importa só o que usa, onde usa."""
