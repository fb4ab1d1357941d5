"""O ambiente de quem usa o curso não muda o que ele faz: nem pelo comando, nem de outro jeito."""

import json
import os
import subprocess
import sys

import nbformat
import pytest
from notebook_cells import write_notebook

from course_utils import lesson, settings
from course_utils.model import artifacts

DEAD = "http://127.0.0.1:9"  # ninguém responde ali

PROBE = """
import course_utils
import json, os, sys, urllib.request
import keras, matplotlib, requests
from course_utils.classroom import servers

with servers.start() as server:
    with urllib.request.urlopen(server.url + "health/ready") as answer:
        statuses = [answer.status, requests.get(server.url + "health/ready").status_code]
import matplotlib.pyplot as plt
print(json.dumps({
    "statuses": statuses, "backend": keras.backend.backend(), "format": keras.config.image_data_format(),
    "plots": plt.get_backend(), "dpi": matplotlib.rcParams["figure.dpi"], "requests": requests.__file__,
}))
"""


@pytest.fixture
def hostile(tmp_path):
    """Um ambiente em que tudo atrapalharia: proxy da empresa, outro Keras, outras opções, pacotes falsos."""
    home, shadow = tmp_path / "casa", tmp_path / "sombra"
    for name, text in {
        home / ".keras" / "keras.json": json.dumps({"backend": "theano", "image_data_format": "channels_first"}),
        home / ".config" / "matplotlib" / "matplotlibrc": "figure.dpi: 17\ntext.usetex: True\n",
        shadow / "requests.py": "raise ImportError('o requests errado')\n",
        shadow / "kernels" / "python3" / "kernel.json": json.dumps({"argv": ["false"], "display_name": "outro"}),
        shadow / "ipython" / "profile_default" / "startup" / "00.py": "raise SystemExit('não era para rodar')\n",
    }.items():
        name.parent.mkdir(parents=True, exist_ok=True)
        name.write_text(text, encoding="utf-8")
    proxies = dict.fromkeys(("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY"), DEAD)
    others = {
        "HOME": str(home), "XDG_CONFIG_HOME": str(home / ".config"), "KERAS_BACKEND": "jax", "MPLBACKEND": "TkAgg",
        "FLASK_DEBUG": "1", "GUNICORN_CMD_ARGS": "--bind 0.0.0.0:1", "WEB_CONCURRENCY": "9",
        "UVICORN_HOST": "0.0.0.0", "PYTHONOPTIMIZE": "2", "JUPYTER_PATH": str(shadow),
        "IPYTHONDIR": str(shadow / "ipython"), "PYTEST_ADDOPTS": "--nao-existe", "PYTHONPATH": str(shadow),
        "TF_USE_LEGACY_KERAS": "1",
    }  # fmt: skip
    mine = {name: value for name, value in os.environ.items() if name.lower() not in ("no_proxy", "aula_settings")}
    return mine | proxies | others


def call(arguments, env, **options):
    done = subprocess.run(
        [sys.executable, *map(str, arguments)], cwd=artifacts.ROOT, env=env, capture_output=True, encoding="utf-8",
        check=False, **options,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return done.stdout


def test_what_is_decided_holds_and_what_the_course_gives_to_a_child_stays(tmp_path):
    path = os.pathsep.join([str(tmp_path), str(artifacts.ROOT)])
    mine = {"PATH": "/bin", "no_proxy": "intranet", "PYTHONUTF8": "1", "PYTHONPATH": path}
    settings.apply(mine)
    assert (mine["PATH"], mine["PYTHONUTF8"], mine["PYTHONPATH"]) == ("/bin", "1", str(artifacts.ROOT))
    assert mine["no_proxy"] == "intranet,127.0.0.1,localhost,::1"
    mine["PROMETHEUS_MULTIPROC_DIR"] = "de um servidor do curso"
    settings.apply(mine)
    assert mine["PROMETHEUS_MULTIPROC_DIR"] == "de um servidor do curso"


def test_a_process_opened_another_way_is_protected(hostile, tmp_path):
    probe = tmp_path / "probe.py"
    probe.write_text(f"import sys; sys.path.append({str(artifacts.ROOT)!r})\n" + PROBE, encoding="utf-8")
    seen = json.loads(call([probe], hostile).splitlines()[-1])
    assert seen["statuses"] == [200, 200]
    assert (seen["backend"], seen["format"]) == ("tensorflow", "channels_last")
    assert seen["dpi"] == 100 and "sombra" not in seen["requests"]


@pytest.mark.parametrize("path", lesson.find_notebooks([""]), ids=lambda path: path.stem)
def test_the_first_cell_in_a_kernel_of_another_python_says_what_to_do(path):
    """`-S`: um Python sem pacote algum, com o nome do que faz dele um kernel."""
    kernel = "import sys, types; sys.modules['ipykernel'] = types.ModuleType('ipykernel')\n"
    first = next(cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code")
    done = subprocess.run(
        [sys.executable, "-S", "-c", kernel + first.source], cwd=path.parent, capture_output=True,
        encoding="utf-8", check=False,
    )  # fmt: skip
    last = done.stderr.splitlines()[-1]
    assert done.returncode == 1 and "Este kernel é de outro Python" in last and "python -m course_utils" in last
    assert settings.WrongKernelError("frase")._render_traceback_() == ["frase"]


@pytest.mark.slow
def test_a_notebook_runs_whole_in_a_hostile_environment(hostile, tmp_path):
    """Pelo comando; e uma célula só, com a figura no lugar, num kernel iniciado por outro programa."""
    call(["-m", "course_utils", "run", "00"], hostile, timeout=1200)
    path = write_notebook(tmp_path / "outro.ipynb", PROBE + "\n_ = plt.plot([1, 2])")
    command = ["-m", "jupyter", "nbconvert", "--to", "notebook", "--execute", "--inplace", path]
    own = {name: value for name, value in hostile.items() if not name.startswith(("JUPYTER", "IPYTHON", "PYTHON"))}
    call(command, own, timeout=600)
    outputs = nbformat.read(path, as_version=4).cells[0].outputs
    assert any("image/png" in output.get("data", {}) for output in outputs)
