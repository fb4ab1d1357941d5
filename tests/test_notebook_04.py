"""O que o notebook 04 promete: células que dizem o que é real, a chave da conta, e a conta do autoscaling."""

import os

import nbformat
import numpy as np
import pytest

from course_utils import lesson

(PATH,) = lesson.find_notebooks(["04"])
CELLS = [cell.source for cell in nbformat.read(PATH, as_version=4).cells if cell.cell_type == "code"]


def find(text):
    """A única célula que contém `text`."""
    (cell,) = [cell for cell in CELLS if text in cell]
    return cell


def test_every_code_cell_says_first_what_is_real():
    for cell in CELLS:
        first = cell.splitlines()[0]
        assert first.startswith(("# REAL: ", "# SIMULADO: ")) and "REAL:" in first or "todas as curvas" in first, (
            first
        )


# ------------------------------------------------------------------ a chave da conta


@pytest.fixture
def environment(monkeypatch):
    """Um ambiente com credenciais do aluno, restaurado ao fim."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    before = dict(os.environ)
    learner = {"AWS_PROFILE": "nao-existe", "AWS_SESSION_TOKEN": "segredo", "HTTP_PROXY": "http://192.0.2.1:1"}
    os.environ.update(learner)
    yield learner
    os.environ.clear()
    os.environ.update(before)


def open_account(real, server=None, monkeypatch=None):
    """Executa as duas primeiras células com a chave em `real`; devolve o que elas definem."""
    from course_utils.classroom import servers

    if server:
        monkeypatch.setattr(servers, "start", lambda *args, **options: server)
    scope = {}
    exec(CELLS[0].replace("REAL_ACCOUNT = False", f"REAL_ACCOUNT = {real}"), scope)
    exec(CELLS[1], scope)
    return scope


def test_the_switch_comes_off():
    assert "REAL_ACCOUNT = False" in CELLS[0]


def test_off_every_client_points_here_and_no_credential_of_the_learner_is_used(environment, monkeypatch, capsys):
    class Server:
        url = "http://127.0.0.1:9/"

    scope = open_account(False, Server(), monkeypatch)
    for name in ("s3", "sagemaker", "runtime", "scaling"):
        client = scope[name]
        assert client.meta.endpoint_url.startswith("http://127.0.0.1:9")
        assert client._endpoint.http_session._proxy_config.proxy_url_for(client.meta.endpoint_url) is None
        credentials = client._request_signer._credentials
        assert (credentials.access_key, credentials.token) == ("local", None)
    assert os.environ["AWS_EC2_METADATA_DISABLED"] == "true" and "AWS_PROFILE" not in os.environ
    assert capsys.readouterr().out.endswith("Conta de verdade: não\n")


def test_on_it_warns_about_the_cost_and_points_at_aws(environment, capsys):
    del os.environ["AWS_PROFILE"]
    account = {"AULA_BUCKET": "b", "AULA_ROLE": "r", "AULA_IMAGE": "i", "AWS_DEFAULT_REGION": "us-east-1"}
    os.environ.update(account | {"AWS_ACCESS_KEY_ID": "minha", "AWS_SECRET_ACCESS_KEY": "minha"})
    scope = open_account(True)
    assert "ATENÇÃO: cada endpoint cobra por hora" in capsys.readouterr().out
    assert scope["sagemaker"].meta.endpoint_url == "https://api.sagemaker.us-east-1.amazonaws.com"
    assert scope["runtime"]._request_signer._credentials.access_key == "minha"
    assert (scope["bucket"], scope["role"], scope["image"]) == ("b", "r", "i") and "aws" not in scope


# ------------------------------------------------------------------ o autoscaling simulado


@pytest.fixture
def track():
    scope = {"np": np}
    exec(find("def track("), scope)
    return scope["track"]


def test_a_load_near_the_target_changes_nothing(track):
    assert track(np.full(120, 95), target=100).tolist() == [1] * 120


def test_a_jump_is_answered_after_three_minutes_and_the_boot(track):
    demand = np.concatenate([np.full(60, 95), np.full(60, 400)])
    counts = track(demand, target=100)
    assert counts[:67].tolist() == [1] * 67  # 60, 61 e 62 acima do alvo; mais 5 até servirem
    assert counts[67:].tolist() == [4] * 53


def test_the_way_down_waits_fifteen_minutes(track):
    demand = np.concatenate([np.full(30, 400), np.full(60, 95)])
    counts = track(demand, target=100)
    assert counts[29:44].tolist() == [4] * 15 and counts[45] == 1 and counts[-1] == 1


def test_it_stays_between_one_and_the_maximum(track):
    counts = track(np.concatenate([np.full(60, 10_000), np.zeros(120)]), target=100, highest=7)
    assert counts.max() == 7 and counts.min() == 1 and counts[-1] == 1
