"""O resultado das perguntas como tabela, em HTML e em texto."""

from dataclasses import dataclass

from course_utils.classroom import tables
from course_utils.classroom.quiz.tally import Result


@dataclass(frozen=True)
class Score:
    """Os resultados por assunto e por notebook; a célula que termina nele mostra as duas tabelas."""

    by_topic: dict[str, Result]
    by_notebook: dict[str, Result]

    def _repr_html_(self):
        topics = tables.html("Por assunto", ("Assunto", "Certas de primeira", "Para reler"), self._topic_rows())
        notebooks = tables.html("Por notebook", ("Notebook", "Certas de primeira"), self._notebook_rows())
        return f"{topics}\n{notebooks}"

    def __repr__(self):
        rows = [*self._topic_rows(), *self._notebook_rows()]
        width = max((len(row[0]) for row in rows), default=0)
        return "\n".join(f"{name:{width}}  {'  '.join(rest)}".rstrip() for name, *rest in rows)

    def _topic_rows(self):
        return [(topic, _count(result), _advice(result)) for topic, result in self.by_topic.items()]

    def _notebook_rows(self):
        return [(name, _count(result)) for name, result in self.by_notebook.items()]


def _count(result):
    """Quantas de quantas, em palavras: "3 de 5" ou "ainda sem resposta"."""
    if not result.answered:
        return f"nenhuma das {result.total} respondida" if result.total > 1 else "ainda não respondida"
    missing = result.total - result.answered
    return f"{result.right} de {result.answered}" + (f" (faltam {missing})" if missing else "")


def _advice(result):
    """O notebook a reler, se houve erro."""
    return result.notebook if result.right < result.answered else "–"
