"""O 04 e o seu laboratório: o que é real em cada célula, a chave da conta, as contas do autoscaling."""

import os
from math import ceil
from unittest.mock import MagicMock

import boto3
import numpy as np
import pytest
import requests
from botocore.exceptions import ClientError
from notebook_cells import cells, defined

from course_utils.classroom import servers

LESSON, LAB = (cells(name, "code") for name in ("04_nuvem", "laboratorios/04_nuvem_a_fundo"))


def find(text, code=LESSON):
    """A única célula da aula (ou do laboratório: `code`) que contém `text`."""
    (cell,) = [cell.source for cell in code if text in cell.source]
    return cell


@pytest.mark.parametrize("code", [LESSON, LAB], ids=["aula", "laboratorio"])
def test_every_code_cell_says_first_what_is_real(code):
    """Menos as recolhidas, que nada ensinam, e a do exercício."""
    taught = [cell for cell in code if "plumbing" not in cell.metadata.get("tags", [])]
    taught = [cell.source.splitlines()[0] for cell in taught if "exercises.check(" not in cell.source]
    assert len(taught) >= 10
    for first in taught:
        assert first.startswith(("# REAL: ", "# SIMULADO: "))
        assert "REAL:" in first and "SIMULADO:" in first or "todas as curvas" in first, first


# ------------------------------------------------------------------ a chave da conta


class Server:
    url = "http://127.0.0.1:9/"


@pytest.fixture
def environment(monkeypatch):
    """Um ambiente com credenciais do aluno, e sem servidor nenhum para iniciar; restaurado ao fim."""
    monkeypatch.setattr(servers, "start", lambda *args, **options: Server())
    before = dict(os.environ)
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    learner = {"AWS_PROFILE": "nao-existe", "AWS_SESSION_TOKEN": "segredo", "HTTP_PROXY": "http://192.0.2.1:1"}
    os.environ.update(learner)
    yield
    os.environ.clear()
    os.environ.update(before)


def open_account(real=False):
    """Executa as duas primeiras células do laboratório com a chave em `real`; devolve o que elas definem."""
    scope, switch = {}, LAB[0].source
    assert "REAL_ACCOUNT = False" in switch, "a chave vem desligada"
    exec(switch.replace("REAL_ACCOUNT = False", f"REAL_ACCOUNT = {real}"), scope)
    exec(LAB[1].source, scope)
    return scope


def open_lesson():
    """O mesmo com as da aula, que não tem chave: é sempre nesta máquina."""
    scope = {"os": os, "boto3": boto3, "servers": servers}
    forget = find("nenhuma credencial sua entra aqui")
    exec(forget[forget.index("for name in") :], scope)
    exec(find("course_utils.pocket_cloud.aws:create_app"), scope)
    return scope


@pytest.mark.parametrize("define", [open_account, open_lesson])
def test_every_client_points_here_past_any_proxy_and_with_no_credential_of_the_learner(environment, define):
    scope = define()
    clients = [scope[name] for name in ("s3", "sagemaker", "runtime", "scaling") if name in scope]
    assert len(clients) >= 3
    for client in clients:
        assert client.meta.endpoint_url.startswith("http://127.0.0.1:9")
        assert client._endpoint.http_session._proxy_config.proxy_url_for(client.meta.endpoint_url) is None
        credentials = client._request_signer._credentials
        assert (credentials.access_key, credentials.token) == ("local", None)
    assert "AWS_PROFILE" not in os.environ
    assert not requests.utils.get_environ_proxies("http://127.0.0.1:9/v1")  # é o que o SDK do Google consulta
    assert define is open_lesson or os.environ["AWS_EC2_METADATA_DISABLED"] == "true"


