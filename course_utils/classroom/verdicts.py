"""O que se esperava de uma medida, conferido sem interromper: confirmou-se ou não, e o que pode ter pesado."""

import psutil

from course_utils.measure import machine


class Verdicts(dict):
    """`{afirmação: "confirmou-se" ou "não se confirmou"}`: junte-o às medidas no carimbo do passaporte.

    Serve ao que depende da máquina, da carga ou de um treino (um tempo, uma vazão, uma acurácia). O que vale em
    qualquer máquina é um `assert` da própria célula.
    """

    def check(self, claim, holds):
        """Diz se `claim` (uma frase sem ponto) se confirmou nesta máquina; nunca levanta."""
        self[claim] = "confirmou-se" if holds else "não se confirmou"
        if holds:
            print(f"✔ Confirmou-se aqui: {claim}.")
        else:
            print(f"✘ Aqui não se confirmou: {claim}. O que se vê desta máquina: {circumstances()}.")


def circumstances():
    """O que costuma mudar um resultado: instruções do processador, núcleos e quanto eles têm de trabalho agora."""
    sets = machine.instructions()
    told = "instruções que o sistema não declara" if sets is None else ", ".join(sets) or "nem AVX2 nem outras"
    return f"{told}; {machine.cores()}; processador {psutil.cpu_percent(interval=0.1):.0f} % ocupado agora"
