"""O que do ambiente de quem usa o curso não pode mudar o que ele faz. Só biblioteca padrão.

`apply` roda quando o pacote é importado: no comando `python -m course_utils`, de quem todo o resto herda, ou na
primeira célula de um notebook aberto de outro jeito (VS Code, papermill, um JupyterLab que já estava aberto).
"""

import os
import sys
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
APPLIED = "AULA_SETTINGS"  # marca os descendentes: o que o próprio curso define para um filho fica como está
LOCAL = ("127.0.0.1", "localhost", "::1")
INLINE = "module://matplotlib_inline.backend_inline"

PACKAGES = ("numpy", "ipywidgets", "onnxruntime", "tensorflow", "torch")
WRONG_KERNEL = (
    "Este kernel é de outro Python ({}, em {}), que não tem os pacotes do curso. Rode no terminal, na pasta do "
    "projeto: python -m course_utils. Se prefere este programa, escolha nele o kernel da pasta .venv, que esse "
    "comando prepara."
)

# Opções alheias dos servidores, dos frameworks, do Jupyter, dos testes e do Python: nomes e começos de nomes.
NAMES = (
    "WEB_CONCURRENCY", "FORWARDED_ALLOW_IPS", "PORT", "GUNICORN_CMD_ARGS", "PROMETHEUS_MULTIPROC_DIR",
    "TF_USE_LEGACY_KERAS", "TF_XLA_FLAGS", "XLA_FLAGS", "RAY_ADDRESS", "MPLBACKEND", "MATPLOTLIBRC",
    "PYTEST_ADDOPTS", "PYTEST_PLUGINS", "PYTEST_DISABLE_PLUGIN_AUTOLOAD",
    "GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE",
)  # fmt: skip
PREFIXES = ("FLASK_", "UVICORN_", "KERAS_", "TORCH", "PYTORCH_", "JUPYTER_", "JUPYTERLAB_", "IPYTHON", "PYTHON")
# Estes só mudam como o Python lê e escreve arquivos, ou a senha que a própria pessoa escolheu.
HARMLESS = (
    "PYTHONUTF8", "PYTHONIOENCODING", "PYTHONUNBUFFERED", "PYTHONDONTWRITEBYTECODE", "PYTHONPYCACHEPREFIX",
    "PYTHONHASHSEED", "PYTHONFAULTHANDLER", "JUPYTER_TOKEN",
)  # fmt: skip


def apply(environment=os.environ):
    """Deixa em `environment` só o que o curso decidiu; nada muda num processo que já herdou isto."""
    if APPLIED in environment:
        return
    entries = [entry for entry in environment.get("PYTHONPATH", "").split(os.pathsep) if entry]
    foreign = [entry for entry in entries if Path(entry).resolve() != ROOT]
    hidden = {str(Path(entry).absolute()) for entry in foreign}
    sys.path[:] = [entry for entry in sys.path if entry not in hidden]
    for name in list(environment):
        if name in NAMES or (name.startswith(PREFIXES) and name not in HARMLESS):
            del environment[name]
    environment.update(decided(environment))
    if foreign != entries:  # a pasta deste projeto estava lá: é dela que vem o pacote
        environment["PYTHONPATH"] = str(ROOT)
    environment[APPLIED] = "1"


class WrongKernelError(ImportError):
    """O notebook está num kernel de outro Python; a mensagem diz como achar o do curso."""

    def _render_traceback_(self):
        """O que o IPython mostra no lugar do traceback, que aqui não ajuda ninguém (lista de linhas)."""
        return [str(self)]


def require_kernel():
    """Levanta `WrongKernelError` se este kernel não tem os pacotes do curso; fora de um kernel, nada faz."""
    missing = [name for name in PACKAGES if find_spec(name) is None]
    if "ipykernel" in sys.modules and missing:
        raise WrongKernelError(WRONG_KERNEL.format(".".join(map(str, sys.version_info[:2])), sys.executable))


def decided(environment):
    """As variáveis que o curso define, dado o que há em `environment`."""
    values = {
        "KERAS_BACKEND": "tensorflow",
        "KERAS_HOME": str(ROOT / "artifacts" / "home" / "keras_home"),  # o keras.json da pessoa não vale aqui
        "CUDA_VISIBLE_DEVICES": "-1",  # o que se mede é o processador
        "MATPLOTLIBRC": str(ROOT / "course_utils/classroom/matplotlibrc"),  # nem o estilo dos gráficos dela
        # As threads do PyTorch que esperam a vez dormem em vez de girar: numa máquina ocupada, quem
        # gira tira o processador justamente de quem espera, e um treino leva dezenas de vezes o seu tempo.
        "OMP_WAIT_POLICY": "PASSIVE",
        "TF_CPP_MIN_LOG_LEVEL": "2",  # menos ruído; não muda um número
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
    }
    if "ipykernel" in sys.modules:  # as figuras saem no notebook, qualquer que fosse a janela preferida
        values["MPLBACKEND"] = INLINE
    for name in ("no_proxy", "NO_PROXY"):  # o que fala com esta máquina não passa pelo proxy da empresa
        hosts = [host.strip() for host in environment.get(name, "").split(",") if host.strip()]
        values[name] = ",".join([*hosts, *(host for host in LOCAL if host not in hosts)])
    return values
