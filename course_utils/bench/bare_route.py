"""A rota mais nua que se escreve em FastAPI, com o mesmo modelo: é com ela que se compara a vazão do servidor.

Não confere nada do que recebe: só o `bench` a inicia.
"""

import os

import numpy as np
from fastapi import FastAPI, Request

from course_utils.model.predictor import Predictor

app, predictor = FastAPI(), Predictor(os.environ["AULA_MODEL"])


@app.post("/predict")
async def predict(request: Request):
    images = np.frombuffer(await request.body(), np.uint8).reshape(-1, 28, 28)
    answers = predictor.predict(images)
    predictions = [{"digit": answer.digit, "probabilities": answer.probabilities} for answer in answers]
    return {"predictions": predictions, "model_version": "1"}
