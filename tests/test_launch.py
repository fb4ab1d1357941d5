"""Os comandos e o JupyterLab: cada opção pedida vale uma vez só, e a que não serve vira uma frase."""

import contextlib
import os
import re
import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from browsing import PATIENCE_MS, jupyterlab
from needs import need, need_git
from wheelhouse import PROJECT

from course_utils import __main__ as commands
from course_utils.setup import environment, launch
from course_utils.setup.failures import SetupError

PYENV = Path.home() / ".pyenv/versions"


# ---------------------------------------------------------------- a linha de comando


@pytest.mark.parametrize("version", ["2.7.18", "3.6.15", "3.8.18", "3.10.13"])
def test_a_wrong_python_gets_one_sentence(version):
    python = PYENV / version / "bin" / "python"
    if not python.exists():
        pytest.skip(f"não há Python {version} nesta máquina")
    command, env = [python, "-m", "course_utils", "test"], {"PYTHONDONTWRITEBYTECODE": "1"}
    result = subprocess.run(command, cwd=PROJECT, env=env, capture_output=True, timeout=120, check=False)
    assert result.returncode == 1 and result.stdout == b""
    (said,) = result.stderr.decode().splitlines()
    assert f"Python {version.rsplit('.', 1)[0]}, mas o curso precisa do 3.11, 3.12 ou 3.13" in said


@pytest.fixture
def started(monkeypatch):
    """O que se pediu para executar, em vez de executá-lo: `(comando, variáveis)`."""
    calls = []
    monkeypatch.setattr(launch, "run_child", lambda root, command, **own: calls.append((command, own)) or 0)
    monkeypatch.setattr(environment, "ensure", lambda *_: "python")
    return calls


def test_help_names_every_command_and_option(capsys):
    assert commands.main(["--help"]) == 0
    helped = capsys.readouterr().out
    for command in (*commands.COMMANDS, "--extra", "--kit"):
        assert re.search(rf"^  {command} +\w", helped, re.M), command


TAKEN = "A porta {} não serve: está em uso, é reservada ou não é um número de 1 a 65535."


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ("inexistente", 2, "Não conheço o comando 'inexistente'."),
        ("--extra gpt", 2, "Não conheço o extra 'gpt': há ray e llm."),
        ("--kit", 2, "Falta a pasta depois de --kit."),
        *((f"--port={port}", 1, TAKEN.format(port)) for port in ("0", "70000", "-1", "abc", "", "9555.5")),
    ],
)
def test_what_does_not_serve_is_a_sentence_and_starts_nothing(arguments, code, said, started, capsys):
    assert commands.main(arguments.split()) == code
    assert capsys.readouterr().err.startswith(said) and started == []


@pytest.mark.parametrize(
    ("arguments", "extras", "kit", "rest"),
    [
        (["test", "--extra"], [], None, ["test", "--extra"]),
        (["--extra", "--no-browser"], ["ray", "llm"], None, ["--no-browser"]),
        (["--extra", "ray", "test"], ["ray"], None, ["test"]),
        (["--kit", "E:\\", "--extra", "run"], ["ray", "llm"], "E:\\", ["run"]),
        (["--extra", "ray", "--extra", "llm"], ["ray", "llm"], None, []),
    ],
)
def test_what_comes_before_the_command(arguments, extras, kit, rest):
    assert commands.split(arguments) == (extras, kit, rest)


def test_a_set_up_failure_is_one_line_and_exit_1(monkeypatch, capsys):
    def fail(*_):
        raise SetupError("Uma frase.")

    monkeypatch.setattr(environment, "ensure", fail)
    assert commands.main(["test"]) == 1
    assert capsys.readouterr().err == "Uma frase.\n"


# ---------------------------------------------------------------- o JupyterLab


@pytest.mark.parametrize("options", ["--port PORT", "--ServerApp.port=PORT", "--port=1 --LabApp.port PORT"])
def test_a_port_asked_for_is_the_one_that_opens(options, started, capsys):
    port = launch.choose_port(None)
    assert commands.main(["--no-browser", *options.replace("PORT", str(port)).split()]) == 0
    ((command, own),) = started
    assert f"http://127.0.0.1:{port}/lab/tree/notebooks/00_a_ponte.ipynb?token={own['JUPYTER_TOKEN']}" in (
        capsys.readouterr().out
    )
    names = [option.split("=")[0].split(".")[-1] for option in command if option.startswith("--")]
    assert names.count("port") == 1 and f"--ServerApp.port={port}" in command and "--no-browser" in command


def test_other_options_pass_as_they_came_and_the_lab_sees_only_this_environment(started, capsys):
    assert commands.main(["--ip=0.0.0.0", "--IdentityProvider.token=abc", "--debug"]) == 0
    ((command, own),) = started
    assert command[-1] == "--debug" and own["JUPYTER_TOKEN"] == "abc"
    assert [option for option in command if ".ip" in option] == ["--ServerApp.ip=0.0.0.0"]
    assert capsys.readouterr().out.splitlines()[0].endswith("?token=abc")
    assert own["JUPYTER_CONFIG_DIR"] == str(PROJECT / ".jupyter") and own["JUPYTER_PREFER_ENV_PATH"] == "1"
    for name in ("JUPYTER_DATA_DIR", "IPYTHONDIR"):
        assert Path(own[name]).is_relative_to(PROJECT / "artifacts")


@pytest.mark.parametrize("name", commands.EXTRA_NOTEBOOKS)
def test_an_extra_opens_its_own_notebook(name, started, capsys):
    assert commands.main(["--extra", name]) == 0
    assert (PROJECT / commands.EXTRA_NOTEBOOKS[name]).exists()
    assert f"/lab/tree/{commands.EXTRA_NOTEBOOKS[name]}?" in capsys.readouterr().out


