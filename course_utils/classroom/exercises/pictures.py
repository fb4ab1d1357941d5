"""Exercício do notebook laboratorios/06_imagens_de_verdade."""

import numpy as np

from course_utils.classroom.exercises.engine import NotYetError, exercise

# (o que se experimenta, tons do papel e da tinta, o que se espera no papel e na tinta, o próximo passo)
PAGES = (
    (
        "tinta escura em papel claro",
        255,
        0,
        0,
        1,
        "a tinta é a distância ao tom do papel, que vale 0; uint8 não tem negativos: converta para float.",
    ),
    ("giz em lousa", 0, 255, 0, 1, "a distância não tem sinal: use np.abs."),
    ("lápis claro", 240, 180, 0, 1, "divida pela maior distância: a tinta mais forte vale 1."),
    ("folha em branco", 200, 200, 0, 0, "sem tinta a maior distância é 0: não divida por ela."),
)


@exercise("laboratorios/06_imagens_de_verdade")
def imagens_tinta(answer):
    """De tons de cinza a tinta, de 0 a 1, seja qual for a cor do papel."""
    if not callable(answer):
        raise NotYetError("uma função", type(answer).__name__, "escreva resposta = to_ink, sem parênteses.")
    for what, paper, ink, empty, full, step in PAGES:
        grey = np.full((6, 6), paper, np.uint8)
        grey[2:5, 3], grey[1, 3] = ink, (paper + ink) // 2
        expected = np.full((6, 6), empty, float)
        expected[2:5, 3], expected[1, 3] = full, full / 2
        received = np.asarray(answer(grey.copy()), float)
        if received.shape != expected.shape:
            raise NotYetError(f"a forma {expected.shape}", str(received.shape), "devolva um número por pixel.")
        if not np.allclose(received, expected, atol=0.01):
            found, wanted = (
                f"papel {i[0, 0]:.3}, tinta fraca {i[1, 3]:.3} e forte {i[3, 3]:.3}" for i in (received, expected)
            )
            raise NotYetError(f"{wanted} ({what})", found, step)
