"""O que o aluno lê ao conferir uma resposta."""

from course_utils.classroom import exercises

RIGHT, WRONG, BLANK = "✔ Certo!\n", "✘ Ainda não.", "Ainda sem resposta"


def feedback(capsys, name, answer):
    """O texto que `exercises.check` imprime."""
    exercises.check(name, answer)
    return capsys.readouterr().out


def cases(table):
    """`{exercício: [caso, …]}` como uma lista de `(exercício, *caso)`, para o `parametrize`."""
    return [(name, *case) for name, found in table.items() for case in found]


class Explosive:
    """Explode ao virar texto: uma resposta que nenhum aluno daria por bem."""

    def __str__(self):
        raise RuntimeError("bum")