def test_on_it_warns_about_the_cost_and_points_at_aws(environment, capsys):
    del os.environ["AWS_PROFILE"]
    account = {"AULA_BUCKET": "b", "AULA_ROLE": "r", "AULA_IMAGE": "i", "AWS_DEFAULT_REGION": "us-east-1"}
    os.environ.update(account | {"AWS_ACCESS_KEY_ID": "minha", "AWS_SECRET_ACCESS_KEY": "minha"})
    scope = open_account(real=True)
    assert "ATENÇÃO: cada endpoint cobra por hora" in capsys.readouterr().out
    assert scope["sagemaker"].meta.endpoint_url == "https://api.sagemaker.us-east-1.amazonaws.com"
    assert scope["runtime"]._request_signer._credentials.access_key == "minha"
    assert (scope["bucket"], scope["role"], scope["image"]) == ("b", "r", "i") and "aws" not in scope


REFUSED = ClientError({"Error": {"Code": "ValidationException", "Message": "já existe"}}, "Create")


def account_cells():
    """Os nomes que as células do laboratório veem com a chave ligada, numa conta de mentira; e essa conta."""
    scope, account = open_account(), MagicMock()
    clients = dict.fromkeys(("s3", "sagemaker", "scaling", "session"), account)
    scope |= clients | {"REAL_ACCOUNT": True, "bucket": "meu", "patience": {}}
    exec(find("def create_model(", LAB), scope)
    exec(find("def remove(", LAB).split("\n\n\n")[0], scope)
    return scope, account


def test_what_the_account_already_had_is_refused_and_the_cleaning_does_not_touch_it(environment):
    scope, account = account_cells()
    account.list_buckets.return_value = {"Buckets": [{"Name": "meu"}]}
    account.create_model.side_effect = account.create_endpoint.side_effect = REFUSED
    with pytest.raises(ValueError, match="AULA_BUCKET"):
        exec(find("def upload(", LAB), scope)
    with pytest.raises(ClientError):
        scope["create_model"]("float32", "s3://meu/v1.tar.gz")
    with pytest.raises(ClientError):
        scope["create_endpoint"]("leitor")
    exec(find("delete_model(", LAB), scope | {"vertex": account})
    called = {name for name, *_ in account.mock_calls}
    assert not [name for name in called if name.startswith(("delete", "deregister", "resource", "create_bucket"))]


def test_a_cleaning_that_stopped_goes_on_and_deletes_what_the_notebook_created(environment):
    """A AWS recusa apagar um endpoint que ainda nasce; e a Limpeza vale mesmo que o notebook pare no meio."""
    scope, account = account_cells()
    for names, name in (("buckets", "nosso"), ("endpoints", "leitor"), ("models", "float32")):
        scope[names].append(name)
    account.delete_endpoint.side_effect = [REFUSED, None]
    with pytest.raises(ClientError):
        exec(find("delete_model(", LAB), scope)
    assert scope["endpoints"] == ["leitor"]
    with pytest.raises(NameError, match="vertex"):  # o último a sair é o contêiner que nem nasceu
        exec(find("delete_model(", LAB), scope)
    assert scope["endpoints"] == [] and account.delete_endpoint.call_count == 2
    account.delete_model.assert_called_once_with(ModelName="float32")
    account.resource().Bucket.assert_called_once_with("nosso")
    account.resource().Bucket().delete.assert_called_once_with()


def test_a_jump_is_answered_after_three_minutes_and_the_boot_and_the_way_down_waits_fifteen():
    track = defined("laboratorios/04", {"track"}, np=np, ceil=ceil)["track"]
    steady = np.full(60, 95)  # perto do alvo nada muda
    up = track(np.concatenate([steady, np.full(60, 400)]), target=100)
    assert up.tolist() == [1] * 67 + [4] * 53  # 60, 61 e 62 acima do alvo; mais 5 até servirem
    down = track(np.concatenate([np.full(30, 400), steady]), target=100)
    assert down[29:44].tolist() == [4] * 15 and down[45] == down[-1] == 1
    assert track(np.full(60, 10_000), target=100, highest=7).max() == 7
