"""O que vale para todos os testes, dos de tests/ aos notebooks que o nbval executa."""

import importlib.util
import os
import tempfile

# Os kernels que o nbval inicia herdam o ambiente: sem barras de progresso, as saídas se repetem.
os.environ["TQDM_DISABLE"] = "1"
# Os testes respondem aos exercícios: o progresso guardado em artifacts/ é de quem faz a aula, e ninguém mexe nele.
STATE = tempfile.TemporaryDirectory(prefix="aula-")
os.environ["AULA_STATE"] = STATE.name
# O Ray é um extra que se instala à parte: sem ele, o nbval não tem como executar este notebook.
collect_ignore = [] if importlib.util.find_spec("ray") else ["notebooks/extra_alem_de_uma_maquina.ipynb"]
