"""Exercício do laboratório 02."""

import numpy as np

from course_utils.classroom.exercises.engine import NotYetError, exercise


@exercise("laboratorios/02_conversoes")
def onnx_lote_dinamico(session):
    """A sessão da rede com softmax: entrada `pixels`, saída `probabilidades`, lote livre."""
    import onnxruntime

    from course_utils.model import digits
    from course_utils.model.predictor import Predictor

    if not isinstance(session, onnxruntime.InferenceSession):
        raise NotYetError("uma sessão", type(session).__name__, "passe o arquivo selado a open_session.")
    inputs, outputs = session.get_inputs(), session.get_outputs()
    names = [item.name for item in inputs], [item.name for item in outputs]
    if names != (["pixels"], ["probabilidades"]):
        expected = "a entrada pixels e a saída probabilidades"
        raise NotYetError(expected, f"{names[0]} e {names[1]}", "dê os nomes em input_names e output_names.")
    if isinstance(inputs[0].shape[0], int):
        raise NotYetError("um lote livre", f"{inputs[0].shape[0]} fixo", "falta dynamic_shapes na exportação.")
    if inputs[0].shape[1:] != [1, 28, 28]:
        raise NotYetError("imagens (1, 28, 28)", f"{inputs[0].shape[1:]}", "use torch.zeros(2, 1, 28, 28).")
    images = digits.load("test")[0][:7]
    predictor = Predictor()
    expected = np.array([item.probabilities for item in predictor.predict(images)])
    answers = [session.run(None, {"pixels": predictor.preprocess(images[:count])})[0] for count in (7, 1)]
    if [answer.shape for answer in answers] != [(7, 10), (1, 10)]:
        shapes = " e ".join(str(answer.shape) for answer in answers)
        raise NotYetError("respostas (7, 10) e (1, 10)", shapes, "a rede deve devolver 10 números por imagem.")
    if not np.allclose(answers[0].sum(axis=1), 1, atol=1e-4) or (answers[0] < 0).any():
        raise NotYetError("10 números que somam 1", "outra soma", "ponha torch.nn.Softmax(dim=1) depois da rede.")
    if not np.allclose(np.concatenate(answers), expected[[*range(7), 0]], atol=1e-4):
        raise NotYetError("as probabilidades do modelo do curso", "outras", "exporte networks.torch_network().")
