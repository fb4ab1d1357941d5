"""Respostas que um aluno não daria por bem, para as conferências dos exercícios."""


class Explosive:
    """Explode ao virar texto."""

    def __str__(self):
        raise RuntimeError("bum")
