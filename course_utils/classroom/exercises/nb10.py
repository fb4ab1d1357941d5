"""O desafio do laboratório 10."""

from course_utils.classroom.exercises.engine import NotYetError, exercise


@exercise("laboratorios/10_desafio", seconds=150)
def central_no_ar(answer):
    """A entrega do deploy da central; mostra o laudo inteiro."""
    from course_utils.classroom import capstone

    try:
        report = capstone.inspect(answer)
    except capstone.DeliveryError as error:
        raise NotYetError(error.expected, error.received, error.next_step) from None
    print(report, end="\n\n")
    if report.failures:
        first = report.failures[0]
        raise NotYetError(f"{first.expected} ({first.what})", first.received, first.next_step)
