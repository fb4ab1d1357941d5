"""O que vale para todos os testes."""

import pytest
from browsing import chromium, jupyterlab
from jupyter_client.manager import start_new_kernel
from tree import copy_into
from waiting import PATIENCE_S

from course_utils.model import artifacts
from course_utils.processes import free_port


def pytest_make_parametrize_id(val):
    """Bytes dão só o tamanho ao nome de um teste: os de um gzip levam a hora, e dois processos coletariam nomes
    diferentes, o que encerra o pytest-xdist."""
    return f"{len(val)} bytes" if isinstance(val, bytes) else None


@pytest.fixture(scope="session")
def fresh_clone(tmp_path_factory):
    """Uma cópia do projeto, como a de quem baixa o ZIP, numa pasta com espaço e acentos."""
    return copy_into(tmp_path_factory.mktemp("Clone da lição") / "aula")


@pytest.fixture(scope="module")
def browser():
    """Um Chromium de verdade. Por módulo: enquanto vive, o Playwright ocupa o laço de eventos desta thread."""
    with chromium() as browser:
        yield browser


@pytest.fixture
def page(browser):
    """Uma página de 1280 × 720, com o que ela pediu à rede em `page.asked`; um erro nela faz o teste falhar."""
    page, errors = browser.new_page(), []
    page.asked = []
    page.on("request", lambda request: page.asked.append(request))
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    page.close()
    assert errors == []


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """O JupyterLab aberto pelo comando do README, numa cópia só dele: devolve o endereço com a senha."""
    # Uma porta livre, e não a primeira: dois testes que abrem um ao mesmo tempo a disputariam.
    folder = copy_into(tmp_path_factory.mktemp("Lição no JupyterLab") / "aula")
    with jupyterlab(folder, "--port", str(free_port())) as address:
        yield address


@pytest.fixture
def kernel():
    """Um kernel de verdade, como o do JupyterLab: `(gerente, cliente)`."""
    manager, client = start_new_kernel(PATIENCE_S, kernel_name="python3", cwd=str(artifacts.ROOT))
    yield manager, client
    client.stop_channels()
    if manager.has_kernel:
        manager.shutdown_kernel(now=True)
