"""O que vale para todos os testes, dos de tests/ aos notebooks que o nbval executa."""

import os

# Os kernels que o nbval inicia herdam o ambiente: sem barras de progresso, as saídas se repetem.
os.environ["TQDM_DISABLE"] = "1"
