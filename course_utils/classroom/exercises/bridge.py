"""Exercício do notebook 00."""

from course_utils.classroom.exercises.engine import NotYetError, exercise


@exercise("00_a_ponte")
def ponte_tres_imagens(answer):
    """Os dígitos que o servidor leu nas três primeiras imagens do teste, numa requisição só."""
    from course_utils.model import digits
    from course_utils.model.predictor import Predictor

    expected = [item.digit for item in Predictor().predict(digits.load("test")[0][:3])]
    if not isinstance(answer, list):
        raise NotYetError("uma lista", type(answer).__name__, "junte os três dígitos entre colchetes.")
    if len(answer) != 3:
        raise NotYetError("3 dígitos", f"{len(answer)}", "envie images[:3], que são três imagens.")
    if any(isinstance(item, dict) for item in answer):
        raise NotYetError("só os dígitos", "dicionários", 'de cada previsão, pegue a chave "digit".')
    if answer != expected:
        raise NotYetError(f"{expected}", f"{answer}", "confira se enviou as três primeiras imagens do teste.")
