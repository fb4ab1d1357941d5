# -*- coding: utf-8 -*-
# A linha acima é para o Python 2.7: até ele precisa ler este arquivo e chegar à frase sobre a versão.
"""Pacote de apoio da Aula 32: importá-lo não custa nada; cada módulo importa só o que usa, onde usa."""

import logging
import sys
import warnings

# No Linux, o PyTorch com CUDA traz o Triton, e o LLVM dele derruba o processo que já importou o TensorFlow. Aqui
# só se usa o processador: sem o Triton, o PyTorch age como o que vem sem CUDA, e calam-se os avisos que ele daria.
sys.modules.setdefault("triton", None)
logging.getLogger("torch.utils.flop_counter").setLevel(logging.ERROR)
warnings.filterwarnings("ignore", "CUDA initialization")

if sys.version_info >= (3, 6):
    from course_utils import settings

    settings.apply()
    settings.require_kernel()
