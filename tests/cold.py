"""Uma aplicação que demora a carregar o modelo: o que os testes da prontidão precisam ver."""


def cold_app(folder, module):
    """O endereço de uma aplicação que leva 1,5 s a mais para carregar o modelo. `module`: o do contrato."""
    code = f"""
import time
from course_utils.serving import store, {module}
load = store._load_and_warm_up
def slow(file):
    time.sleep(1.5)
    return load(file)
store._load_and_warm_up = slow
create_app = {module}.create_app
"""
    (folder / "frio.py").write_text(code, encoding="utf-8")
    return f"{folder / 'frio.py'}:create_app"
