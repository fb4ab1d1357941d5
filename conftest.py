"""O que vale para todos os testes, dos de tests/ aos notebooks que o nbval executa."""

import os
import tempfile

# Os kernels que o nbval inicia herdam o ambiente: sem barras de progresso, as saídas se repetem.
os.environ["TQDM_DISABLE"] = "1"
# Os testes respondem aos exercícios: o progresso guardado em artifacts/ é de quem faz a aula, e ninguém mexe nele.
STATE = tempfile.TemporaryDirectory(prefix="aula-")
os.environ["AULA_STATE"] = STATE.name
