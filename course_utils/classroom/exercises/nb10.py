"""O desafio do laboratório 10."""

from course_utils.classroom.exercises.engine import NotYetError, exercise


@exercise("laboratorios/10_desafio", seconds=150)
def central_no_ar(answer):
    """A entrega do deploy da central; mostra o laudo inteiro."""
    from course_utils.classroom import capstone

    report = capstone.inspect(answer)
    print(report, end="\n\n")
    if report.failures:
        first = report.failures[0]
        raise NotYetError(f"{first.expected} ({first.what})", first.received, first.next_step)