def test_a_taken_port_is_a_sentence_and_without_one_the_next_free_one_is_chosen(started, capsys, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert commands.main([f"--port={port}"]) == 1
    assert capsys.readouterr().err.startswith(TAKEN.format(port)) and started == []
    monkeypatch.setattr(launch, "is_free", lambda port: port >= launch.FIRST_PORT + 3)
    assert launch.choose_port(None) == launch.FIRST_PORT + 3


# ---------------------------------------------------------------- o processo filho


# O comando `data`, com este Python, no lugar do ambiente, e um programa no lugar do dele.
PROGRAM = """
import sys
from course_utils import __main__ as commands
from course_utils.setup import environment
environment.ensure = lambda *_: sys.executable
commands.COMMANDS["data"] = (["-c", sys.argv[1]], "")
sys.exit(commands.main(["data", "--um", "dois três"]))
"""


def start(code, cwd):
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, code], cwd=cwd, env={**os.environ, "PYTHONPATH": str(PROJECT)},
        encoding="utf-8", start_new_session=True, stdout=subprocess.PIPE,
    )  # fmt: skip


def test_a_command_runs_in_the_project_and_its_exit_code_passes(tmp_path):
    code = "import os, sys; print(ascii([os.getcwd(), sys.argv[1:], sys.flags.utf8_mode])); sys.exit(7)"
    command = start(code, tmp_path)
    assert command.communicate(timeout=120)[0].strip() == ascii([str(PROJECT), ["--um", "dois três"], 1])
    assert command.returncode == 7


@pytest.mark.skipif(os.name == "nt", reason="sinais e sessões do POSIX")
def test_asking_it_to_end_ends_the_child_too(tmp_path):
    command = start("import os, time; print(os.getpid(), flush=True); time.sleep(600)", tmp_path)
    pid = int(command.stdout.readline())
    command.terminate()
    command.communicate(timeout=120)
    assert command.returncode == 143 and not psutil.pid_exists(pid)


def test_the_triton_of_a_pytorch_with_cuda_never_meets_tensorflow(tmp_path):
    """Juntos eles derrubam o processo (segfault): foi o que matou o kernel do 01 no Python 3.12 e no 3.13."""
    (tmp_path / "triton.py").write_text("raise SystemExit('carregado')", encoding="utf-8")
    code = "import course_utils, importlib.util as u; exit(u.find_spec('triton') is not None)"
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(PROJECT), str(tmp_path)])}
    assert subprocess.run([sys.executable, "-c", code], env=env, check=False).returncode == 0
    loaded = subprocess.run([sys.executable, "-c", "import triton"], env=env, capture_output=True, check=False)
    assert b"carregado" in loaded.stderr, "sem o pacote do curso, ele seria importado"


def test_what_jupyterlab_writes_is_not_committed():
    need_git()
    written = [".jupyter/lab/user-settings/x.json", ".jupyter/migrated", ".venv", ".venv.anterior-2",
               "artifacts/setup.log"]  # fmt: skip
    ours = [".jupyter/jupyter_lab_config.json", ".jupyter/labconfig/default_setting_overrides.json",
            ".jupyter/custom/custom.css", ".binder/postBuild"]  # fmt: skip
    command = ["git", "check-ignore", *written, *ours]
    assert subprocess.check_output(command, cwd=PROJECT, text=True).split() == written


# ---------------------------------------------------------------- provas demoradas, com o ambiente inteiro


@pytest.mark.slow
def test_binder_accepts_the_repository():
    need("repo2docker")
    command = [sys.executable, "-m", "repo2docker", "--no-build", "--debug", "."]
    result = subprocess.run(command, cwd=PROJECT, capture_output=True, encoding="utf-8", timeout=300, check=False)
    dockerfile = result.stdout + result.stderr
    assert result.returncode == 0, dockerfile[-2000:]
    assert "python=3.11" in dockerfile
    # O postBuild lê o lock e o pacote: os arquivos têm de estar lá antes dele.
    assert re.search(r"COPY --chown=\d+:\d+ src/ .*RUN ./.binder/postBuild", dockerfile, flags=re.S)
    assert "requirements.txt" not in re.sub(r"#.*", "", dockerfile[dockerfile.index("python=3.11") :])


@pytest.mark.slow
@pytest.mark.alone
def test_jupyterlab_opens_within_5_seconds_with_its_port_taken(fresh_clone):
    seconds = []
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(OSError):  # se já estiver ocupada, tanto melhor
            stack.enter_context(socket.create_server(("127.0.0.1", 8888)))
        for _ in range(3):
            started = time.monotonic()
            with jupyterlab(fresh_clone) as url:
                seconds.append(time.monotonic() - started)
            assert ":8888/" not in url and "/lab/tree/notebooks/00_a_ponte.ipynb?token=" in url
    print("segundos até responder:", [round(value, 2) for value in seconds])
    assert min(seconds) <= 5


@pytest.mark.slow
def test_jupyterlab_comes_up_in_portuguese_and_asks_nobody_outside(browser, lab):
    page, asked = browser.new_page(), []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(re.sub(r"/lab/tree/[^?]+", "/", lab))
    page.locator(".jp-Notebook .jp-Cell").first.wait_for(timeout=PATIENCE_MS)
    menus = page.inner_text(".lm-MenuBar").split()
    assert menus == ["Arquivo", "Editar", "Exibir", "Executar", "Kernel", "Abas", "Configurações", "Ajuda"]
    assert page.locator(".Toastify__toast").count() == 0
    page.close()
    assert [url for url in asked if not re.match(r"(http://127\.0\.0\.1|data:|blob:|ws://127)", url)] == []
