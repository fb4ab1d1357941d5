"""Uma aplicação que só carrega o modelo quando o teste deixa: o que as provas da prontidão precisam ver."""


def cold_app(folder, module):
    """`(endereço da aplicação, função que a deixa aquecer)`. `module`: o do contrato."""
    fire = folder / "fogo"
    code = f"""
import pathlib, time
from course_utils.serving import store, {module}
load = store._load_and_warm_up
def wait_and_load(file):
    while not pathlib.Path({str(fire)!r}).exists():
        time.sleep(0.05)
    return load(file)
store._load_and_warm_up = wait_and_load
create_app = {module}.create_app
"""
    (folder / "frio.py").write_text(code, encoding="utf-8")
    return f"{folder / 'frio.py'}:create_app", fire.touch
