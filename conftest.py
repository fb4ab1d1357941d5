"""O que vale para todos os testes, dos de tests/ aos notebooks que o nbval executa."""

import os
import tempfile
from pathlib import Path

# Os kernels que o nbval inicia herdam o ambiente: sem barras de progresso, as saídas se repetem.
os.environ["TQDM_DISABLE"] = "1"
# Os testes respondem aos exercícios: o progresso guardado em artifacts/ é de quem faz a aula, e ninguém mexe nele.
STATE = tempfile.TemporaryDirectory(prefix="aula-")
os.environ["AULA_STATE"] = STATE.name
RAY = "extra_alem_de_uma_maquina.ipynb"


def pytest_ignore_collect(collection_path, config):
    """O extra do Ray leva minutos, e o Ray se instala à parte: o nbval só o executa quando pedido pelo nome."""
    asked = any(Path(argument).name == RAY for argument in config.args)
    return True if collection_path.name == RAY and not asked else None
