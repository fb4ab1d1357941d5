"""O que se esperava de uma medida, conferido sem interromper: confirmou-se ou não, e o que pode ter pesado."""

import os

import psutil

from course_utils.measure import machine
from course_utils.measure.numbers import br


class Verdicts(dict):
    """`{afirmação: "confirmou-se" ou "não se confirmou"}`: junte-o às medidas no carimbo do passaporte.

    Serve ao que depende da máquina, da carga ou de um treino (um tempo, uma vazão, uma acurácia). O que vale em
    qualquer máquina é um `assert` da própria célula.
    """

    def check(self, claim, holds):
        """Diz se `claim` (uma frase sem ponto) se confirmou nesta máquina; nunca levanta. Devolve bool."""
        self[claim] = "confirmou-se" if holds else "não se confirmou"
        if holds:
            print(f"✔ Confirmou-se aqui: {claim}.")
        else:
            print(f"✘ Aqui não se confirmou: {claim}. O que se vê desta máquina: {circumstances()}.")
        return bool(holds)


def circumstances():
    """O que costuma mudar um resultado: instruções do processador, núcleos e quanto eles têm de trabalho agora."""
    sets = machine.instructions()
    told = "instruções que o sistema não declara" if sets is None else ", ".join(sets) or "nem AVX2 nem outras"
    cores = os.cpu_count() or 1
    busy = br(psutil.getloadavg()[0] / cores)
    return f"{told}; {cores} núcleos; {busy} programa(s) por núcleo querendo rodar"
